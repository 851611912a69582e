// Collectives of other libraries than NCCL: rows of the same table (collectives.hpp), which run where a cluster names
// them in place of NCCL's algorithm (collective_algorithm) and can carry the call out. Everything else stays with NCCL.
//
// To add one, copy hierarchical.cpp, add its row to collectives.cpp and its traits to libraries.cpp.
#pragma once

#include "sim/collective/collectives.hpp"

namespace orrery::sim {

[[nodiscard]] CollectiveRow hfreduce_row();            // hfreduce.cpp
[[nodiscard]] CollectiveRow hfreduce_nvlink_row();     // hfreduce.cpp
[[nodiscard]] CollectiveRow hierarchical_row();        // hierarchical.cpp
[[nodiscard]] CollectiveRow halving_doubling_row();    // halving_doubling.cpp
[[nodiscard]] CollectiveRow bidirectional_ring_row();  // bidirectional_ring.cpp
[[nodiscard]] CollectiveRow gloo_row();                // gloo.cpp

/// What is asked of such a row beside what every row answers.
struct LibraryTraits {
  std::string_view name;                    ///< of the row
  int (*additions)(const CollectiveCall&);  ///< one after the other: see rounding_depth()
  Bytes (*host)(const CollectiveCall&) =
      nullptr;  ///< of each rank: read and written in the node's memory; nullptr: none
};

[[nodiscard]] LibraryTraits hfreduce_traits();            // hfreduce.cpp
[[nodiscard]] LibraryTraits hfreduce_nvlink_traits();     // hfreduce.cpp
[[nodiscard]] LibraryTraits hierarchical_traits();        // hierarchical.cpp
[[nodiscard]] LibraryTraits halving_doubling_traits();    // halving_doubling.cpp
[[nodiscard]] LibraryTraits bidirectional_ring_traits();  // bidirectional_ring.cpp
[[nodiscard]] LibraryTraits gloo_traits();                // gloo.cpp

/// Of a row of another library; nullptr: the row is NCCL's.
[[nodiscard]] const LibraryTraits* other_library(const CollectiveRow& row);

/// The row that the cluster names and NCCL has not; nullptr: it names none, or NCCL's.
[[nodiscard]] const CollectiveRow* named_beside_nccl(const hardware::NcclSettings& settings);

/// The row of another library that the cluster names, if it can carry out the call; else nullptr: NCCL does.
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
