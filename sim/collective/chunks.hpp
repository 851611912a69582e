// How NCCL cuts a collective into messages.
//
// On a ring a round of the buffer gives each channel a chunk per rank, which goes round in steps; a chunk is sent in
// slices, so that a rank passes on the first while the second still comes. In a tree each channel's chunks go up one
// after the other, and down as the root has them. A connection buffers eight steps.
//
//   ring       rounds = ceil(bytes / (channels · n · chunk)),  messages = rounds · steps · slices
//              steps  = 2(n − 1) for a sum, n − 1 else
//              chunk  ≤ 2 MiB (Simple: two slices), 32 KiB (LL), 562.5 KiB (LL128) of payload: one slice
//   tree       messages = rounds = ceil(bytes / (channels · chunk));  half of the channels go over either tree
//              chunk  ≤ 512 KiB (Simple), 32 KiB (LL), 562.5 KiB (LL128, halved down to 32 KiB while the buffer is less
//              than 64 and 16 chunks for each step over the ranks of a node)
//   nvls_tree  messages = rounds = ceil(bytes / (channels · ranks of a node · chunk))
//              chunk  ≤ 128 KiB, from four nodes on 64 KiB; 64 and 32 KiB where the buffer is less than 4 and 1 of them
//
// Source: NVIDIA/nccl 2.28.9 src/include/collectives.h (steps of a chunk and slice), src/enqueue.cc calcCollChunking,
// src/device/prims_simple.h genericOp (a slice is no less than 1/32 of the most), src/device/all_reduce.h runTreeSplit,
// src/init.cc (buffers).
// Limitation: all channels are taken to be alike, so that one stands for them.
#pragma once

#include <cstdint>
#include <optional>

#include "hardware/units.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::sim {

struct Chunks {
  std::uint32_t steps = 1;   ///< hops that a chunk takes round a ring
  std::uint64_t rounds = 1;  ///< of the buffer
  std::uint32_t slices = 1;  ///< messages of a chunk
  std::uint32_t window = 8;  ///< messages that a connection buffers
  Bytes slice;               ///< of a channel, at most

  /// That a rank of a ring, or a node to another of a tree, sends in each channel.
  [[nodiscard]] std::uint64_t messages() const { return rounds * steps * slices; }
};

/// Of a ring's all_reduce, all_gather or reduce_scatter, and of an all_reduce over the nodes of a tree; nullopt: the
/// choice is none. REQUIRES ranks ≥ 2.
[[nodiscard]] std::optional<Chunks> chunks_of(const Choice& choice, const CollectiveCall& call);

}  // namespace orrery::sim
