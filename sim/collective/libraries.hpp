// Collectives of other libraries than NCCL: rows of the same table (collectives.hpp), which run where a cluster names
// them in place of NCCL's algorithm (collective_algorithm) and can carry the call out. Everything else stays with NCCL.
// NCCL's own kernels over symmetric memory (symmetric.hpp) stand among them: its tuner knows nothing of them.
//
// To add one, copy hierarchical.cpp and add its row to libraries.cpp.
#pragma once

#include <span>

#include "sim/collective/collectives.hpp"

namespace orrery::sim {

/// Such a row, with what is asked of it beside what every row answers.
struct LibraryRow : CollectiveRow {
  int (*additions)(const CollectiveCall&);  ///< one after the other: see rounding_depth()
  Bytes (*host)(const CollectiveCall&) =
      nullptr;  ///< of each rank: read and written in the node's memory; nullptr: none
};

[[nodiscard]] LibraryRow hfreduce_row();            // hfreduce.cpp
[[nodiscard]] LibraryRow hfreduce_nvlink_row();     // hfreduce.cpp
[[nodiscard]] LibraryRow hierarchical_row();        // hierarchical.cpp
[[nodiscard]] LibraryRow halving_doubling_row();    // halving_doubling.cpp
[[nodiscard]] LibraryRow bidirectional_ring_row();  // bidirectional_ring.cpp
[[nodiscard]] LibraryRow gloo_row();                // gloo.cpp
[[nodiscard]] LibraryRow torus_row();               // torus.cpp

/// Additions one after the other on the axes that the group takes of the torus.
[[nodiscard]] int torus_additions(const CollectiveCall& call, const hardware::Site& site);  // torus.cpp

/// Those rows: the last of collective_algorithms().
[[nodiscard]] std::span<const LibraryRow> library_rows();

/// The row as another library's; nullptr: it is NCCL's.
[[nodiscard]] const LibraryRow* other_library(const CollectiveRow& row);

/// The row that the cluster names and NCCL has not; nullptr: it names none, or NCCL's.
[[nodiscard]] const CollectiveRow* named_beside_nccl(const hardware::NcclSettings& settings);

/// The row of another library that the cluster names, if it can carry out the call, that of a torus, which has no NCCL,
/// or NCCL's kernel over symmetric memory (nccl.symmetric); else nullptr: NCCL's rings, trees and switches do.
[[nodiscard]] const CollectiveRow* in_place_of_nccl(const CollectiveCall& call, const hardware::Site& site);

/// Where each rank takes a part of the buffer, p of a node: reduced and gathered inside the nodes, summed among N
/// between them. S 2(p−1)/p inside, S/p 2(N−1)/N on the NICs' share.
[[nodiscard]] LinkLoad parts_load(const CollectiveCall& call);

/// What a node's host sustains for a sum on its cores.
struct HostRates {
  BytesPerSecond link;     ///< of a GPU's copies to and from the memory, each way
  BytesPerSecond memory;   ///< reads and writes together
  BytesPerSecond network;  ///< of the node's NICs, from and to the memory
};

[[nodiscard]] HostRates host_rates(const CollectiveCall& call, const hardware::Site& site);

}  // namespace orrery::sim
