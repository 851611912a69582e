// Constants of groups and messages by hand, from the line rates and shares that their sources give.
#include <gtest/gtest.h>

#include "sim/collective/constants.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::h100_cluster;

/// Two PCIe boxes of 8 GPUs at 32 GB/s with one card of 25 GB/s.
hardware::Cluster pcie_cluster() {
  hardware::Cluster cluster = a100_cluster(2);
  cluster.groups[0].node.nvswitch = false;
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{};
  cluster.groups[0].node.nics = 1;
  return cluster;
}

TEST(RanksPerNode, RoundUp) {
  EXPECT_EQ(ranks_per_node(8, 1), 8);
  EXPECT_EQ(ranks_per_node(16, 2), 8);
  EXPECT_EQ(ranks_per_node(9, 2), 5);
  EXPECT_EQ(ranks_per_node(3, 3), 1);
  EXPECT_EQ(ranks_per_node(8, 0), 8) << "no nodes are one";
}

TEST(Protocols, AreNcclsThreeInTheOrderOfTheirLatency) {
  const auto protocols = timing_constants(h100_cluster(1).site(0), 8, 1).protocols;
  ASSERT_EQ(protocols.size(), 3u);
  EXPECT_EQ(protocols[0].name, "LL");
  EXPECT_EQ(protocols[1].name, "LL128");
  EXPECT_EQ(protocols[2].name, "Simple");
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_GT(protocols[i].ring_node_hop, protocols[i - 1].ring_node_hop);
    EXPECT_GT(protocols[i].ring_network_hop, protocols[i - 1].ring_network_hop);
    EXPECT_GT(protocols[i].ring_efficiency, protocols[i - 1].ring_efficiency);
  }
  for (const Protocol& protocol : protocols) {
    EXPECT_LE(protocol.ring_efficiency, 1.0);
    EXPECT_LE(protocol.ring_network_efficiency, 1.0);
    EXPECT_LE(protocol.tree_network_efficiency, 1.0);
    EXPECT_EQ(protocol.low_latency, protocol.name == "LL");
  }
}

TEST(NodeBandwidth, IsNcclsShareOfTheLinkAndLessSustained) {
  // 18 links of 25 GB/s at 20.6: 0.824; A100 12 links of 25 at 20: 0.80. 0.92 of that is sustained.
  const auto bus = [](const CollectiveConstants& k) { return k.node_bus.value() / 1e9; };
  EXPECT_NEAR(bus(timing_constants(h100_cluster(1).site(0), 8, 1)), 450 * 0.824 * 0.92, 0.1);
  EXPECT_NEAR(bus(timing_constants(a100_cluster(1).site(0), 8, 1)), 240.0 * 0.92, 0.1);
}

TEST(NodeBandwidth, OverPcieIsAShareThatManyCardsHalve) {
  const hardware::Cluster cluster = pcie_cluster();
  EXPECT_NEAR(timing_constants(cluster.site(0), 2, 1).node_bus.value(), 32e9 * 0.60, 1.0);
  EXPECT_NEAR(timing_constants(cluster.site(0), 4, 1).node_bus.value(), 32e9 * 0.40, 1.0);
  EXPECT_FALSE(timing_constants(cluster.site(0), 4, 1).nvlink);
}

TEST(NetworkBandwidth, IsTheCardsShareOfARankByWhatTheySustain) {
  const auto network = [](const CollectiveConstants& k) { return k.network_per_rank.value() / 1e9; };
  EXPECT_NEAR(network(timing_constants(h100_cluster(4).site(0), 32, 4)), 50 * 0.85, 1e-9);
  EXPECT_NEAR(network(timing_constants(pcie_cluster().site(0), 16, 2)), 25.0 / 8.0 * 0.85, 1e-9);
  hardware::Cluster narrow = h100_cluster(64);
  narrow.fabric.oversubscription = 4.0;
  EXPECT_NEAR(network(timing_constants(narrow.site(0), 64, 64)), 50 * 0.85 / 4.0, 1e-9);
}

TEST(LowLatencyLimits, FallWithTheThirdNode) {
  // llMaxBws: 39 GB/s on two nodes, 20.4 on three and more; 141 on one node of Hopper.
  const hardware::Cluster cluster = h100_cluster(64);
  EXPECT_EQ(timing_constants(cluster.site(0), 16, 2).ll_network_limit, BytesPerSecond{39e9});
  EXPECT_EQ(timing_constants(cluster.site(0), 24, 3).ll_network_limit, BytesPerSecond{20.4e9});
  EXPECT_EQ(timing_constants(cluster.site(0), 512, 64).ll_network_limit, BytesPerSecond{20.4e9});
  EXPECT_EQ(timing_constants(cluster.site(0), 8, 1).ll_node_limit, BytesPerSecond{141e9});
}

TEST(SwitchReduction, ReachesMoreThanTheLinksOfARing) {
  // 8 H100, all_reduce: 479.7 GB/s at 8 GiB (published) against 371 of the links.
  const hardware::Cluster cluster = h100_cluster(1);
  EXPECT_GE(node_bus_limit(cluster.groups[0].gpu, CollectiveKind::all_reduce, 8).value(), 479.7e9);
  EXPECT_NEAR(node_bus_limit(cluster.groups[0].gpu, CollectiveKind::all_gather, 8).value(), 370.8e9, 0.1e9);
  EXPECT_EQ(node_bus_limit(cluster.groups[0].gpu, CollectiveKind::all_reduce, 4),
            node_bus_limit(cluster.groups[0].gpu, CollectiveKind::all_gather, 4))
      << "four ranks do not reduce in the switch";
  const hardware::Cluster a100 = a100_cluster(1);
  EXPECT_NEAR(node_bus_limit(a100.groups[0].gpu, CollectiveKind::all_reduce, 8).value(), 240e9, 1e6);
  EXPECT_EQ(node_bus_limit(pcie_cluster().groups[0].gpu, CollectiveKind::all_reduce, 8), BytesPerSecond{32e9});
}

TEST(SwitchReduction, UnderATreeIsLimitedByItsChannels) {
  // perChMaxNVLSTree of Hopper: 57.7 GB/s on two nodes, 45.5 on more, of 8 channels.
  const hardware::Cluster cluster = h100_cluster(4);
  EXPECT_DOUBLE_EQ(timing_constants(cluster.site(0), 16, 2).nvls_tree_limit.value(), 8 * 57.7e9);
  EXPECT_DOUBLE_EQ(timing_constants(cluster.site(0), 32, 4).nvls_tree_limit.value(), 8 * 45.5e9);
}

TEST(Messages, TakeTheSlowerOfCardAndOneStream) {
  // 400 Gb/s cards give 42.5 GB/s, of which one message fills 36; 200 Gb/s ones 21.25.
  EXPECT_EQ(message_constants(h100_cluster(2).site(0), false).bandwidth, BytesPerSecond{36e9});
  EXPECT_DOUBLE_EQ(message_constants(a100_cluster(2).site(0), false).bandwidth.value(), 21.25e9);
  EXPECT_DOUBLE_EQ(message_constants(h100_cluster(1).site(0), true).bandwidth.value(), 315e9);
  EXPECT_DOUBLE_EQ(message_constants(pcie_cluster().site(0), true).bandwidth.value(), 32e9 * 0.6);
}

TEST(Messages, WaitForTheSwitchesBetweenNodes) {
  hardware::Cluster cluster = h100_cluster(2);
  cluster.fabric.switch_latency = Seconds{1e-6};
  EXPECT_DOUBLE_EQ(message_constants(cluster.site(0), false).latency.value(), 15e-6);
  EXPECT_DOUBLE_EQ(message_constants(cluster.site(0), true).latency.value(), 8.4e-6);
  EXPECT_DOUBLE_EQ(message_constants(pcie_cluster().site(0), true).latency.value(), 14.1e-6);
  for (const bool near : {true, false}) EXPECT_FALSE(message_constants(cluster.site(0), near).source.empty());
}

}  // namespace
}  // namespace orrery::sim
