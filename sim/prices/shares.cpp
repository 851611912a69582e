#include "sim/prices/shares.hpp"

#include <algorithm>

#include "kernels/table/roofline.hpp"

namespace orrery::sim {

namespace {

double part(Seconds of, Seconds whole) { return whole > Seconds{0.0} ? std::min(1.0, of / whole) : 0.0; }

GpuShare share_of(const KernelEntry& entry, const hardware::Gpu& gpu, SimTime duration) {
  const kernels::Bounds bounds = kernels::roofline_bounds(entry.kernel, gpu);
  const Seconds on_sms = max(bounds.compute, bounds.l2);
  return {part(on_sms, max(on_sms, bounds.memory)),
          part(bounds.memory * static_cast<double>(entry.repeat), to_seconds(duration))};
}

GpuShare share_of(const CollectiveEntry& entry, const Plan& plan, const ClusterPrices& prices) {
  if (plan.groups.at(entry.group.index()).size() == 1) return {};
  const CollectivePrice price = prices.explain(entry, plan);
  const hardware::Gpu& gpu = prices.site(prices.slowest(entry, plan)).gpu;
  const Bytes moved = (price.load.node + price.load.network) * kMemoryBytesPerWireByte;
  return {std::min(1.0, static_cast<double>(price.sms) / gpu.sm_count),
          part(moved / gpu.memory_bandwidth, price.total())};
}

GpuShare share_of(const TransferEntry& entry, const Plan& plan, const ClusterPrices& prices) {
  const hardware::Gpu& gpu = prices.site(prices.slowest(entry, plan)).gpu;
  return {std::min(1.0, static_cast<double>(prices.channels(entry, plan)) / gpu.sm_count),
          part(entry.bytes * kMemoryBytesPerWireByte / gpu.memory_bandwidth, prices.explain(entry, plan).time)};
}

}  // namespace

GpuShares gpu_shares(const Plan& plan, const ClusterPrices& prices, const Durations& durations) {
  GpuShares shares;
  shares.kernels.reserve(durations.kernels.size());
  for (std::uint32_t gpu_class = 0; gpu_class < gpu_classes(plan); ++gpu_class) {
    for (const KernelEntry& entry : plan.kernels) {
      shares.kernels.push_back(share_of(entry, prices.site(gpu_class).gpu, durations.kernels[shares.kernels.size()]));
    }
  }
  for (const CollectiveEntry& entry : plan.collectives) shares.collectives.push_back(share_of(entry, plan, prices));
  for (const TransferEntry& entry : plan.transfers) shares.transfers.push_back(share_of(entry, plan, prices));
  return shares;
}

}  // namespace orrery::sim
