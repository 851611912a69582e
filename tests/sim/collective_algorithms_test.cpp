#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "sim/collective/libraries.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::adds_on_hosts;
using testing::bytes_sent;
using testing::depth;
using testing::h100_cluster;
using testing::in_order;
using testing::kAllKinds;
using testing::round_constants;

double seconds(const CollectiveRow& row, const CollectiveCall& call) {
  return row.time(call, h100_cluster(call.nodes).site(0), round_constants()).total().value();
}

TEST(Ring, AllReduceIsTwoPassesOfChunks) {
  // 2(n−1)(α + S/(nβ)) = 2·7·(1 µs + 800 MB/8 / 100 GB/s) = 14·(1 µs + 1 ms) = 14.014 ms
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::all_reduce, Bytes{800e6}, 8, 1}), 14.014e-3, 1e-12);
}

TEST(Ring, AllGatherAndReduceScatterAreOnePassEach) {
  // 7·(1 µs + 1 ms) = 7.007 ms
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::all_gather, Bytes{800e6}, 8, 1}), 7.007e-3, 1e-12);
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::reduce_scatter, Bytes{800e6}, 8, 1}), 7.007e-3, 1e-12);
}

TEST(Ring, BroadcastIsAPipelinedChain) {
  // 7 hops of 1 µs, then 800 MB / 100 GB/s = 8 ms
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::broadcast, Bytes{800e6}, 8, 1}), 8.007e-3, 1e-12);
}

TEST(Ring, CrossesNodesWithTheNicsOfAllItsRanks) {
  // 16 ranks on 2 nodes: 30 steps, of which 2(2−1) = 2 are network hops: 28·1 + 2·10 = 48 µs.
  // Bandwidth min(100, 8·10) = 80 GB/s; 800 MB · 30/16 / 80 GB/s = 18.75 ms.
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::all_reduce, Bytes{800e6}, 16, 2}), 18.798e-3, 1e-12);
}

TEST(Ring, WithOneRankPerNodeHasOneNicShare) {
  // 8 ranks on 8 nodes: 14 network hops of 10 µs; 800 MB · 1.75 / 10 GB/s = 140 ms.
  EXPECT_NEAR(seconds(ring_row(), {CollectiveKind::all_reduce, Bytes{800e6}, 8, 8}), 140.14e-3, 1e-12);
}

TEST(Ring, LatencyEqualsNcclsOwnFigures) {
  // NCCL 2.28.9's tuner on DGX H100, 2 nodes, LL: all_reduce 40.0 µs = 6.6 + 28·1.0 + 2·2.7; on one node 15.0 µs =
  // 6.6 + 14·0.6; all_gather 10.8 µs = 6.6 + 7·0.6 (printed by its graph search on a hand-written topology).
  const Bytes tiny{1.0};
  auto latency = [&](CollectiveKind kind, int ranks, int nodes) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    return ring_row()
        .time({kind, tiny, ranks, nodes}, cluster.site(0), timing_constants(cluster.site(0), ranks, nodes))
        .total()
        .value();
  };
  EXPECT_NEAR(latency(CollectiveKind::all_reduce, 16, 2), 40.0e-6, 1e-9);
  EXPECT_NEAR(latency(CollectiveKind::all_reduce, 8, 1), 15.0e-6, 1e-9);
  EXPECT_NEAR(latency(CollectiveKind::all_gather, 8, 1), 10.8e-6, 1e-9);
}

TEST(Ring, SendsTheBytesOfTheClosedForm) {
  for (const CollectiveKind kind :
       {CollectiveKind::all_reduce, CollectiveKind::all_gather, CollectiveKind::reduce_scatter}) {
    const CollectiveCall call{kind, Bytes{960.0}, 6, 1};
    const auto transfers = ring_row().transfers(call);
    const auto sent = bytes_sent(transfers, 6);
    for (int r = 0; r < 6; ++r) EXPECT_NEAR(sent[static_cast<std::size_t>(r)], 960.0 * bus_factor(kind, 6), 1e-9);
    EXPECT_EQ(depth(transfers), kind == CollectiveKind::all_reduce ? 10 : 5);
    EXPECT_TRUE(in_order(transfers));
  }
}

TEST(Ring, DeliversEveryShardToEveryRank) {
  // all_gather: follow which shards a rank holds. Step s, rank r sends the shard that it received in step s−1.
  const int n = 5;
  const auto transfers = ring_row().transfers({CollectiveKind::all_gather, Bytes{5.0}, n, 1});
  std::vector<std::set<int>> holds(n);
  std::vector<int> carried(transfers.size());
  for (int r = 0; r < n; ++r) holds[static_cast<std::size_t>(r)].insert(r);
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    const Transfer& t = transfers[i];
    carried[i] = t.source;
    for (const std::uint32_t before : t.after) {
      if (transfers[before].destination == t.source) carried[i] = carried[before];
    }
    ASSERT_TRUE(holds[static_cast<std::size_t>(t.source)].count(carried[i]));
    holds[static_cast<std::size_t>(t.destination)].insert(carried[i]);
  }
  for (const auto& shards : holds) EXPECT_EQ(shards.size(), 5u);
}

TEST(Tree, LatencyGrowsWithTheLogarithmOfNodes) {
  // 8 nodes of 1 rank: 2·⌊log2 8⌋·10 µs = 60 µs; 2S/B = 2·10 MB/10 GB/s = 2 ms.
  EXPECT_NEAR(seconds(tree_row(), {CollectiveKind::all_reduce, Bytes{10e6}, 8, 8}), 2.06e-3, 1e-12);
  // Two nodes are one edge: 2·10 µs, S/B = 1 ms.
  EXPECT_NEAR(seconds(tree_row(), {CollectiveKind::all_reduce, Bytes{10e6}, 2, 2}), 1.02e-3, 1e-12);
  // 4 nodes of 8: 2·(7·1 + 2·10) = 54 µs; 2·10 MB/80 GB/s = 0.25 ms against 0.2 ms in the node.
  EXPECT_NEAR(seconds(tree_row(), {CollectiveKind::all_reduce, Bytes{10e6}, 32, 4}), 0.304e-3, 1e-12);
}

TEST(Tree, BroadcastGoesDownOnly) {
  // 6 nodes of 1: ⌈log2 6⌉ = 3 hops of 10 µs; 10 MB/10 GB/s = 1 ms.
  EXPECT_NEAR(seconds(tree_row(), {CollectiveKind::broadcast, Bytes{10e6}, 6, 6}), 1.03e-3, 1e-12);
}

TEST(Tree, SumsEveryRankAndReachesEveryRank) {
  for (const int nodes : {2, 3, 4, 5, 8, 13}) {
    const int n = nodes * 2;
    const auto transfers = tree_row().transfers({CollectiveKind::all_reduce, Bytes{100.0}, n, nodes});
    ASSERT_TRUE(in_order(transfers));
    ASSERT_EQ(transfers.size(), static_cast<std::size_t>(2 * 2 * (n - 1))) << "two trees, up and down each edge";
    for (std::size_t tree = 0; tree < 2; ++tree) {
      // What each rank has summed; on the way down the sum replaces it.
      std::vector<std::set<int>> sums(static_cast<std::size_t>(n));
      for (int r = 0; r < n; ++r) sums[static_cast<std::size_t>(r)].insert(r);
      const std::size_t count = transfers.size() / 2;
      for (std::size_t i = tree * count; i < (tree + 1) * count; ++i) {
        const auto& from = sums[static_cast<std::size_t>(transfers[i].source)];
        sums[static_cast<std::size_t>(transfers[i].destination)].insert(from.begin(), from.end());
      }
      for (const auto& sum : sums)
        EXPECT_EQ(sum.size(), static_cast<std::size_t>(n)) << nodes << " nodes, tree " << tree;
    }
  }
}

TEST(Tree, LoadsNoRankWithMoreThanTwiceTheBuffer) {
  // A rank that is inner in one tree is a leaf of the other: up S/2, down 2·S/2 and up S/2 at most, i.e. 2S.
  for (const int nodes : {4, 8, 16}) {
    const auto sent = bytes_sent(tree_row().transfers({CollectiveKind::all_reduce, Bytes{100.0}, nodes, nodes}), nodes);
    EXPECT_LE(*std::max_element(sent.begin(), sent.end()), 200.0 + 1e-9) << nodes;
  }
}

TEST(Nvls, MovesTheBufferOncePerDirection) {
  // 25 µs + 1 GB·1.75/200 GB/s = 8.775 ms
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{1e9}, 8, 1};
  EXPECT_NEAR(seconds(nvls_row(), call), 8.775e-3, 1e-12);
  const auto sent = bytes_sent(nvls_row().transfers(call), 8);
  for (int r = 0; r < 8; ++r) EXPECT_DOUBLE_EQ(sent[static_cast<std::size_t>(r)], 1e9);
  EXPECT_DOUBLE_EQ(sent[8], 8e9) << "the switch writes the sum to every rank";
  EXPECT_EQ(depth(nvls_row().transfers(call)), 2);
}

TEST(Nvls, NeedsASwitchThatReduces) {
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{1e9}, 8, 1};
  EXPECT_TRUE(nvls_row().supports(call, h100_cluster(1).site(0)));
  EXPECT_FALSE(nvls_row().supports(call, a100_cluster(1).site(0)));
  EXPECT_FALSE(nvls_row().supports({CollectiveKind::all_reduce, Bytes{1e9}, 16, 2}, h100_cluster(2).site(0)));
  EXPECT_FALSE(nvls_row().supports({CollectiveKind::broadcast, Bytes{1e9}, 8, 1}, h100_cluster(1).site(0)));
}

TEST(NvlsTree, IsBoundByTheNicsOfTheNode) {
  // 4 nodes: 25 + 2·2·20 = 105 µs; 2S over 8·10 GB/s = 25 ms for 1 GB, more than 8.75 ms in the node.
  EXPECT_NEAR(seconds(nvls_tree_row(), {CollectiveKind::all_reduce, Bytes{1e9}, 32, 4}), 25.105e-3, 1e-12);
  // 2 nodes exchange once: 25 + 2·20 = 65 µs; 12.5 ms.
  EXPECT_NEAR(seconds(nvls_tree_row(), {CollectiveKind::all_reduce, Bytes{1e9}, 16, 2}), 12.565e-3, 1e-12);
}

TEST(Pairwise, OverlapsWhatStaysInTheNodeWithWhatLeavesIt) {
  // One node: 5 + 7·1 = 12 µs; 800 MB·7/8/100 GB/s = 7 ms.
  EXPECT_NEAR(seconds(pairwise_row(), {CollectiveKind::all_to_all, Bytes{800e6}, 8, 1}), 7.012e-3, 1e-12);
  // 2 nodes: 5 + 15·1 + 10 = 30 µs; leaving 800 MB·8/16/10 GB/s = 40 ms, staying 3.5 ms.
  EXPECT_NEAR(seconds(pairwise_row(), {CollectiveKind::all_to_all, Bytes{800e6}, 16, 2}), 40.03e-3, 1e-12);
}

TEST(Pairwise, SendsOneMessageToEveryPeer) {
  const auto transfers = pairwise_row().transfers({CollectiveKind::all_to_all, Bytes{70.0}, 7, 1});
  std::set<std::pair<int, int>> pairs;
  for (const Transfer& t : transfers) {
    EXPECT_NE(t.source, t.destination);
    EXPECT_DOUBLE_EQ(t.bytes.value(), 10.0);
    pairs.insert({t.source, t.destination});
  }
  EXPECT_EQ(pairs.size(), 42u);
  EXPECT_TRUE(in_order(transfers));
}

TEST(CollectiveTable, EveryRowHasANameAnEquationAndASource) {
  std::set<std::string_view> names;
  for (const CollectiveRow& row : collective_algorithms()) {
    EXPECT_FALSE(row.name.empty() || row.equation.empty() || row.source.empty()) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " twice";
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"ring", "tree", "nvls", "nvls_tree", "pat", "collnet_direct",
                                               "collnet_chain", "pairwise", "hfreduce", "hfreduce_nvlink",
                                               "hierarchical", "halving_doubling", "bidirectional_ring", "gloo",
                                               "torus", "symmetric_ll", "symmetric", "symmetric_multicast"}));
}

TEST(CollectiveTable, TimesAreMonotoneInSize) {
  for (const CollectiveRow& row : collective_algorithms()) {
    for (const CollectiveKind kind : kAllKinds) {
      for (const auto& [ranks, nodes] : {std::pair{2, 1}, {8, 1}, {8, 8}, {16, 2}, {64, 8}}) {
        const hardware::Cluster cluster = h100_cluster(nodes);
        if (!row.supports({kind, Bytes{1.0}, ranks, nodes}, cluster.site(0))) continue;
        const CollectiveConstants k = timing_constants(cluster.site(0), ranks, nodes);
        double before = 0.0;
        for (double bytes = 256.0; bytes < 1e11; bytes *= 1.7) {
          const double now = row.time({kind, Bytes{bytes}, ranks, nodes}, cluster.site(0), k).total().value();
          EXPECT_GE(now, before) << row.name << " " << ranks << "/" << nodes << " at " << bytes;
          before = now;
        }
      }
    }
  }
}

TEST(CollectiveTable, LoadsAreTheMessagesBytes) {
  // The busier direction of the busiest rank on the links of its node, and the busiest node's network bytes over its
  // ranks.
  for (const CollectiveRow& row : collective_algorithms()) {
    if (row.name == "nvls_tree" || row.name == "tree") continue;  // heads of chains rotate over channels; see below
    for (const CollectiveKind kind : kAllKinds) {
      for (const auto& [ranks, nodes] : {std::pair{8, 1}, {16, 2}, {6, 6}}) {
        const CollectiveCall call{kind, Bytes{480.0}, ranks, nodes};
        if (kind == CollectiveKind::broadcast || !row.supports(call, h100_cluster(nodes).site(0))) continue;
        if (adds_on_hosts(row)) continue;  // through the hosts: collective_host_test.cpp
        const int local = ranks / nodes;
        std::vector<double> left(static_cast<std::size_t>(nodes), 0.0), sent(static_cast<std::size_t>(ranks) + 1, 0.0);
        std::vector<double> heard = sent;
        for (const Transfer& t : row.transfers(call)) {
          if (t.destination < ranks) heard[static_cast<std::size_t>(t.destination)] += t.bytes.value();
          if (t.source == ranks) continue;
          sent[static_cast<std::size_t>(t.source)] += t.bytes.value();
          if (t.destination < ranks && t.source / local != t.destination / local) {
            left[static_cast<std::size_t>(t.source / local)] += t.bytes.value();
          }
        }
        const LinkLoad load = row.load(call);
        EXPECT_NEAR(load.network.value(), *std::max_element(left.begin(), left.end()) / local, 1e-9) << row.name;
        if (nodes > 1) continue;
        const double most =
            std::max(*std::max_element(sent.begin(), sent.end()), *std::max_element(heard.begin(), heard.end()));
        EXPECT_NEAR(load.node.value(), most, 1e-9) << row.name;
      }
    }
  }
}

TEST(CollectiveTable, TreesLoadTheNicsWithTwoBuffersPerNode) {
  // From LoadsNoRankWithMoreThanTwiceTheBuffer; two nodes exchange one buffer.
  EXPECT_DOUBLE_EQ(tree_row().load({CollectiveKind::all_reduce, Bytes{80.0}, 32, 4}).network.value(), 20.0);
  EXPECT_DOUBLE_EQ(tree_row().load({CollectiveKind::all_reduce, Bytes{80.0}, 16, 2}).network.value(), 10.0);
  EXPECT_DOUBLE_EQ(nvls_tree_row().load({CollectiveKind::all_reduce, Bytes{80.0}, 32, 4}).network.value(), 20.0);
}

TEST(Selection, TakesWhatNcclTakes) {
  // Switch points of NCCL 2.28.9 on DGX H100: one node ring (LL), from 2 MiB NVLS; 4 nodes tree at small sizes,
  // NVLSTree in the middle. A100 has no switch reduction; all_gather is always a ring.
  auto chosen = [](const hardware::Cluster& cluster, CollectiveKind kind, double bytes, int ranks) {
    return std::string(select({kind, Bytes{bytes}, ranks, cluster.node_count()}, cluster.site(0)).row->name);
  };
  const double kib = 1024.0, mib = 1048576.0;
  EXPECT_EQ(chosen(h100_cluster(1), CollectiveKind::all_reduce, 64 * kib, 8), "ring");
  EXPECT_EQ(chosen(h100_cluster(1), CollectiveKind::all_reduce, 16 * mib, 8), "nvls");
  EXPECT_EQ(chosen(h100_cluster(1), CollectiveKind::all_reduce, 256 * mib, 4), "ring");
  EXPECT_EQ(chosen(h100_cluster(4), CollectiveKind::all_reduce, 64 * kib, 32), "tree");
  EXPECT_EQ(chosen(h100_cluster(4), CollectiveKind::all_reduce, 64 * mib, 32), "nvls_tree");
  EXPECT_EQ(chosen(h100_cluster(4), CollectiveKind::all_gather, 64 * mib, 32), "ring");
  EXPECT_EQ(chosen(a100_cluster(1), CollectiveKind::all_reduce, 16 * mib, 8), "ring");
  EXPECT_EQ(chosen(a100_cluster(16), CollectiveKind::all_reduce, 64 * kib, 128), "tree");
  EXPECT_EQ(chosen(h100_cluster(1), CollectiveKind::all_to_all, 16 * mib, 8), "pairwise");
}

TEST(Oversubscription, SlowsGroupsThatCrossLeavesWithFewRanksPerNode) {
  hardware::Cluster cluster = h100_cluster(64);
  cluster.fabric.oversubscription = 2.0;
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 32, 32), 1.0) << "below one leaf";
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 64, 64), 2.0);
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 512, 64), 1.0) << "a ring of whole nodes crosses once per leaf";
  cluster.fabric.kind = hardware::FabricKind::fat_tree;  // 32 ports take 4 nodes of 8 cards
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 4, 4), 1.0);
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 5, 5), 2.0);
}

TEST(Oversubscription, OfTheCoreSlowsGroupsThatAreLargerThanAPod) {
  hardware::Cluster cluster = h100_cluster(1024);
  cluster.fabric.kind = hardware::FabricKind::fat_tree;
  cluster.fabric.leaf_ports = 16;   // 2 nodes of 8 cards
  cluster.fabric.pod_leaves = 192;  // 192 * 2 = 384 nodes
  cluster.fabric.core_oversubscription = 7.0;
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 384);
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 384, 384), 1.0);
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 385, 385), 7.0);
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 8 * 385, 385), 7.0);
  cluster.fabric.oversubscription = 2.0;
  EXPECT_DOUBLE_EQ(oversubscription(cluster.site(0), 385, 385), 14.0) << "both tiers";
  cluster.fabric.kind = hardware::FabricKind::rail_fat_tree;  // 192 / 8 sets of leaves of 16 nodes: 384 again
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 384);
}

TEST(Oversubscription, OfTheCoreSlowsACollectiveOverThousandNodes) {
  hardware::Cluster full = h100_cluster(1024);
  full.fabric.kind = hardware::FabricKind::fat_tree;
  full.fabric.leaf_ports = 16;
  full.fabric.pod_leaves = 192;
  full.fabric.link_bandwidth = BytesPerSecond{50e9};
  hardware::Cluster narrow = full;
  narrow.fabric.core_oversubscription = 7.0;
  for (const CollectiveKind kind : kAllKinds) {
    for (const int local : {1, 8}) {
      const CollectiveCall wide{kind, Bytes{1e9}, 1024 * local, 1024}, pod{kind, Bytes{1e9}, 384 * local, 384};
      // An exchange among one card of eight of a node has room enough.
      if (kind == CollectiveKind::all_to_all && local == 1) {
        EXPECT_EQ(collective_time(wide, narrow.site(0)), collective_time(wide, full.site(0)));
      } else {
        EXPECT_GT(collective_time(wide, narrow.site(0)), collective_time(wide, full.site(0)));
      }
      EXPECT_EQ(collective_time(pod, narrow.site(0)), collective_time(pod, full.site(0)));
    }
  }
}

}  // namespace
}  // namespace orrery::sim
