// NVLink bridges between pairs of GPUs, and what NCCL is told about other rails.
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

TEST(Bridges, CarryWhatAPairSendsAndPcieTheRest) {
  Topology topology(make_cluster("a100_pcie_bridged_box", "single_node", 1));
  const auto pair = topology.route(RankId(2), RankId(3));
  ASSERT_EQ(pair.size(), 2u) << "onto the bridge and off it";
  EXPECT_EQ(topology.bottleneck(pair).value(), 300e9);
  EXPECT_EQ(topology.name(pair[0]), "node0.gpu2.nvlink_out");
  EXPECT_EQ(topology.name(topology.link(pair[0]).to), "node0.bridge1");
  const auto apart = topology.route(RankId(1), RankId(2));
  EXPECT_EQ(topology.link_class_name(apart.front()), "pcie");
  EXPECT_EQ(topology.bottleneck(apart).value(), 32e9);
  // 8 GPUs, 4 bridges, 8 PCIe switches, 1 NIC, 1 host.
  EXPECT_EQ(topology.vertices().size(), 22u);
  topology.remove(pair[0]);
  EXPECT_EQ(topology.link_class_name(topology.route(RankId(2), RankId(3)).front()), "pcie") << "a dead bridge";
}

TEST(Bridges, OfAnOddNumberOfGpusLeaveTheLastAlone) {
  Cluster cluster = make_cluster("a100_pcie_bridged_box", "single_node", 1);
  cluster.groups[0].node.gpus = 5;
  const Topology topology(cluster);
  EXPECT_EQ(topology.link_class_name(topology.route(RankId(2), RankId(3)).front()), "nvlink");
  EXPECT_EQ(topology.link_class_name(topology.route(RankId(3), RankId(4)).front()), "pcie");
}

TEST(Pxn, IsNotTakenWhereItIsDisabled) {
  Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 64);
  const Topology usual(cluster);
  EXPECT_EQ(usual.link_class_name(usual.route(RankId(0), RankId(9)).front()), "nvlink") << "to the GPU on the rail";
  cluster.nccl.pxn = false;
  const Topology without(cluster);
  EXPECT_EQ(without.link_class_name(without.route(RankId(0), RankId(9)).front()), "pcie") << "to its own card";
  EXPECT_EQ(without.link_class_name(without.route(RankId(0), RankId(8)).front()), "pcie");
}

// What a description of a cluster can be wrong in.
TEST(BadTopologies, AreRefused) {
  Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 2);
  Cluster alone = cluster;
  alone.fabric.kind = FabricKind::single_node;
  EXPECT_THROW(Topology{alone}, ConfigError) << "two nodes and nothing between them";
  Cluster cut = cluster;
  cut.groups[0].node.nics = 0;
  EXPECT_THROW(Topology{cut}, ConfigError) << "nodes without cards";
  Cluster still = cluster;
  still.groups[0].node.nic_bandwidth = BytesPerSecond{};
  EXPECT_THROW(Topology{still}, ConfigError) << "a card without bandwidth";
}

TEST(BadTopologies, NameTheSwitchThatIsNotThere) {
  const Topology topology(make_cluster("dgx_h100", "rail_fat_tree_ndr", 2));
  try {
    (void)topology.find_link("node0.nic9.out");
    FAIL() << "eight cards";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("node0.nic"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace orrery::hardware
