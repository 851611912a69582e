// The table of collective algorithms.
//
// A row is a pure family: supports, time and transfers are functions of the call, the cluster and the
// constants. To add an algorithm, copy ring.cpp and add its row to collectives.cpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/units.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"

namespace orrery::sim {

/// A closed-form price in its parts.
struct CollectiveCost {
  Seconds base;               ///< launch and set-up
  Seconds hops;               ///< latency of the steps
  Seconds wire;               ///< bytes over bandwidth
  std::string_view protocol;  ///< the cheapest of the constants' protocols, or empty

  [[nodiscard]] Seconds total() const { return base + hops + wire; }
};

/// One message of a collective. Ranks count from 0, node by node; rank number `ranks` is the NVSwitch of an
/// in-network reduction.
struct Transfer {
  int source = 0;
  int destination = 0;
  Bytes bytes;
  std::vector<std::uint32_t> after;  ///< indices of the transfers that end before this one starts
};

/// What the busiest rank puts on its links, per direction: inside the node, and on its share of the NICs.
struct LinkLoad {
  Bytes node, network;
};

struct CollectiveRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  /// The algorithm can carry out the call.
  bool (*supports)(const CollectiveCall&, const hardware::Site&);
  /// NCCL offers the algorithm for this kind: only such rows are selected.
  bool (*in_nccl)(CollectiveKind);
  /// Uncontended time. REQUIRES supports() and ranks ≥ 2.
  CollectiveCost (*time)(const CollectiveCall&, const hardware::Site&, const CollectiveConstants&);
  /// Bytes per link for the case that links are shared. REQUIRES ranks ≥ 2.
  LinkLoad (*load)(const CollectiveCall&);
  /// The messages in an order in which every `after` comes first. REQUIRES ranks ≥ 2.
  std::vector<Transfer> (*transfers)(const CollectiveCall&);
};

[[nodiscard]] CollectiveRow ring_row();       // ring.cpp
[[nodiscard]] CollectiveRow tree_row();       // tree.cpp
[[nodiscard]] CollectiveRow nvls_row();       // nvls.cpp
[[nodiscard]] CollectiveRow nvls_tree_row();  // nvls.cpp
[[nodiscard]] CollectiveRow pairwise_row();   // pairwise.cpp

/// Every algorithm, in the order in which ties are decided.
[[nodiscard]] std::span<const CollectiveRow> collective_algorithms();

/// What NCCL chooses by itself: the fastest row that it offers, by its constants. REQUIRES ranks ≥ 2.
[[nodiscard]] const CollectiveRow& nccl_choice(const CollectiveCall& call, const hardware::Site& site);

/// The row that carries the call out: the cluster's collective_algorithm where NCCL offers it for this kind and group,
/// else nccl_choice(). REQUIRES ranks ≥ 2.
[[nodiscard]] const CollectiveRow& select_algorithm(const CollectiveCall& call, const hardware::Site& site);

}  // namespace orrery::sim
