// Sums of other libraries than NCCL, against arithmetic by hand, and what their messages leave where.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/binding.hpp"
#include "sim/collective/libraries.hpp"
#include "sim/collective/model.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::h100_cluster;
using testing::round_constants;

constexpr CollectiveKind kSum = CollectiveKind::all_reduce;

/// 8 GPUs on PCIe at 32 GB/s, one card of 25 GB/s, 409.6 GB/s of memory.
hardware::Cluster pcie_cluster(int nodes, bool bridges = false) {
  hardware::Cluster c = testing::a100_cluster(nodes);
  hardware::NodeGroup& group = c.groups[0];
  group.gpu.nvlink_bandwidth = BytesPerSecond{};
  group.node.nvswitch = false;
  group.node.nics = 1;
  group.node.host_memory_bandwidth = BytesPerSecond{409.6e9};
  if (bridges) {
    group.node.nvlink_mesh = {1, 0};
    group.node.mesh_bandwidth = BytesPerSecond{300e9};
  }
  return c;
}

double seconds(const CollectiveRow& row, const CollectiveCall& call, bool bridges = false) {
  const hardware::Cluster cluster = pcie_cluster(call.nodes, bridges);
  EXPECT_TRUE(row.supports(call, cluster.site(0))) << row.name;
  return row.time(call, cluster.site(0), round_constants()).total().value();
}

/// Whose buffers are in a sum.
using Sum = std::set<int>;

/// Every message adds all that its source holds to its destination, once what it waits for has arrived.
std::map<int, Sum> carried_out(const std::vector<Transfer>& transfers, int ranks) {
  EXPECT_TRUE(testing::in_order(transfers));
  std::map<int, Sum> at;
  for (int r = 0; r < ranks; ++r) at[r] = {r};
  std::vector<Sum> carried;
  for (const Transfer& t : transfers) {
    // Only what waiting gives it: its own, and what the messages that it waits for brought to its source or took from
    // it.
    Sum sum;
    if (t.source < ranks) sum = {t.source};
    for (const std::uint32_t before : t.after) {
      if (transfers[before].destination == t.source || transfers[before].source == t.source)
        sum.insert(carried[before].begin(), carried[before].end());
    }
    carried.push_back(sum);
    at[t.destination].insert(sum.begin(), sum.end());
  }
  return at;
}

Sum everybody(int n) {
  Sum all;
  for (int r = 0; r < n; ++r) all.insert(r);
  return all;
}

// 0.475 of the memory's 409.6 GB/s, 0.75 of PCIe's 32, 0.85 of the card's 25.
constexpr double kMemory = 194.56e9, kChunk = 4194304.0;

TEST(Hfreduce, IsBoundByTheMemoryOfTheHost) {
  // 8 GPUs, 4 nodes: 24 operations are 8.107 GB/s, less than PCIe's 24 and half of the card's 21.25. 2·2 + 1 chunks of
  // 4 MiB, and 2·2 hops of 10 µs.
  EXPECT_NEAR(seconds(hfreduce_row(), {kSum, Bytes{1e9}, 32, 4}), (1e9 + 5 * kChunk) * 24 / kMemory + 40e-6, 1e-9);
  // One node: 8 + 8 + 1 + 2 = 19 operations; one chunk.
  EXPECT_NEAR(seconds(hfreduce_row(), {kSum, Bytes{1e9}, 8, 1}), (1e9 + kChunk) * 19 / kMemory, 1e-9);
  // A buffer below a chunk is one.
  EXPECT_NEAR(seconds(hfreduce_row(), {kSum, Bytes{1e6}, 16, 2}), 4e6 * 24 / kMemory + 20e-6, 1e-9);
}

TEST(Hfreduce, OfPairsCopiesHalfAsMuch) {
  // 4 buffers a node: 16 operations, 12.16 GB/s; 2 nodes exchange once: 3 chunks. Over 4 nodes the card binds: 10.625.
  EXPECT_NEAR(seconds(hfreduce_nvlink_row(), {kSum, Bytes{1e9}, 16, 2}, true), (1e9 + 3 * kChunk) / 12.16e9 + 20e-6,
              1e-9);
  EXPECT_NEAR(seconds(hfreduce_nvlink_row(), {kSum, Bytes{1e9}, 32, 4}, true), (1e9 + 5 * kChunk) / 10.625e9 + 40e-6,
              1e-9);
  const hardware::Cluster plain = pcie_cluster(2), bridged = pcie_cluster(2, true);
  EXPECT_FALSE(hfreduce_nvlink_row().supports({kSum, Bytes{1e9}, 16, 2}, plain.site(0))) << "no bridge";
  EXPECT_FALSE(hfreduce_nvlink_row().supports({kSum, Bytes{1e9}, 14, 2}, bridged.site(0))) << "one without a pair";
  EXPECT_FALSE(hfreduce_row().supports({kSum, Bytes{1e9}, 8, 1}, h100_cluster(1).site(0))) << "has NVLink";
}

TEST(Hfreduce, ReachesThePublishedBandwidths) {
  // Fire-Flyer AI-HPC: 186 MiB at 8.1 GB/s on 16 GPUs (the share of the memory is of it), 6.3 on 1,440.
  for (const auto& [nodes, published] : {std::pair{2, 8.1e9}, {180, 6.3e9}}) {
    const hardware::Cluster cluster = pcie_cluster(nodes);
    const CollectiveCall call{kSum, Bytes{186 * 1048576.0}, 8 * nodes, nodes};
    const double time =
        hfreduce_row().time(call, cluster.site(0), timing_constants(cluster.site(0), 8 * nodes, nodes)).total().value();
    EXPECT_NEAR(call.bytes.value() / time / published, 1.0, 0.10) << nodes << " nodes";
  }
}

TEST(Gloo, PaysItsCopiesAndTheKernelsInTheMemory) {
  // 16 ranks: 30 messages of 25 µs; 2 GB over PCIe at 24 GB/s, 1.875 GB at 194.56 / (5.5 · 8) = 4.422 GB/s.
  EXPECT_NEAR(seconds(gloo_row(), {kSum, Bytes{1e9}, 16, 2}), 750e-6 + 2.0 / 24 + 1.875e9 / (kMemory / 44), 1e-9);
}

TEST(Hierarchical, SendsEachPartAcrossOnce) {
  // 16 on 2 nodes: 14 + 2·10 µs; 1.75 of 800 MB at 100 GB/s = 14 ms, 1/8 of it at 10 GB/s = 10 ms.
  EXPECT_NEAR(seconds(hierarchical_row(), {kSum, Bytes{800e6}, 16, 2}), 24.034e-3, 1e-12);
  EXPECT_FALSE(hierarchical_row().supports({kSum, Bytes{1.0}, 8, 1}, h100_cluster(1).site(0)));
  EXPECT_FALSE(hierarchical_row().supports({kSum, Bytes{1.0}, 8, 8}, h100_cluster(8).site(0)));
}

TEST(HalvingDoubling, HasTheStepsOfALogarithmAndTheBytesOfARing) {
  // 8 on a node: 2·3 µs, 1.75 of 800 MB at 100 GB/s; 16 on 2: and 2·10 µs, 100 MB at 10 GB/s.
  EXPECT_NEAR(seconds(halving_doubling_row(), {kSum, Bytes{800e6}, 8, 1}), 14.006e-3, 1e-12);
  EXPECT_NEAR(seconds(halving_doubling_row(), {kSum, Bytes{800e6}, 16, 2}), 24.026e-3, 1e-12);
  EXPECT_FALSE(halving_doubling_row().supports({kSum, Bytes{1.0}, 6, 1}, h100_cluster(1).site(0)));
  EXPECT_EQ(testing::depth(halving_doubling_row().transfers({kSum, Bytes{1.0}, 16, 1})), 8);
}

TEST(BidirectionalRing, HasHalfOfARingsSteps) {
  // 8: two passes of 4 steps; 7: of 3; 16 on 2 nodes: 8 steps, one over the cards.
  EXPECT_NEAR(seconds(bidirectional_ring_row(), {kSum, Bytes{800e6}, 8, 1}), 14.008e-3, 1e-12);
  EXPECT_NEAR(seconds(bidirectional_ring_row(), {CollectiveKind::all_gather, Bytes{700e6}, 7, 1}), 6.003e-3, 1e-12);
  EXPECT_NEAR(seconds(bidirectional_ring_row(), {kSum, Bytes{800e6}, 16, 2}), 18.75e-3 + 2 * 17e-6, 1e-12);
  EXPECT_EQ(testing::depth(bidirectional_ring_row().transfers({kSum, Bytes{1.0}, 9, 1})), 8);
}

TEST(OtherLibraries, LeaveEverybodysSumWithEveryRank) {
  for (const CollectiveRow& row : collective_algorithms()) {
    if (other_library(row) == nullptr) continue;
    for (const auto& [ranks, nodes] : {std::pair{2, 1}, {8, 1}, {16, 2}, {24, 3}, {12, 6}, {32, 4}}) {
      const CollectiveCall call{kSum, Bytes{96.0}, ranks, nodes};
      if (!row.supports(call, pcie_cluster(nodes, true).site(0))) continue;
      const auto at = carried_out(row.transfers(call), ranks);
      for (int r = 0; r < ranks; ++r) EXPECT_EQ(at.at(r), everybody(ranks)) << row.name << " rank " << r;
    }
  }
}

TEST(OtherLibraries, CopyToTheHostWhatTheLoadSays) {
  for (const CollectiveRow& row : {hfreduce_row(), gloo_row()}) {
    for (const auto& [ranks, nodes] : {std::pair{8, 1}, {16, 2}, {32, 4}}) {
      const CollectiveCall call{kSum, Bytes{96.0}, ranks, nodes};
      double up = 0.0, across = 0.0;
      for (const Transfer& t : row.transfers(call)) {
        if (t.source < ranks) up += t.bytes.value();
        const int hosts = row.name == "gloo" ? ranks / nodes : 1;  // processes of a node, or its one host
        const bool among = t.source >= ranks && t.destination >= ranks;
        if (among && (t.source - ranks) / hosts != (t.destination - ranks) / hosts) across += t.bytes.value();
      }
      const LinkLoad load = row.load(call);
      EXPECT_NEAR(up, ranks * load.node.value(), 1e-9) << row.name;
      EXPECT_LE(across, ranks * load.network.value() + 1e-9) << row.name;
    }
  }
}

TEST(OtherLibraries, RunOnlyWhereTheyAreNamedAndCan) {
  hardware::Cluster cluster = pcie_cluster(2);
  const CollectiveCall sum{kSum, Bytes{1e8}, 16, 2}, gather{CollectiveKind::all_gather, Bytes{1e8}, 16, 2};
  EXPECT_TRUE(select(sum, cluster.site(0)).row->nccl.has_value());
  const Seconds usual = collective_time(gather, cluster.site(0));
  cluster.nccl.algorithms.text = "hfreduce";
  EXPECT_EQ(select(sum, cluster.site(0)).row->name, "hfreduce");
  EXPECT_TRUE(select(gather, cluster.site(0)).row->nccl.has_value()) << "HFReduce has sums only";
  EXPECT_EQ(collective_time(gather, cluster.site(0)), usual);
  const CollectiveEstimate estimate = explain_collective(sum, cluster.site(0));
  EXPECT_EQ(estimate.algorithm, "hfreduce");
  EXPECT_EQ(estimate.protocol, "host");
  EXPECT_EQ(estimate.channels, 0) << "takes no SM";
  EXPECT_EQ(estimate.extrapolated, "no fit saw hfreduce");
  EXPECT_EQ(estimate.time, collective_time(sum, cluster.site(0)));
  EXPECT_FALSE(nccl_refuses(select(sum, cluster.site(0)), kSum, cluster.nccl));
  hardware::Cluster with_nvlink = h100_cluster(2);
  with_nvlink.nccl.algorithms.text = "hfreduce";
  EXPECT_TRUE(select(sum, with_nvlink.site(0)).row->nccl.has_value());
}

TEST(OtherLibraries, AreBoundWhereTheirBytesTakeLongest) {
  hardware::Cluster cluster = pcie_cluster(4);
  const CollectiveCall sum{kSum, Bytes{1e9}, 32, 4};
  cluster.nccl.algorithms.text = "hfreduce";
  // 24 GB of a node over its 8 ranks, at 0.475 of 409.6 GB/s.
  const BindingLink memory = binding_link(sum, cluster.site(0));
  EXPECT_EQ(memory.link_class, "host_memory");
  EXPECT_DOUBLE_EQ(memory.bytes.value(), 3e9);
  EXPECT_DOUBLE_EQ(memory.bandwidth.value(), 409.6e9 * 0.475 / 8);
  cluster.groups[0].node.host_memory_bandwidth = BytesPerSecond{4096e9};
  EXPECT_EQ(binding_link(sum, cluster.site(0)).link_class, "nic") << "10.6 GB/s, twice through the card";
  cluster.groups[0].node.nic_bandwidth = BytesPerSecond{2500e9};
  EXPECT_EQ(binding_link(sum, cluster.site(0)).link_class, "pcie");
}

TEST(OtherLibraries, RoundAsOftenAsTheyAdd) {
  hardware::Cluster cluster = pcie_cluster(4, true);
  const auto depth = [&](const char* name) {
    cluster.nccl.algorithms.text = name;
    const CollectiveCall call{kSum, Bytes{1e6}, 32, 4};
    return rounding_depth(select(call, cluster.site(0)), call);
  };
  EXPECT_EQ(depth("hfreduce"), 7 + 2);
  EXPECT_EQ(depth("hfreduce_nvlink"), 1 + 3 + 2);
  EXPECT_EQ(depth("hierarchical"), 7 + 3);
  EXPECT_EQ(depth("halving_doubling"), 5);
  EXPECT_EQ(depth("bidirectional_ring"), 17);
  EXPECT_EQ(depth("gloo"), 31);
}

}  // namespace
}  // namespace orrery::sim
