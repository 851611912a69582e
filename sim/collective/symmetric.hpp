// NCCL's kernels over symmetric memory: both buffers of a call are registered as windows (ncclCommWindowRegister with
// NCCL_WIN_COLL_SYMMETRIC), so that a rank loads from and stores to its peers' without a copy between.
//
//   symmetric_ll         every rank stores its buffer with its flags to all others and adds what it hears:
//                        all_reduce 9 n B bus bytes, all_gather and reduce_scatter the same of a rank's part B
//   symmetric            direct loads and stores: all_reduce 2 B (n−1)/n, the others (n−1) B of a rank's part
//   symmetric_multicast  the same through the switch, which adds on loads and copies on stores: all_reduce B + B/n
//
// NCCL reckons each of them, over its thread blocks, with
//
//   t  = base + softplus(bus bytes / bw − 1 µs, 1 µs)        softplus(x, s) = s ln(1 + e^(x/s))
//   bw = softmin(blocks · rate · multiple, peak, rate)       softmin(x, c, s) = c − s ln(1 + (e^(c/s) − 1) e^(−x/s))
//
// takes of each the fewest blocks that come within 2.5 % of its best, and then the kernel whose time is least after
// 2.5 % for every block. That is the choice here. The time is that of all blocks, which the chosen come within 2.5 %
// of, so that it grows with the bytes; and no less than they take on the link at its rate less NVLink's protocol
// overhead: the peaks of the model (480 GiB/s on Hopper) are above the wire. A multicast comes back to the rank that
// sent it, so that gathers through the switch are no faster than rings at large sizes.
//
// Source: NVIDIA/nccl src/sym_kernels.cc (2.30.7; 2.28.9 reckons these kernels alike), introduced in 2.27.
// Limitations: one NVLink domain (over nodes NCCL 2.30 has kernels of the network's own, which are not modelled); the
// variants by the tensor memory accelerator, off by default, are left out.
#pragma once

#include <optional>

#include "sim/collective/collectives.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {

[[nodiscard]] LibraryRow symmetric_ll_row();
[[nodiscard]] LibraryRow symmetric_row();
[[nodiscard]] LibraryRow symmetric_multicast_row();

/// One of them on so many thread blocks.
struct SymmetricKernel {
  const CollectiveRow* row = nullptr;  ///< of collective_algorithms()
  int blocks = 0;                      ///< of 512 threads
  Seconds time;                        ///< that NCCL reckons with
};

/// What NCCL takes for a call whose buffers are windows; nullopt: it has no such kernel for it. REQUIRES ranks ≥ 2.
[[nodiscard]] std::optional<SymmetricKernel> symmetric_kernel(const CollectiveCall& call, const hardware::Site& site);

/// The same of one of the rows above. REQUIRES that it supports the call.
[[nodiscard]] SymmetricKernel symmetric_kernel(const CollectiveRow& row, const CollectiveCall& call,
                                               const hardware::Site& site);

/// The row is one of the three.
[[nodiscard]] bool is_symmetric(const CollectiveRow& row);

}  // namespace orrery::sim
