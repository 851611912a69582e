// The table of collective algorithms.
//
// A row is a pure family: supports, time and transfers are functions of the call, the cluster and the
// constants. To add an algorithm, copy ring.cpp and add its row to collectives.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/units.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/nccl/tuner.hpp"

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
///
/// A root has nobody before it, the end of a chain nobody after it, and the rank that sends off its node spares a link
/// inside it: ends and roots take turns over channels and calls, so that a rank's links carry in the mean what all of
/// them do over n. Σ over ranks of node·node_mean.out + network·network_mean.out is what all messages have together.
struct LinkLoad {
  /// Of the busiest rank's bytes, what ranks put on their links in the mean: out of them and into them.
  struct Mean {
    double out = 1.0, in = 1.0;
  };
  Bytes node, network;
  Mean node_mean{}, network_mean{};
};

/// One rank has the buffer at first, or in the end.
[[nodiscard]] constexpr bool has_root(CollectiveKind kind) {
  return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce;
}

/// As much out of them as into them.
[[nodiscard]] constexpr LinkLoad::Mean both_ways(double mean) { return {mean, mean}; }
/// Where one of n ranks, or nodes, is spared: (n − 1)/n.
[[nodiscard]] constexpr LinkLoad::Mean all_but_one(int n) { return both_ways((n - 1.0) / n); }
/// Where switches add or copy: of n, each has its own part to give of a gather, and to hear of a scatter.
[[nodiscard]] constexpr LinkLoad::Mean part_of(CollectiveKind kind, int n) {
  return {kind == CollectiveKind::all_gather ? 1.0 / n : 1.0, kind == CollectiveKind::reduce_scatter ? 1.0 / n : 1.0};
}

struct CollectiveRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  std::optional<hardware::NcclAlgorithm> nccl;  ///< which of NCCL's it is; none: its exchange or another library's
  /// The algorithm can carry out the call.
  bool (*supports)(const CollectiveCall&, const hardware::Site&);
  /// Uncontended time. REQUIRES supports() and ranks ≥ 2.
  CollectiveCost (*time)(const CollectiveCall&, const hardware::Site&, const CollectiveConstants&);
  /// Bytes per link for the case that links are shared. REQUIRES ranks ≥ 2.
  LinkLoad (*load)(const CollectiveCall&);
  /// The messages in an order in which every `after` comes first. REQUIRES ranks ≥ 2.
  std::vector<Transfer> (*transfers)(const CollectiveCall&);
  /// Hops between nodes that the call waits for one after the other, by the row's equation: what a longer hop adds to
  /// time(). 0 on one node; on a torus all hops, which are between chips.
  double (*network_hops)(const CollectiveCall&, const hardware::Site&);
};

[[nodiscard]] CollectiveRow ring_row();            // ring.cpp
[[nodiscard]] CollectiveRow tree_row();            // tree.cpp
[[nodiscard]] CollectiveRow nvls_row();            // nvls.cpp
[[nodiscard]] CollectiveRow nvls_tree_row();       // nvls.cpp
[[nodiscard]] CollectiveRow pairwise_row();        // pairwise.cpp
[[nodiscard]] CollectiveRow pat_row();             // pat.cpp
[[nodiscard]] CollectiveRow collnet_direct_row();  // collnet.cpp
[[nodiscard]] CollectiveRow collnet_chain_row();   // collnet.cpp

/// Every algorithm, in the order in which ties are decided.
[[nodiscard]] std::span<const CollectiveRow> collective_algorithms();

/// NCCL has the algorithm for calls of this kind.
[[nodiscard]] bool nccl_offers(const CollectiveRow& row, CollectiveKind kind);

/// What carries a call out, apart from how long it takes.
struct Choice {
  const CollectiveRow* row = nullptr;
  hardware::NcclProtocol protocol = hardware::NcclProtocol::simple;
  int channels = 1;  ///< thread blocks, each on an SM
  int threads = 0;   ///< of each
  /// Latencies that a group of operations pays one after the other: ceil(operations / channels) of a ring.
  int rounds = 1;
  /// Of the bandwidth of its graph, what the channels that NCCL is allowed carry.
  double share = 1.0;
  /// Of a ring of LL128 over nodes: what a channel carries over what its links do, as NCCL reckons it (36.7 of 48 GB/s
  /// on Hopper, 40 on Blackwell), at most 0.92; 0: as the protocol has it by itself.
  double channel_share = 0.0;
  int additions = -1;  ///< see rounding_depth(), where they hang on the machine; -1: on the call alone

  [[nodiscard]] bool same_way(const Choice& other) const { return row == other.row && protocol == other.protocol; }
  /// On as many channels and threads, of which the links carry as much.
  [[nodiscard]] bool as_wide(const Choice& other) const {
    return channels == other.channels && threads == other.threads && rounds == other.rounds && share == other.share;
  }
};

/// What NCCL of the cluster's version chooses by itself, by its own cost model (nccl/tuner.hpp). REQUIRES ranks ≥ 2.
[[nodiscard]] Choice nccl_choice(const CollectiveCall& call, const hardware::Site& site);

/// What carries the call out: the same under what the cluster's nccl tells it. REQUIRES ranks ≥ 2.
[[nodiscard]] Choice select(const CollectiveCall& call, const hardware::Site& site);
/// The same by who keeps the tuner of the call's communicator, nccl::Tuner(nccl::box_of(site, ranks, nodes)).
[[nodiscard]] Choice select(const CollectiveCall& call, const hardware::Site& site, const nccl::Tuner& tuner);

/// What the cluster's nccl tells NCCL to take leaves nothing that it has for the call, or is another library's that
/// can't carry it out: such a call is refused, and the choice is what NCCL takes without being told.
[[nodiscard]] bool nccl_refuses(const Choice& choice, CollectiveKind kind, const hardware::NcclSettings& settings);

/// The kind adds elements up.
[[nodiscard]] constexpr bool sums(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::reduce_scatter || kind == CollectiveKind::reduce;
}

/// Additions that an element of a sum goes through one after the other, each of which rounds: n − 1 in a ring, a tree's
/// levels and its chains, log2 in a switch. 0 for what sums nothing. It says nothing of whether training converges.
[[nodiscard]] int rounding_depth(const Choice& choice, const CollectiveCall& call);

/// Of a ring over the nodes: N − 1 hops, twice that where it sums for all.
[[nodiscard]] double ring_network_hops(const CollectiveCall& call, const hardware::Site& site);  // ring.cpp
/// Of a tree over the nodes: ⌊log2 N⌋ levels up and down, or ⌈log2 N⌉ one way.
[[nodiscard]] double tree_network_hops(const CollectiveCall& call, const hardware::Site& site);  // tree.cpp

/// Uncontended time of a choice in closed form.
[[nodiscard]] CollectiveCost closed_form(const Choice& choice, const CollectiveCall& call, const hardware::Site& site,
                                         const CollectiveConstants& constants);

}  // namespace orrery::sim
