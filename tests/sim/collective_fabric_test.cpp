// Algorithms of several nodes that are no rings or trees: PAT, and reduction in the fabric's switches (CollNet).
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "sim/collective/collectives.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::bytes_sent;
using testing::depth;
using testing::h100_cluster;
using testing::in_order;
using testing::round_constants;

hardware::Cluster reducing_fabric(int nodes) {
  hardware::Cluster cluster = h100_cluster(nodes);
  cluster.nccl.collnet = true;
  return cluster;
}

double seconds(const CollectiveRow& row, const CollectiveCall& call) {
  return row.time(call, reducing_fabric(call.nodes).site(0), round_constants()).total().value();
}

TEST(Pat, TakesALogarithmOfHopsAndALinearPart) {
  // 8 nodes of 1: 8 us, 3 hops of 10/3.5 us, 8 x 2.8 us; 80 MB x 7/8 / (0.75 x 10 GB/s) = 9.3333 ms.
  const CollectiveCall call{CollectiveKind::all_gather, Bytes{80e6}, 8, 8};
  EXPECT_NEAR(seconds(pat_row(), call), 8e-6 + 30e-6 / 3.5 + 22.4e-6 + 70e6 / 7.5e9, 1e-12);
  EXPECT_TRUE(pat_row().supports(call, h100_cluster(8).site(0)));
  EXPECT_FALSE(pat_row().supports({CollectiveKind::all_gather, Bytes{1.0}, 16, 8}, h100_cluster(8).site(0)))
      << "one rank a node";
  EXPECT_FALSE(pat_row().supports({CollectiveKind::all_reduce, Bytes{1.0}, 8, 8}, h100_cluster(8).site(0)));
}

TEST(Pat, DeliversEveryShardInALogarithmOfSteps) {
  for (const int n : {2, 3, 5, 8, 13}) {
    const auto transfers = pat_row().transfers({CollectiveKind::all_gather, Bytes{static_cast<double>(n)}, n, n});
    ASSERT_TRUE(in_order(transfers));
    std::vector<std::set<int>> holds(static_cast<std::size_t>(n));
    for (int r = 0; r < n; ++r) holds[static_cast<std::size_t>(r)].insert(r);
    std::size_t at = 0;
    for (int d = 1; d < n; d *= 2) {
      const auto before = holds;
      for (int r = 0; r < n; ++r, ++at) {
        // The shards nearest behind the sender: as many as the message is long.
        const auto count = static_cast<int>(transfers[at].bytes.value() + 0.5);
        for (int k = 0; k < count; ++k) {
          const int shard = (transfers[at].source + n - k) % n;
          ASSERT_TRUE(before[static_cast<std::size_t>(transfers[at].source)].count(shard)) << n;
          holds[static_cast<std::size_t>(transfers[at].destination)].insert(shard);
        }
      }
    }
    for (const auto& shards : holds) EXPECT_EQ(shards.size(), static_cast<std::size_t>(n));
    const auto back = pat_row().transfers({CollectiveKind::reduce_scatter, Bytes{static_cast<double>(n)}, n, n});
    for (const double sent : bytes_sent(back, n)) EXPECT_LE(sent, n - 1 + 1e-9);
    EXPECT_EQ(depth(back), depth(transfers));
  }
}

TEST(Collnet, IsOfferedWhereTheFabricReduces) {
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{1e9}, 32, 4};
  for (const CollectiveRow& row : {collnet_direct_row(), collnet_chain_row()}) {
    EXPECT_TRUE(row.supports(call, reducing_fabric(4).site(0))) << row.name;
    EXPECT_FALSE(row.supports(call, h100_cluster(4).site(0))) << row.name;
    EXPECT_FALSE(row.supports({CollectiveKind::all_reduce, Bytes{1e9}, 8, 1}, reducing_fabric(1).site(0))) << row.name;
  }
  EXPECT_TRUE(nvls_row().supports(call, reducing_fabric(4).site(0))) << "the switches of nodes and fabric together";
}

TEST(Collnet, SendsTheBufferOnceThroughTheCards) {
  // 4 nodes of 8: direct 2 (3.7 + 7 x 0.4) + 31 us; 1 GB x 2 x 7/8 / 100 GB/s = 17.5 ms inside, 1 GB/80 GB/s = 12.5 ms.
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{1e9}, 32, 4};
  EXPECT_NEAR(seconds(collnet_direct_row(), call), 44e-6 + 17.5e-3, 1e-12);
  // chain 2 x 7 x 2.8 + 30 us; 2 GB / 100 GB/s = 20 ms.
  EXPECT_NEAR(seconds(collnet_chain_row(), call), 69.2e-6 + 20e-3, 1e-12);
  // nvls: 25 + 18 us; inside 1 GB x 1.75/200 GB/s = 8.75 ms, cards 12.5 ms.
  EXPECT_NEAR(seconds(nvls_row(), call), 43e-6 + 12.5e-3, 1e-12);
}

TEST(Collnet, MessagesAreTheLoads) {
  for (const CollectiveRow& row : {collnet_direct_row(), collnet_chain_row()}) {
    for (const CollectiveKind kind :
         {CollectiveKind::all_reduce, CollectiveKind::all_gather, CollectiveKind::reduce_scatter}) {
      const CollectiveCall call{kind, Bytes{480.0}, 16, 4};
      if (!row.supports(call, reducing_fabric(4).site(0))) continue;
      const auto transfers = row.transfers(call);
      ASSERT_TRUE(in_order(transfers));
      std::vector<double> inside(16, 0.0), up(16, 0.0), down(16, 0.0);
      for (const Transfer& t : transfers) {
        if (t.destination == 16) {
          up[static_cast<std::size_t>(t.source)] += t.bytes.value();
        } else if (t.source == 16) {
          down[static_cast<std::size_t>(t.destination)] += t.bytes.value();
        } else {
          EXPECT_EQ(t.source / 4, t.destination / 4) << "no message between nodes but through the fabric";
          inside[static_cast<std::size_t>(t.source)] += t.bytes.value();
        }
      }
      const LinkLoad load = row.load(call);
      EXPECT_LE(*std::max_element(inside.begin(), inside.end()), load.node.value() + 1e-9) << row.name;
      for (const auto& way : {up, down}) {
        double node = 0.0;
        for (int r = 0; r < 4; ++r) node += way[static_cast<std::size_t>(r)];
        EXPECT_LE(node, 4.0 * load.network.value() + 1e-9) << row.name;
      }
    }
  }
}

TEST(Collnet, IsChosenByNcclForSmallSums) {
  // 16 nodes of 8: direct 44 us whatever the size of the fabric, a tree 6.8 + 2 (7 x 0.6 + 4 x 5) = 55.2.
  const hardware::Cluster cluster = reducing_fabric(16);
  const Choice small = nccl_choice({CollectiveKind::all_reduce, Bytes{1024.0}, 128, 16}, cluster.site(0));
  EXPECT_EQ(small.row->name, "tree") << "by itself NCCL does not take it (NCCL_COLLNET_ENABLE)";
  EXPECT_NE(select({CollectiveKind::all_reduce, Bytes{1024.0}, 128, 16}, cluster.site(0)).row->name, "tree");
}

TEST(RoundingDepth, FollowsTheAlgorithm) {
  const auto depth_of = [&](const CollectiveRow& row, CollectiveKind kind, int ranks, int nodes) {
    const CollectiveRow kept = row;
    return rounding_depth({&kept, hardware::NcclProtocol::simple, 1, 0}, {kind, Bytes{1.0}, ranks, nodes});
  };
  EXPECT_EQ(depth_of(ring_row(), CollectiveKind::all_reduce, 32, 4), 31);
  EXPECT_EQ(depth_of(tree_row(), CollectiveKind::all_reduce, 32, 4), 9) << "chains of 7, 2 levels";
  EXPECT_EQ(depth_of(tree_row(), CollectiveKind::all_reduce, 16, 16), 4);
  EXPECT_EQ(depth_of(nvls_row(), CollectiveKind::all_reduce, 8, 1), 3);
  EXPECT_EQ(depth_of(ring_row(), CollectiveKind::all_gather, 8, 1), 0) << "nothing is added";
  EXPECT_EQ(depth_of(pairwise_row(), CollectiveKind::all_to_all, 8, 1), 0);
}

// By hand: hops of 4 nodes that a call waits for, each 50 us longer; and the share of the cards.
TEST(Transport, AddsToTheHopsBetweenNodesAndTakesItsShareOfTheCards) {
  hardware::Cluster plain = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 4), slow = plain;
  slow.fabric.transport_latency = Seconds{50e-6};
  const auto more = [&](CollectiveKind kind, const char* algorithm) {
    plain.nccl.algorithms = slow.nccl.algorithms = hardware::parse_nccl_algorithms(algorithm).list;
    const CollectiveCall call{kind, Bytes{64e6}, 32, 4};
    return (collective_time(call, slow.site(0)) - collective_time(call, plain.site(0))).value() / 50e-6;
  };
  EXPECT_NEAR(more(CollectiveKind::all_reduce, "ring"), 6.0, 1e-6) << "twice round four nodes, less one each time";
  EXPECT_NEAR(more(CollectiveKind::all_gather, "ring"), 3.0, 1e-6);
  EXPECT_NEAR(more(CollectiveKind::all_reduce, "tree"), 4.0, 1e-6) << "two levels up and down";
  EXPECT_NEAR(more(CollectiveKind::all_to_all, ""), 1.0, 1e-6);
  const CollectiveCall inside{CollectiveKind::all_reduce, Bytes{64e6}, 8, 1};
  EXPECT_EQ(collective_time(inside, slow.site(0)), collective_time(inside, plain.site(0)));
  EXPECT_NEAR(
      (transfer_time(Bytes{1e6}, false, slow.site(0)) - transfer_time(Bytes{1e6}, false, plain.site(0))).value(), 50e-6,
      1e-12);
  slow.fabric.transport_share = 0.5;
  EXPECT_NEAR(timing_constants(slow.site(0), 32, 4).network_per_rank.value(), 0.5 * 50e9, 1.0);
}

struct CountedHops {
  std::string_view row;
  CollectiveKind kind;
  int ranks, nodes;
  double hops;
};

// By each row's equation, by hand. N nodes of p ranks.
const std::vector<CountedHops>& counted_hops() {
  using enum CollectiveKind;
  static const std::vector<CountedHops> table{
      {"ring", all_reduce, 32, 4, 6},              // 2 (N - 1)
      {"ring", all_gather, 32, 4, 3},              // N - 1
      {"ring", broadcast, 32, 4, 3},               // a chain
      {"tree", all_reduce, 40, 5, 4},              // 2 floor(log2 5)
      {"tree", broadcast, 40, 5, 3},               // ceil(log2 5)
      {"nvls", all_reduce, 32, 4, 1},              // to the switches that reduce
      {"nvls_tree", all_reduce, 128, 16, 8},       // 2 log2 16
      {"pat", all_gather, 16, 16, 4 / 3.5},        // log2 16, 3.5 under way at once
      {"collnet_direct", all_reduce, 128, 16, 1},  // to the switches that reduce
      {"collnet_chain", all_reduce, 128, 16, 1},
      {"pairwise", all_to_all, 32, 4, 1},      // 24 peers at once
      {"pairwise", all_to_all, 1024, 128, 8},  // 1,016 peers, 128 at once
      {"hfreduce", all_reduce, 40, 5, 4},      // 2 floor(log2 5)
      {"hfreduce_nvlink", all_reduce, 32, 4, 4},
      {"hierarchical", all_reduce, 32, 4, 6},        // 2 (N - 1)
      {"halving_doubling", all_reduce, 128, 16, 8},  // 2 log2 16
      {"bidirectional_ring", all_reduce, 32, 4, 4},  // twice ceil(16 / 8)
      {"bidirectional_ring", all_gather, 32, 4, 2},
      {"bidirectional_ring", all_reduce, 4, 4, 4},  // twice ceil(2 / 1)
      {"gloo", all_reduce, 32, 4, 6},               // a ring of the processes
      {"symmetric_ll", all_reduce, 8, 1, 0},        // one domain
      {"symmetric", all_gather, 8, 1, 0},
      {"symmetric_multicast", all_reduce, 8, 1, 0},
      {"torus", all_gather, 64, 16, 6},  // three axes of rings of four
      {"torus", all_reduce, 64, 16, 12},
      {"torus", all_to_all, 64, 16, 6}};
  return table;
}

const CollectiveRow& row_named(std::string_view name) {
  const std::span<const CollectiveRow> rows = collective_algorithms();
  return *std::find_if(rows.begin(), rows.end(), [&](const CollectiveRow& row) { return row.name == name; });
}

/// Chips of a torus, pairs on bridges and a host with a memory, or boards with a switch.
hardware::Cluster cluster_of(const CountedHops& counted) {
  if (counted.row.starts_with("hfreduce")) {
    return hardware::make_cluster("a100_pcie_bridged_box", "fat_tree_hdr", counted.nodes);
  }
  if (counted.row != "torus") return hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", counted.nodes);
  hardware::Cluster torus = hardware::make_cluster("tpu_v5p_host", "torus_v5p", 16);
  torus.fabric.torus = {4, 4, 4};
  return torus;
}

TEST(NetworkHops, AreThoseOfEachRowsEquation) {
  for (const CountedHops& counted : counted_hops()) {
    const hardware::Cluster cluster = cluster_of(counted);
    const CollectiveCall call{counted.kind, Bytes{64e6}, counted.ranks, counted.nodes};
    EXPECT_DOUBLE_EQ(row_named(counted.row).network_hops(call, cluster.site(0)), counted.hops)
        << counted.row << " of " << counted.ranks << " on " << counted.nodes;
  }
  for (const CollectiveRow& row : collective_algorithms()) {
    EXPECT_TRUE(std::any_of(counted_hops().begin(), counted_hops().end(), [&](const CountedHops& counted) {
      return counted.row == row.name;
    })) << row.name;
    const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
    const bool asks_for_nodes = row.name == "torus" || row.name == "pat" || row.name.starts_with("collnet");
    const CollectiveKind kind = row.name == "pairwise" ? CollectiveKind::all_to_all : CollectiveKind::all_reduce;
    if (asks_for_nodes) continue;
    EXPECT_EQ(row.network_hops({kind, Bytes{64e6}, 8, 1}, cluster.site(0)), 0.0) << row.name;
  }
}

// A hop between nodes that takes a millisecond longer makes the row's own time longer by as many of them: the figures
// of gloo's messages, of SHARP's switches and of a torus' links are no constants of a protocol.
TEST(NetworkHops, AreWhatTheRowsTimeCounts) {
  constexpr double kLonger = 1e-3;
  for (const CountedHops& counted : counted_hops()) {
    const std::string_view row = counted.row;
    if (row == "gloo" || row == "nvls" || row == "torus" || row.starts_with("collnet")) continue;
    const hardware::Cluster cluster = cluster_of(counted);
    const CollectiveCall call{counted.kind, Bytes{64e6}, counted.ranks, counted.nodes};
    CollectiveConstants plain = timing_constants(cluster.site(0), call.ranks, call.nodes);
    plain.protocols = plain.protocols.last(1);
    Protocol slow = plain.protocols[0];
    slow.ring_network_hop += Seconds{kLonger};
    slow.tree_network_hop += Seconds{kLonger};
    CollectiveConstants longer = plain;
    longer.protocols = std::span(&slow, 1);
    longer.nvls_network_hop += Seconds{kLonger};
    longer.exchange_network_hop += Seconds{kLonger};
    const auto total = [&](const CollectiveConstants& k) {
      return row_named(row).time(call, cluster.site(0), k).total().value();
    };
    EXPECT_NEAR((total(longer) - total(plain)) / kLonger, counted.hops, 1e-6) << row;
  }
}

TEST(Transport, AddsToEachHopOfATorus) {
  hardware::Cluster plain = cluster_of({"torus", CollectiveKind::all_reduce, 64, 16, 12}), slow = plain;
  slow.fabric.transport_latency = Seconds{50e-6};
  const CollectiveCall small{CollectiveKind::all_reduce, Bytes{64.0}, 64, 16};
  EXPECT_NEAR((collective_time(small, slow.site(0)) - collective_time(small, plain.site(0))).value(), 12 * 50e-6, 1e-7);
}

// NVIDIA/nccl-tests#153: two nodes of 8 H800 with 8 cards of 100 Gb/s, all_reduce of 8 GiB in the switches and a tree
// above them: 161 GB/s of bus bandwidth, more than the cards carry, since each node sends the buffer once.
TEST(PublishedBandwidth, OfTwoH800NodesFollowsFromTheirCards) {
  hardware::Cluster cluster = hardware::make_cluster("hgx_h800", "rail_fat_tree_ndr", 2);
  cluster.groups[0].node.nic_bandwidth = BytesPerSecond{12.5e9};
  CollectiveCall call{CollectiveKind::all_reduce, Bytes{8589934592.0}, 16, 2};
  call.dtype = Dtype::fp32;
  const CollectiveEstimate estimate = explain_collective(call, cluster.site(0));
  EXPECT_EQ(estimate.algorithm, "nvls_tree");
  const double bus = call.bytes.value() / estimate.time.value() * bus_factor(call.kind, call.ranks);
  EXPECT_NEAR(bus, 161e9, 0.05 * 161e9);
}

}  // namespace
}  // namespace orrery::sim
