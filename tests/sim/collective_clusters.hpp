// Clusters and constants with round numbers for hand arithmetic, and the two that published figures are about.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/cluster.hpp"
#include "sim/collective/collectives.hpp"
#include "sim/collective/fitted.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim::testing {

/// DGX H100 nodes with 8 × 400 Gb/s, as the datasheet has them; no fits.
inline hardware::Cluster h100_cluster(int nodes) {
  hardware::Cluster c;
  hardware::NodeGroup& group = c.groups.emplace_back();
  group.gpu.name = "h100_sxm";
  group.gpu.generation = hardware::load_generation("hopper");
  group.gpu.nvlink_bandwidth = BytesPerSecond{450e9};
  group.gpu.pcie_bandwidth = BytesPerSecond{64e9};
  group.node.gpus = 8;
  group.node.nvswitch = true;
  group.node.in_network_reduction = true;
  group.node.nics = 8;
  group.node.nic_bandwidth = BytesPerSecond{50e9};
  group.node.pcie_bandwidth = BytesPerSecond{64e9};
  c.fabric.kind = hardware::FabricKind::rail_fat_tree;
  c.fabric.leaf_ports = 32;
  group.count = nodes;
  return c;
}

/// DGX A100 nodes with 8 × 200 Gb/s; no fits.
inline hardware::Cluster a100_cluster(int nodes) {
  hardware::Cluster c = h100_cluster(nodes);
  hardware::NodeGroup& group = c.groups[0];
  group.gpu.name = "a100_sxm";
  group.gpu.generation = hardware::load_generation("ampere");
  group.gpu.nvlink_bandwidth = BytesPerSecond{300e9};
  group.gpu.pcie_bandwidth = BytesPerSecond{32e9};
  group.node.in_network_reduction = false;
  group.node.nic_bandwidth = BytesPerSecond{25e9};
  group.node.pcie_bandwidth = BytesPerSecond{32e9};
  return c;
}

/// One protocol without launch cost: 1 µs a hop inside a node, 10 µs across; 100 GB/s inside, 10 GB/s per rank
/// across.
inline CollectiveConstants round_constants() {
  static constexpr std::array<Protocol, 1> kProtocol{
      {{"plain", Seconds{}, Seconds{}, Seconds{1e-6}, Seconds{1e-6}, Seconds{10e-6}, Seconds{1e-6}, Seconds{1e-6},
        Seconds{10e-6}, Seconds{}, 1.0, 1.0, 1.0, false}}};
  CollectiveConstants k;
  k.protocols = kProtocol;
  k.node_bus = BytesPerSecond{100e9};
  k.network_per_rank = k.exchange_per_rank = BytesPerSecond{10e9};
  k.nvls_bus = BytesPerSecond{200e9};
  k.nvls_tree_limit = BytesPerSecond{1e15};
  k.nvls_hop = Seconds{25e-6};
  k.nvls_network_hop = Seconds{20e-6};
  k.exchange_base = Seconds{5e-6};
  k.exchange_peer = Seconds{1e-6};
  k.exchange_network_hop = Seconds{10e-6};
  return k;
}

inline constexpr std::array<CollectiveKind, 6> kAllKinds{CollectiveKind::all_reduce,     CollectiveKind::all_gather,
                                                         CollectiveKind::reduce_scatter, CollectiveKind::all_to_all,
                                                         CollectiveKind::broadcast,      CollectiveKind::reduce};

/// The same law for every algorithm and protocol of `names`, as a profile has it.
inline hardware::Fit law_fit(std::string key, const ProtocolLaw& law,
                             std::initializer_list<const char*> names = {"ring_ll", "ring_ll128", "ring_simple",
                                                                         "nvls_simple", "pairwise_ll",
                                                                         "pairwise_simple"}) {
  hardware::Fit fit;
  fit.key = std::move(key);
  fit.source = "a table";
  for (const char* name : names) add_law(law, name, fit);
  return fit;
}

/// A launch and a wire, nothing between: base + S f / bus.
inline ProtocolLaw straight(double base, double bus) { return {Seconds{base}, {}, {}, {}, BytesPerSecond{bus}}; }

/// What a cluster tells NCCL: its list of algorithms, as NCCL_ALGO.
inline hardware::NcclList algorithms(std::string_view text) { return hardware::parse_nccl_algorithms(text).list; }

/// Its messages go through hosts, whose numbers follow the ranks'.
inline bool adds_on_hosts(const CollectiveRow& row) {
  const LibraryRow* library = other_library(row);
  return library != nullptr && library->host != nullptr;
}

/// Bytes that each rank sends in a list of messages, the switch (rank n) included.
inline std::vector<double> bytes_sent(const std::vector<Transfer>& transfers, int ranks) {
  std::vector<double> sent(static_cast<std::size_t>(ranks) + 1, 0.0);
  for (const Transfer& t : transfers) sent[static_cast<std::size_t>(t.source)] += t.bytes.value();
  return sent;
}

/// Length of the longest chain of messages.
inline int depth(const std::vector<Transfer>& transfers) {
  std::vector<int> at(transfers.size(), 1);
  int most = 0;
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    for (const std::uint32_t before : transfers[i].after) at[i] = std::max(at[i], at[before] + 1);
    most = std::max(most, at[i]);
  }
  return most;
}

/// True if every message waits only for messages before it in the list.
inline bool in_order(const std::vector<Transfer>& transfers) {
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    for (const std::uint32_t before : transfers[i].after) {
      if (before >= i) return false;
    }
  }
  return true;
}

}  // namespace orrery::sim::testing
