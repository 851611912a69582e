// What the kernels and collectives of a plan take of the GPUs they are on (sim/plan/gpu_shares.hpp).
#pragma once

#include "sim/plan/gpu_shares.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::sim {

/// The HBM bytes of a collective for each that it puts on a wire.
constexpr double kMemoryBytesPerWireByte = 3.0;

/// Of each kernel
///   sms = max(flops/peak, bytes/L2) over the longest of those and bytes/HBM,   memory = HBM bytes / (t · bandwidth)
/// and of each collective and message
///   sms = those that it keeps / all,   memory = 3 · bytes on the wire / (t · bandwidth)
/// each ≤ 1; of a message at both ends alike, though the sender only reads. A collective of ranks on several kinds of
/// GPU is taken as on those that make it last. `durations` are the plan's by those prices.
[[nodiscard]] GpuShares gpu_shares(const Plan& plan, const ClusterPrices& prices, const Durations& durations);

}  // namespace orrery::sim
