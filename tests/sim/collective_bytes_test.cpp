// What all ranks put on their links together, against the messages of each algorithm one by one, and by hand.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/libraries.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::adds_on_hosts;
using testing::h100_cluster;
using testing::kAllKinds;

constexpr double kBytes = 5760.0;

/// Of all ranks: out of and into their links inside the node, and their shares of the NICs.
struct Sums {
  double node_out = 0.0, node_in = 0.0, network_out = 0.0, network_in = 0.0;
};

Sums loads_of(const CollectiveRow& row, const CollectiveCall& call) {
  const LinkLoad load = row.load(call);
  const double node = load.node.value() * call.ranks, network = load.network.value() * call.ranks;
  return {node * load.node_mean.out, node * load.node_mean.in, network * load.network_mean.out,
          network * load.network_mean.in};
}

/// The node on which a vertex of the messages is: a GPU's, a host's or a process's; −1: a switch.
int node_of(int vertex, const CollectiveRow& row, const CollectiveCall& call) {
  const int local = call.ranks / call.nodes;
  if (vertex < call.ranks) return vertex / local;
  if (!adds_on_hosts(row)) return -1;
  return row.name == "gloo" ? (vertex - call.ranks) / local : vertex - call.ranks;
}

/// The same of the messages. A switch is the node's, or the fabric's where several nodes are joined by it; what hosts
/// send each other on a node is in its memory.
Sums messages_of(const CollectiveRow& row, const CollectiveCall& call) {
  Sums sums;
  const bool ici = row.name == "torus";
  for (const Transfer& t : row.transfers(call)) {
    const int from = node_of(t.source, row, call), to = node_of(t.destination, row, call);
    const bool off_node = !ici && (from != to) && (call.nodes > 1);
    if (off_node) {
      if (from >= 0) sums.network_out += t.bytes.value();
      if (to >= 0) sums.network_in += t.bytes.value();
      continue;
    }
    if (t.source < call.ranks) sums.node_out += t.bytes.value();
    if (t.destination < call.ranks) sums.node_in += t.bytes.value();
  }
  return sums;
}

/// Sites on which each of the rows carries something out.
std::vector<hardware::Cluster> clusters(int nodes) {
  std::vector<hardware::Cluster> out{h100_cluster(nodes), h100_cluster(nodes), h100_cluster(nodes)};
  out[1].nccl.collnet = true;
  out[2].groups[0].node.nvswitch = out[2].groups[0].node.in_network_reduction = false;
  out[2].groups[0].gpu.nvlink_bandwidth = BytesPerSecond{};
  out[2].groups[0].node.host_memory_bandwidth = BytesPerSecond{400e9};
  return out;
}

void expect_alike(const CollectiveRow& row, const CollectiveCall& call) {
  const Sums loads = loads_of(row, call), messages = messages_of(row, call);
  const std::string what = std::string(row.name) + " " + std::string(name(call.kind)) + " of " +
                           std::to_string(call.ranks) + " on " + std::to_string(call.nodes);
  EXPECT_NEAR(loads.node_out, messages.node_out, 1e-6) << what;
  EXPECT_NEAR(loads.node_in, messages.node_in, 1e-6) << what;
  EXPECT_NEAR(loads.network_out, messages.network_out, 1e-6) << what;
  EXPECT_NEAR(loads.network_in, messages.network_in, 1e-6) << what;
}

TEST(CollectiveBytes, OfAllRanksAreThoseOfAllMessages) {
  std::vector<std::string_view> seen;
  for (const auto& [ranks, nodes] :
       {std::pair{2, 1}, {3, 1}, {4, 1}, {8, 1}, {4, 2}, {16, 2}, {6, 3}, {6, 6}, {32, 4}, {40, 5}, {8, 8}}) {
    for (const hardware::Cluster& cluster : clusters(nodes)) {
      for (const CollectiveRow& row : collective_algorithms()) {
        // Inside the node a switch takes the place of the chains that it lists.
        if (row.name == "nvls_tree") continue;
        // On several nodes its messages show the node's switch and the fabric's as one.
        if (row.name == "nvls" && nodes > 1) continue;
        // Its GPUs add up in pairs over bridges that are counted nowhere.
        if (row.name == "hfreduce_nvlink") continue;
        for (const CollectiveKind kind : kAllKinds) {
          const CollectiveCall call{kind, Bytes{kBytes}, ranks, nodes};
          if (!row.supports(call, cluster.site(0))) continue;
          expect_alike(row, call);
          seen.push_back(row.name);
        }
      }
    }
  }
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.name == "nvls_tree" || row.name == "hfreduce_nvlink" || row.name == "torus") continue;
    EXPECT_NE(std::find(seen.begin(), seen.end(), row.name), seen.end()) << row.name;
  }
}

TEST(CollectiveBytes, OfATorusAreThoseOfItsRings) {
  const CollectiveRow row = torus_row();
  for (const CollectiveKind kind : kAllKinds) {
    for (const int chips : {2, 4, 8, 64}) expect_alike(row, {kind, Bytes{kBytes}, chips, 1});
  }
}

// Thakur, Rabenseifner & Gropp 2005: what a buffer S over n ranks takes in all.
TEST(CollectiveBytes, AreThoseOfTheTextbook) {
  const auto total = [](const CollectiveRow& row, CollectiveKind kind, int ranks, int nodes) {
    const Sums sums = loads_of(row, {kind, Bytes{kBytes}, ranks, nodes});
    EXPECT_NEAR(sums.node_out + sums.network_out, sums.node_in + sums.network_in, 1e-6);
    return (sums.node_out + sums.network_out) / kBytes;
  };
  for (const auto& [ranks, nodes] : {std::pair{2, 1}, {4, 1}, {8, 1}, {16, 2}, {32, 4}, {6, 6}}) {
    const double others = ranks - 1.0;
    EXPECT_NEAR(total(ring_row(), CollectiveKind::all_reduce, ranks, nodes), 2.0 * others, 1e-9);
    EXPECT_NEAR(total(ring_row(), CollectiveKind::all_gather, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(ring_row(), CollectiveKind::reduce_scatter, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(ring_row(), CollectiveKind::broadcast, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(ring_row(), CollectiveKind::reduce, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(tree_row(), CollectiveKind::all_reduce, ranks, nodes), 2.0 * others, 1e-9);
    EXPECT_NEAR(total(tree_row(), CollectiveKind::broadcast, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(pairwise_row(), CollectiveKind::all_to_all, ranks, nodes), others, 1e-9);
    EXPECT_NEAR(total(bidirectional_ring_row(), CollectiveKind::all_reduce, ranks, nodes), 2.0 * others, 1e-9);
  }
  EXPECT_NEAR(total(pat_row(), CollectiveKind::all_gather, 8, 8), 7.0, 1e-9);
}

TEST(CollectiveBytes, OfARingLeaveEachNodeOnce) {
  // 4 nodes of 8: each of the 4 hops between nodes has 2·31/32 of the buffer, each of the 28 inside too.
  const Sums sums = loads_of(ring_row(), {CollectiveKind::all_reduce, Bytes{kBytes}, 32, 4});
  EXPECT_NEAR(sums.network_out, kBytes * 4.0 * 62.0 / 32.0, 1e-9);
  EXPECT_NEAR(sums.node_out, kBytes * 28.0 * 62.0 / 32.0, 1e-9);
  // A broadcast from node to node: 3 hops, and 7 inside each.
  const Sums down = loads_of(ring_row(), {CollectiveKind::broadcast, Bytes{kBytes}, 32, 4});
  EXPECT_NEAR(down.network_out, kBytes * 3.0, 1e-9);
  EXPECT_NEAR(down.node_out, kBytes * 28.0, 1e-9);
}

// In the switch a rank sends its buffer once and hears the sum once; a tree over the nodes has 2(N − 1) buffers.
TEST(CollectiveBytes, OfATreeOverSwitches) {
  for (const int nodes : {2, 3, 4, 16}) {
    const Sums sums = loads_of(nvls_tree_row(), {CollectiveKind::all_reduce, Bytes{kBytes}, 8 * nodes, nodes});
    EXPECT_NEAR(sums.node_out, kBytes * 8.0 * nodes, 1e-6);
    EXPECT_NEAR(sums.node_in, kBytes * 8.0 * nodes, 1e-6);
    EXPECT_NEAR(sums.network_out, kBytes * 2.0 * (nodes - 1.0), 1e-6);
    EXPECT_NEAR(sums.network_in, kBytes * 2.0 * (nodes - 1.0), 1e-6);
  }
}

// A gather's rank sends its n-th and hears all of it from the switch; its node's cards send a node's part.
TEST(CollectiveBytes, OfAGatherInTheSwitchAreUnlikeBothWays) {
  const Sums one = loads_of(nvls_row(), {CollectiveKind::all_gather, Bytes{kBytes}, 8, 1});
  EXPECT_NEAR(one.node_out, kBytes, 1e-9);
  EXPECT_NEAR(one.node_in, kBytes * 8.0, 1e-9);
  const Sums four = loads_of(nvls_row(), {CollectiveKind::reduce_scatter, Bytes{kBytes}, 32, 4});
  EXPECT_NEAR(four.node_in, kBytes, 1e-9);
  EXPECT_NEAR(four.network_out, kBytes * 4.0, 1e-9) << "each node its sum";
  EXPECT_NEAR(four.network_in, kBytes, 1e-9) << "each node its part";
}

}  // namespace
}  // namespace orrery::sim
