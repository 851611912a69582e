// How NCCL cuts a collective on a ring into messages.
//
// A round of the buffer gives each channel a chunk per rank, which goes round the ring in steps; a chunk is sent in
// slices, so that a rank passes on the first while the second still comes, and a connection buffers eight steps.
//
//   rounds   = ceil(bytes / (channels · n · chunk))
//   chunk    ≤ 2 MiB (Simple: two slices), 32 KiB (LL), 562.5 KiB (LL128) of payload: one slice
//   messages = rounds · steps · slices,  steps = 2(n − 1) for a sum, n − 1 else
//
// Source: NVIDIA/nccl 2.28.9 src/include/collectives.h (steps of a chunk and slice), src/enqueue.cc calcCollChunking,
// src/device/prims_simple.h genericOp (a slice is no less than 1/32 of the most), src/init.cc (buffers).
// Limitation: all channels are taken to be alike, so that one stands for them.
#pragma once

#include <cstdint>
#include <optional>

#include "hardware/units.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::sim {

struct RingChunks {
  std::uint32_t steps = 1;   ///< hops that a chunk takes
  std::uint64_t rounds = 1;  ///< of the buffer
  std::uint32_t slices = 1;  ///< messages of a chunk
  std::uint32_t window = 8;  ///< messages that a connection buffers
  Bytes slice;               ///< of a channel, at most

  /// That a rank sends in each channel.
  [[nodiscard]] std::uint64_t messages() const { return rounds * steps * slices; }
};

/// Of a ring's all_reduce, all_gather or reduce_scatter; nullopt: the choice is none. REQUIRES ranks ≥ 2.
[[nodiscard]] std::optional<RingChunks> ring_chunks(const Choice& choice, const CollectiveCall& call);

}  // namespace orrery::sim
