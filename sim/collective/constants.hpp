// Constants that collective algorithms are priced with: latencies of NCCL's protocols, and the bandwidths of a group's
// links that were measured to be sustained. What NCCL reckons with before it chooses stands in nccl/constants.hpp.
//
// Source of latencies and protocol efficiencies: NVIDIA/nccl src/graph/tuning.cc, as there; link rates of
// src/graph/topo.h. What was measured of generations of GPUs stands in their files (hardware/generation.hpp).
#pragma once

#include <span>
#include <string_view>

#include "hardware/cluster.hpp"
#include "hardware/units.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// One wire protocol of NCCL: the fewer flags per byte, the more latency per hop.
struct Protocol {
  std::string_view name;  ///< "LL", "LL128", "Simple"
  Seconds ring_base;      ///< launch and set-up
  Seconds tree_base;
  Seconds ring_node_hop;     ///< one step over NVLink
  Seconds ring_pcie_hop;     ///< one step over PCIe
  Seconds ring_network_hop;  ///< one step through NIC, proxy and switch
  Seconds tree_node_hop;
  Seconds tree_pcie_hop;
  Seconds tree_network_hop;
  Seconds least_ring_step;               ///< a ring over several nodes: no step is shorter than the proxy's overhead
  double ring_efficiency = 1.0;          ///< share of the bus bandwidth that is payload, one node
  double ring_network_efficiency = 1.0;  ///< the same where the ring leaves the node
  double tree_network_efficiency = 1.0;  ///< of the tree's bus bandwidth, relative to Simple
  bool low_latency = false;              ///< LL: bus bandwidth is limited as a whole, not per link
};

/// Ranks that figures of reduction in the switch are of: a full HGX board, as in NCCL's graph search and the published
/// measurements (source: nvls_sustained of hardware/profiles/generations). Fewer have a part of it.
inline constexpr int kSwitchRanks = 8;

/// What the algorithms of one call on one cluster are priced with.
struct CollectiveConstants {
  std::span<const Protocol> protocols;
  bool nvlink = true;                ///< hops inside the node go over NVLink, else PCIe
  double latency_scale = 1.0;        ///< of launches and of hops inside a node
  BytesPerSecond node_bus;           ///< ring bus bandwidth per rank inside a node
  BytesPerSecond network_per_rank;   ///< what one rank's share of the NICs sustains
  BytesPerSecond ll_node_limit;      ///< bus bandwidth of LL on one node
  BytesPerSecond ll_network_limit;   ///< on several nodes
  double tree_efficiency = 1.0;      ///< of the tree's bus bandwidth
  BytesPerSecond nvls_bus;           ///< bus bandwidth of an all_reduce in the switch, kSwitchRanks
  BytesPerSecond nvls_tree_limit;    ///< bus bandwidth of NVLS under a tree over nodes
  Seconds nvls_hop;                  ///< whole latency of the in-switch reduction
  Seconds nvls_network_hop;          ///< one level of the tree over nodes above it
  BytesPerSecond exchange_per_rank;  ///< the same of messages to all nodes alike, see exchange_bound.hpp
  Seconds exchange_base;             ///< all_to_all: launch and set-up
  Seconds exchange_peer;             ///< per peer
  Seconds exchange_network_hop;      ///< per round of peers on other nodes
};

/// Sustained figures: what published and measured bus bandwidths reach.
/// `side_by_side`: see hardware::Site::nvlink_among().
[[nodiscard]] CollectiveConstants timing_constants(const hardware::Site& site, int ranks, int nodes,
                                                   bool side_by_side = true);

/// α and β of one point-to-point message.
struct LinkConstants {
  Seconds latency;
  BytesPerSecond bandwidth;
  std::string_view source;
};
[[nodiscard]] LinkConstants message_constants(const hardware::Site& site, bool same_node);

/// The bus bandwidth that no collective on one node exceeds: the link's rate less NVLink's protocol overhead,
/// and for an all_reduce of a full node what the reduction in the switch was seen to reach.
[[nodiscard]] BytesPerSecond node_bus_limit(const hardware::Gpu& gpu, CollectiveKind kind, int ranks);

/// The slowdown where a group crosses over-subscribed up-links, or 1: leaf downlink over uplink bandwidth if it is
/// larger than a leaf and has GPUs to spare on its nodes, times the same of a spine if it is larger than a pod. Of
/// exchanges see exchange_bound.hpp.
/// The group's nodes are taken to be contiguous, so that it spans as few leaves and pods as can be.
[[nodiscard]] double oversubscription(const hardware::Site& site, int ranks, int nodes);

/// Line rate of what joins two groups of a dragonfly, or two sites.
[[nodiscard]] BytesPerSecond global_bandwidth(const hardware::Site& site);

/// What a group of `nodes` nodes waits for on global links of a dragonfly, or between sites, beside the hops inside: a
/// ring crosses every border once in each pass, an exchange one, a chain each but the last.
[[nodiscard]] Seconds border_latency(const hardware::Site& site, CollectiveKind kind, int nodes);

/// Ranks of the group on one node, rounded up.
[[nodiscard]] inline int ranks_per_node(int ranks, int nodes) {
  return nodes <= 1 ? ranks : (ranks + nodes - 1) / nodes;
}

}  // namespace orrery::sim
