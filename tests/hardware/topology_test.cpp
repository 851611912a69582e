// Topology: shape, routes by rule, and the cost of building the largest cluster.

#include "hardware/topology/topology.hpp"

#include <ctime>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

/// The kinds of the devices that a route visits after its start: "nvswitch gpu".
std::string visits(const Topology& topology, int a, int b) {
  static const char* const kNames[] = {"gpu", "nvswitch", "pcie", "nic", "host"};
  std::string text;
  for (const LinkId id : topology.route(RankId(a), RankId(b))) {
    const Vertex& vertex = topology.vertices()[topology.link(id).to.index()];
    if (!text.empty()) text += ' ';
    text += vertex.kind == VertexKind::network_switch ? "tier" + std::to_string(vertex.tier)
                                                      : kNames[static_cast<int>(vertex.kind)];
  }
  return text;
}

/// Every link of a route starts where the one before ended, and the ends are the GPUs.
void expect_continuous(const Topology& topology, int a, int b) {
  VertexId at = topology.gpu(RankId(a));
  for (const LinkId id : topology.route(RankId(a), RankId(b))) {
    ASSERT_TRUE(id.valid());
    ASSERT_EQ(topology.link(id).from, at) << a << " -> " << b;
    at = topology.link(id).to;
  }
  EXPECT_EQ(at, topology.gpu(RankId(b)));
}

TEST(Topology, JoinsOneNodeThroughItsNvswitch) {
  const Topology topology(make_cluster("dgx_h100", "single_node", 1));
  EXPECT_EQ(topology.gpu_count(), 8);
  EXPECT_EQ(visits(topology, 0, 5), "nvswitch gpu");
  const auto route = topology.route(RankId(0), RankId(5));
  EXPECT_EQ(topology.bottleneck(route).value(), 450e9);
  EXPECT_DOUBLE_EQ(topology.latency(route).value(), 0.6e-6);  // one hop: two halves
  EXPECT_TRUE(topology.route(RankId(3), RankId(3)).empty());
  EXPECT_EQ(topology.leaf_count(), 0);
  // 8 GPUs, 1 NVSwitch, 8 PCIe switches, 8 NICs, 1 host; cables: 8 NVLink, 8 + 8 + 8 PCIe, two links each.
  EXPECT_EQ(topology.vertices().size(), 26u);
  EXPECT_EQ(topology.links().size(), 64u);
}

TEST(Topology, TakesThePcieHostPathWithoutNvlink) {
  const Topology topology(make_cluster("l40s_box", "single_node", 1));
  EXPECT_EQ(visits(topology, 0, 1), "pcie host pcie gpu");
  EXPECT_EQ(topology.bottleneck(topology.route(RankId(0), RankId(1))).value(), 32e9);
  // 4 PCIe links of half a hop each: 4 x 0.5 us
  EXPECT_DOUBLE_EQ(topology.latency(topology.route(RankId(0), RankId(1))).value(), 2e-6);
}

TEST(Topology, KeepsARailOnItsLeaf) {
  const Topology topology(make_cluster("dgx_h100", "rail_fat_tree_ndr", 2));
  EXPECT_EQ(topology.leaf_count(), 8);  // one for each rail
  EXPECT_EQ(visits(topology, 3, 11), "pcie nic tier1 nic pcie gpu");
  const auto route = topology.route(RankId(3), RankId(11));
  EXPECT_EQ(topology.bottleneck(route).value(), 50e9);
  // PCIe 4 x 0.5 us, NIC 0.6 + cable 0.1, leaf 0.15 + cable 0.1 = 2.95 us
  EXPECT_NEAR(topology.latency(route).value(), 2.95e-6, 1e-12);
  EXPECT_EQ(topology.vertices()[topology.link(route[2]).to.index()].rail, 3);
}

TEST(Topology, CrossesRailsOverNvlinkOrTheSpines) {
  const Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 2);
  const Topology pxn(cluster);
  EXPECT_EQ(visits(pxn, 0, 13), "nvswitch gpu pcie nic tier1 nic pcie gpu");
  const auto route = pxn.route(RankId(0), RankId(13));
  EXPECT_EQ(pxn.link(route[1]).to, pxn.gpu(RankId(5)));  // local GPU 5 sits on the rail of GPU 13
  const Topology fabric(cluster, CrossRail::fabric);
  EXPECT_EQ(visits(fabric, 0, 13), "pcie nic tier1 tier2 tier1 nic pcie gpu");
}

TEST(Topology, PutsAllCardsOfANodeOnOnePlainLeaf) {
  // 32 ports below a leaf, 8 cards a node: 4 nodes a leaf.
  const Topology topology(make_cluster("dgx_h100", "fat_tree_ndr", 8));
  EXPECT_EQ(topology.leaf_count(), 2);
  EXPECT_EQ(visits(topology, 0, 3 * 8 + 7), "pcie nic tier1 nic pcie gpu");
  EXPECT_EQ(visits(topology, 0, 4 * 8), "pcie nic tier1 tier2 tier1 nic pcie gpu");
  EXPECT_EQ(topology.spine_count(), 32);
  EXPECT_EQ(topology.core_count(), 0);
}

TEST(Topology, GoesOverACoreBetweenPods) {
  // HDR rails: 20 nodes a leaf group, 8 leaves a group, 20 leaves a pod. Node 0 is in group 0 (leaves 0-7, pod
  // 0), node 60 in group 3 (leaves 24-31, pod 1).
  const Topology topology(make_cluster("dgx_a100", "rail_fat_tree_hdr", 64));
  EXPECT_EQ(topology.leaf_count(), 32);
  EXPECT_EQ(topology.spine_count(), 2 * 20);
  EXPECT_EQ(topology.core_count(), 20 * 20);
  EXPECT_EQ(visits(topology, 0, 20 * 8), "pcie nic tier1 tier2 tier1 nic pcie gpu");
  EXPECT_EQ(visits(topology, 0, 60 * 8), "pcie nic tier1 tier2 tier3 tier2 tier1 nic pcie gpu");
}

TEST(Topology, ShowsOversubscriptionInTheLinksAbovePods) {
  // Llama 3 (arXiv 2407.21783 section 3.3.1): pods of 192 racks x 2 nodes = 384 nodes; 7:1 above them.
  const Topology topology(make_cluster("dgx_h100", "fat_tree_ndr_oversubscribed_7to1", 385));
  double down = 0.0, up = 0.0;
  for (const Link& link : topology.links()) {
    const Vertex& from = topology.vertices()[link.from.index()];
    const Vertex& to = topology.vertices()[link.to.index()];
    if (from.tier != 2) continue;
    if (to.tier == 1) down += link.bandwidth.value();
    if (to.tier == 3) up += link.bandwidth.value();
  }
  // The first pod is full (192 leaves), the second holds 1: down 193 leaves x 16 spines, up for 2 full pods.
  EXPECT_DOUBLE_EQ(down, 193.0 * 16 * 50e9);
  EXPECT_NEAR(up, 2.0 * 192 * 16 * 50e9 / 7.0, 1e3);
  EXPECT_EQ(visits(topology, 0, 383 * 8), "pcie nic tier1 tier2 tier1 nic pcie gpu");
  EXPECT_EQ(visits(topology, 0, 384 * 8), "pcie nic tier1 tier2 tier3 tier2 tier1 nic pcie gpu");
}

TEST(Topology, ShowsOversubscriptionInTheUplinksOfALeaf) {
  Cluster cluster = make_cluster("dgx_h100", "fat_tree_ndr", 8);
  cluster.fabric.oversubscription = 4.0;
  const Topology topology(cluster);
  EXPECT_EQ(topology.bottleneck(topology.route(RankId(0), RankId(7 * 8))).value(), 12.5e9);  // 50 / 4
  EXPECT_EQ(topology.bottleneck(topology.route(RankId(0), RankId(8))).value(), 50e9);        // same leaf
}

TEST(Topology, SharesOneCardAmongTheGpusOfAPcieNode) {
  const Topology topology(make_cluster("a100_pcie_box", "fat_tree_hdr", 2));
  EXPECT_EQ(topology.nic(RankId(0)), topology.nic(RankId(7)));
  EXPECT_EQ(visits(topology, 0, 8), "pcie nic tier1 nic pcie gpu");  // GPU 0 shares the port of the card
  EXPECT_EQ(visits(topology, 3, 12), "pcie host pcie nic tier1 nic pcie host pcie gpu");
  EXPECT_EQ(topology.bottleneck(topology.route(RankId(3), RankId(12))).value(), 25e9);
}

TEST(Topology, RoutesTheWayBackThroughTheSameDevices) {
  const Topology topology(make_cluster("dgx_a100", "fat_tree_hdr", 64));
  for (int a = 0; a < topology.gpu_count(); a += 37) {
    for (int b = 0; b < topology.gpu_count(); b += 41) {
      expect_continuous(topology, a, b);
      auto forth = topology.route(RankId(a), RankId(b));
      auto back = topology.route(RankId(b), RankId(a));
      ASSERT_EQ(forth.size(), back.size());
      for (std::size_t i = 0; i < forth.size(); ++i) {
        const Link& there = topology.link(forth[i]);
        const Link& again = topology.link(back[back.size() - 1 - i]);
        EXPECT_EQ(there.from, again.to);
        EXPECT_EQ(there.to, again.from);
        EXPECT_EQ(there.bandwidth, again.bandwidth);
      }
      EXPECT_EQ(topology.bottleneck(forth), topology.bottleneck(back));
    }
  }
}

TEST(Topology, RoutesEveryPairOfEveryKindOfNode) {
  for (const std::string& node : node_names()) {
    if (load_node(node).nics == 0) continue;  // of a torus
    for (const char* fabric : {"rail_fat_tree_ndr", "fat_tree_ndr"}) {
      for (const CrossRail cross : {CrossRail::pxn, CrossRail::fabric}) {
        const Topology topology(make_cluster(node, fabric, 3), cross);
        for (int a = 0; a < topology.gpu_count(); a += 3) {
          for (int b = 0; b < topology.gpu_count(); b += 5) expect_continuous(topology, a, b);
        }
      }
    }
  }
}

TEST(Topology, SpreadsFlowsOverTheSpines) {
  const Topology topology(make_cluster("dgx_h100", "fat_tree_ndr", 64));
  std::set<std::uint32_t> spines;
  int most = 0;
  std::vector<int> load(topology.vertices().size(), 0);
  for (int i = 0; i < 256; ++i) {
    for (const LinkId id : topology.route(RankId(i), RankId(256 + i))) {
      const VertexId to = topology.link(id).to;
      if (topology.vertices()[to.index()].tier != 2) continue;
      spines.insert(to.value);
      most = std::max(most, ++load[to.index()]);
    }
  }
  EXPECT_EQ(spines.size(), 32u);  // 256 flows over 32 spines: none stays idle
  EXPECT_LE(most, 24);            // mean 8
}

TEST(Topology, IsTheSameEveryTime) {
  const Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 128);
  const Topology one(cluster), two(cluster);
  for (int a = 0; a < one.gpu_count(); a += 101) {
    for (int b = 0; b < one.gpu_count(); b += 103) {
      EXPECT_EQ(one.route(RankId(a), RankId(b)), two.route(RankId(a), RankId(b)));
    }
  }
}

TEST(Topology, RefusesWhatCannotWork) {
  Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 2);
  cluster.groups[0].node.nic_bandwidth = BytesPerSecond{0};
  EXPECT_THROW(Topology{cluster}, ConfigError);
  Cluster islands = make_cluster("dgx_h100", "rail_fat_tree_ndr", 2);
  islands.groups[0].node.nics = 0;
  try {
    const Topology topology(islands);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("fall into"), std::string::npos) << error.what();
  }
  Cluster single = make_cluster("dgx_h100", "single_node", 1);
  single.groups[0].count = 2;
  EXPECT_THROW(Topology{single}, ConfigError);
}

TEST(Topology, BuildsSixteenThousandGpusInLittleTimeAndMemory) {
  const Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 2048);
  const std::clock_t start = std::clock();  // of this process: what else the machine does is no matter
  const Topology topology(cluster);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_EQ(topology.gpu_count(), 16384);
  // 2048 nodes x 26 devices, 512 leaves, 16 pods x 32 spines, 32 planes x 32 cores
  EXPECT_EQ(topology.vertices().size(), 2048u * 26 + 512 + 512 + 1024);
  // cables: 2048 x (8 + 24 PCIe + 8 to leaves), 512 x 32 up, 512 x 32 up
  EXPECT_EQ(topology.links().size(), 2u * (2048 * 40 + 16384 + 16384));
  EXPECT_LE(topology.links().capacity() * sizeof(Link) + topology.vertices().capacity() * (sizeof(Vertex) + 4), 12e6);
  RecordProperty("build_ms", static_cast<int>(seconds * 1e3));
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(seconds, 0.05);  // 2 to 4 ms on an idle core
#endif
  expect_continuous(topology, 0, 16383);
  EXPECT_LE(topology.route(RankId(0), RankId(16383)).size(), 13u);
}

}  // namespace
}  // namespace orrery::hardware
