// Links of a topology: their order, names and classes, links that are down or degraded, and unlike nodes.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The names of a route's links.
std::vector<std::string> way(const Topology& topology, int a, int b) {
  std::vector<std::string> names;
  for (const LinkId id : topology.route(RankId(a), RankId(b))) names.push_back(topology.name(id));
  return names;
}

/// The spine of a route that takes one: "spine12".
std::string spine_of(const Topology& topology, int a, int b) {
  for (const std::string& name : way(topology, a, b)) {
    const std::size_t at = name.find("spine");
    if (at != std::string::npos) return name.substr(at, name.find('.', at) - at);
  }
  return "";
}

void expect_whole(const Topology& topology, int a, int b) {
  VertexId at = topology.gpu(RankId(a));
  for (const LinkId id : topology.route(RankId(a), RankId(b))) {
    ASSERT_EQ(topology.link(id).from, at) << a << " -> " << b;
    ASSERT_TRUE(topology.is_up(id));
    at = topology.link(id).to;
  }
  EXPECT_EQ(at, topology.gpu(RankId(b)));
}

/// What NoRoute says; empty where there is a way.
std::string no_route(const Topology& topology, int a, int b) {
  try {
    (void)topology.route(RankId(a), RankId(b));
  } catch (const NoRoute& error) {
    return std::string(error.what()) + " (" + topology.name(error.link) + ")";
  }
  return "";
}

std::string no_link(const Topology& topology, const std::string& name) {
  try {
    (void)topology.find_link(name);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

void down(Topology& topology, const std::string& name) { topology.remove(topology.find_link(name)); }

TEST(TopologyLinks, AreSortedAndGoBothWays) {
  for (const char* fabric : {"rail_fat_tree_hdr", "fat_tree_hdr"}) {
    const Topology topology(make_cluster("dgx_a100", fabric, 64));
    const std::vector<Link>& links = topology.links();
    for (std::size_t i = 0; i < links.size(); ++i) {
      EXPECT_EQ(topology.find_link(links[i].from, links[i].to), LinkId(i));
      const LinkId back = topology.find_link(links[i].to, links[i].from);
      ASSERT_TRUE(back.valid());
      EXPECT_EQ(topology.link(back).bandwidth, links[i].bandwidth);
      EXPECT_EQ(topology.link(back).link_class, links[i].link_class);
    }
    EXPECT_TRUE(std::is_sorted(links.begin(), links.end(), [](const Link& a, const Link& b) {
      return std::pair(a.from, a.to) < std::pair(b.from, b.to);
    }));
  }
}

TEST(TopologyLinks, EachHasItsOwnNameWhichIsRead) {
  const Topology pods(make_cluster("dgx_a100", "rail_fat_tree_hdr", 64));
  const Topology plain(make_cluster("dgx_h100", "fat_tree_ndr", 8)),
      pcie(make_cluster("a100_pcie_box", "fat_tree_hdr", 2));
  const Topology single(make_cluster("dgx_h100", "single_node", 1));
  for (const Topology* topology : {&pods, &plain, &pcie, &single}) {
    std::set<std::string> names;
    const std::size_t step = topology == &pods ? 7 : 1;
    for (std::size_t i = 0; i < topology->links().size(); i += step) {
      const std::string name = topology->name(LinkId(i));
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(topology->find_link(name), LinkId(i)) << name;
    }
  }
  EXPECT_THAT(way(pods, 0, 60 * 8 + 1),
              ElementsAre("node0.gpu0.nvlink_out", "node0.gpu1.nvlink_in", "node0.gpu1.pcie_out", "node0.nic1.pcie_in",
                          "node0.nic1.out", HasSubstr("leaf1.spine"), testing::ContainsRegex("spine.*core.*up"),
                          testing::ContainsRegex("spine.*core.*down"), testing::ContainsRegex("leaf25.spine.*down"),
                          "node60.nic1.in", "node60.nic1.pcie_out", "node60.gpu1.pcie_in"));
  EXPECT_THAT(way(pcie, 3, 4),
              ElementsAre("node0.gpu3.pcie_out", "node0.pcie3.up", "node0.pcie4.down", "node0.gpu4.pcie_in"));
}

// The leaves that the route visits first and last.
Topology::Leaves leaves_of_route(const Topology& topology, RankId a, RankId b) {
  std::vector<int> visited;
  for (const LinkId id : topology.route(a, b)) {
    const VertexId at = topology.link(id).to;
    if (topology.vertices()[at.index()].tier == 1) {
      visited.push_back(static_cast<int>(at.value - topology.leaf_vertex(0).value));
    }
  }
  return {visited.at(0), visited.back()};
}

void expect_leaves_of_routes(const Topology& topology, int step) {
  for (int a = 0; a < topology.gpu_count(); a += step) {
    for (int b = 0; b < topology.gpu_count(); ++b) {
      if (topology.node_of(RankId(a)) == topology.node_of(RankId(b))) continue;
      const Topology::Leaves expected = leaves_of_route(topology, RankId(a), RankId(b));
      const Topology::Leaves leaves = topology.leaves_between(RankId(a), RankId(b));
      ASSERT_EQ(leaves.from, expected.from) << a << " -> " << b;
      ASSERT_EQ(leaves.to, expected.to) << a << " -> " << b;
    }
  }
}

TEST(TopologyLinks, TheLeavesOfARouteAreKnownWithoutIt) {
  for (const CrossRail cross : {CrossRail::pxn, CrossRail::fabric}) {
    expect_leaves_of_routes(Topology(make_cluster("dgx_a100", "rail_fat_tree_hdr", 64), cross), 7);
    expect_leaves_of_routes(Topology(make_cluster("dgx_h100", "fat_tree_ndr", 20), cross), 3);
    expect_leaves_of_routes(Topology(make_cluster("a100_pcie_box", "fat_tree_hdr", 9), cross), 1);
  }
  const Cluster unlike = make_cluster({{"dgx_h100", 5, ""}, {"a100_pcie_box", 7, ""}}, "fat_tree_ndr");
  expect_leaves_of_routes(Topology(unlike), 1);
}

TEST(TopologyLinks, NodesAlikeHaveLinksAlike) {
  for (const char* fabric : {"rail_fat_tree_hdr", "fat_tree_hdr"}) {
    const Topology topology(make_cluster("dgx_a100", fabric, 64));
    ASSERT_EQ(topology.first_switch_link().index() % 64, 0u);
    const std::size_t links = topology.first_switch_link().index() / 64;
    const std::uint32_t vertices = topology.leaf_vertex(0).value / 64;
    for (std::size_t i = links; i < 64 * links; ++i) {
      const Link &link = topology.link(LinkId(i)), &first = topology.link(LinkId(i % links));
      const std::uint32_t shift = static_cast<std::uint32_t>(i / links) * vertices;
      EXPECT_EQ(link.from.value, first.from.value + shift);
      EXPECT_EQ(link.bandwidth, first.bandwidth);
      EXPECT_EQ(link.latency, first.latency);
      EXPECT_EQ(link.link_class, first.link_class);
      if (first.link_class != LinkClass::nic) {
        EXPECT_EQ(link.to.value, first.to.value + shift);
      }
      EXPECT_TRUE(topology.find_link(link.to, link.from).valid());
    }
  }
}

TEST(TopologyLinks, HaveAClassByTheirEnds) {
  const Topology topology(make_cluster("dgx_a100", "rail_fat_tree_hdr", 64));
  const auto class_of = [&](const char* name) { return topology.link_class_name(topology.find_link(name)); };
  EXPECT_EQ(class_of("node3.gpu2.nvlink_in"), "nvlink");
  EXPECT_EQ(class_of("node3.nic2.pcie_in"), "pcie");
  EXPECT_EQ(class_of("node3.pcie0.up"), "pcie");
  EXPECT_EQ(class_of("node3.nic2.out"), "nic");
  EXPECT_EQ(class_of("leaf2.spine1.down"), "leaf");
  EXPECT_EQ(class_of("spine1.core21.up"), "spine");
}

TEST(TopologyLinks, NamesThatAreNoneGetTheNearest) {
  const Topology topology(make_cluster("dgx_h100", "fat_tree_ndr", 8));
  EXPECT_EQ(no_link(topology, "node3.gpu2.nvlink_out"), "");
  EXPECT_THAT(no_link(topology, "node3.gpu2.nvlnk_out"), HasSubstr("did you mean node3.gpu2.nvlink_out"));
  EXPECT_THAT(no_link(topology, "node9.nic0.out"), HasSubstr("node7.nic0.out"));
  EXPECT_THAT(no_link(topology, "node0.nic8.in"), HasSubstr("did you mean node0.nic0.in, node0.nic1.in"));
  EXPECT_THAT(no_link(topology, "leaf2.spine1.up"), HasSubstr("leaf1.spine1.up"));
  EXPECT_THAT(no_link(topology, "nod1.nic0.out"), HasSubstr("node1.nic0.out"));
  EXPECT_THAT(no_link(topology, "leaf0.spine32.up"), HasSubstr("leaf0.spine3"));
  EXPECT_THAT(no_link(topology, "the blue cable"), HasSubstr("there is no link 'the blue cable'"));
  EXPECT_THAT(no_link(topology, ""), HasSubstr("there is no link ''"));
  EXPECT_THAT(no_link(topology, "node99999999999.nic0.out"), HasSubstr("there is no link"));
}

TEST(TopologyChanges, ADeadUplinkMovesOnlyWhatItCarried) {
  const Topology before(make_cluster("dgx_h100", "fat_tree_ndr", 64));
  Topology after = before;
  const std::string dead = spine_of(before, 0, 256);
  down(after, "leaf0." + dead + ".up");
  std::set<std::string> others;
  int moved = 0;
  for (int i = 0; i < 512; ++i) {
    for (const int b : {(i + 256) % 512, (i + 64) % 512}) {
      expect_whole(after, i, b);
      EXPECT_EQ(spine_of(after, i, b), spine_of(after, b, i)) << "the way back visits the same switches";
      const bool on_leaf0 = i < 32 || b < 32;
      const bool carried = on_leaf0 && spine_of(before, i, b) == dead;
      if (!carried) {
        EXPECT_EQ(way(before, i, b), way(after, i, b));
        continue;
      }
      ++moved;
      EXPECT_NE(spine_of(after, i, b), dead);
      others.insert(spine_of(after, i, b));
    }
  }
  EXPECT_GT(moved, 1);
  EXPECT_GT(others.size(), 1u) << "spread over the living ones";
}

TEST(TopologyChanges, NoSpineLeftIsAnErrorThatNamesTheLink) {
  Topology topology(make_cluster("dgx_h100", "fat_tree_ndr", 8));
  for (int spine = 0; spine < 32; ++spine) down(topology, "leaf1.spine" + std::to_string(spine) + ".down");
  EXPECT_THAT(no_route(topology, 0, 32), testing::MatchesRegex("no way is left from node0.gpu0 to node4.gpu0: "
                                                               "leaf1.spine[0-9]+.down is down .leaf1.spine.*"));
  EXPECT_THAT(no_route(topology, 32, 0), HasSubstr("down is down")) << "no way back over half a cable either";
  EXPECT_EQ(no_route(topology, 0, 24), "") << "the same leaf";
}

TEST(TopologyChanges, ADeadCoreLinkTakesAnotherWay) {
  const Topology before(make_cluster("dgx_a100", "rail_fat_tree_hdr", 64));
  Topology after = before;
  for (const LinkId id : before.route(RankId(0), RankId(480))) {
    if (before.link_class_name(id) == "spine") after.remove(id);
  }
  EXPECT_NE(way(before, 0, 480), way(after, 0, 480));
  expect_whole(after, 0, 480);
  expect_whole(after, 480, 0);
}

TEST(TopologyChanges, ADeadCardGoesByAnotherOneOverNvlink) {
  const Cluster cluster = make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  Topology topology(cluster);
  down(topology, "node0.nic3.out");
  for (int a = 0; a < 32; ++a) {
    for (int b = 0; b < 32; ++b) expect_whole(topology, a, b);
  }
  // Rail 4 for both: the same leaf.
  EXPECT_THAT(way(topology, 3, 11),
              ElementsAre("node0.gpu3.nvlink_out", "node0.gpu4.nvlink_in", "node0.gpu4.pcie_out", "node0.nic4.pcie_in",
                          "node0.nic4.out", "node1.nic4.in", "node1.nic4.pcie_out", "node1.gpu4.pcie_in",
                          "node1.gpu4.nvlink_out", "node1.gpu3.nvlink_in"));
  // Every rail broken at one end or the other: over the spines.
  for (int i = 0; i < 4; ++i) down(topology, "node0.nic" + std::to_string(i) + ".pcie_in");
  for (int i = 4; i < 8; ++i) down(topology, "node1.nic" + std::to_string(i) + ".in");
  expect_whole(topology, 0, 8);
  EXPECT_NE(spine_of(topology, 0, 8), "");
  for (int i = 4; i < 8; ++i) down(topology, "node0.nic" + std::to_string(i) + ".out");
  EXPECT_EQ(no_route(topology, 0, 8),
            "no way is left from node0.gpu0 to node1.gpu0: node0.nic0.pcie_in is down "
            "(node0.nic0.pcie_in)");
  EXPECT_EQ(no_route(topology, 16, 8), "");

  Topology without(cluster, CrossRail::fabric);
  down(without, "node0.nic3.out");
  EXPECT_EQ(no_route(without, 3, 11),
            "no way is left from node0.gpu3 to node1.gpu3: node0.nic3.out is down (node0.nic3.out)");
  EXPECT_EQ(no_route(without, 2, 11), "");
}

TEST(TopologyChanges, DeadNvlinkGoesByPcie) {
  Topology topology(make_cluster("dgx_h100", "single_node", 1));
  down(topology, "node0.gpu2.nvlink_in");
  EXPECT_THAT(way(topology, 2, 5),
              ElementsAre("node0.gpu2.pcie_out", "node0.pcie2.up", "node0.pcie5.down", "node0.gpu5.pcie_in"));
  EXPECT_THAT(way(topology, 1, 5), ElementsAre("node0.gpu1.nvlink_out", "node0.gpu5.nvlink_in"));
  EXPECT_TRUE(topology.route(RankId(2), RankId(2)).empty());
  down(topology, "node0.pcie5.up");
  EXPECT_THAT(no_route(topology, 2, 5), HasSubstr("node0.gpu2.nvlink_in is down"));
}

TEST(TopologyChanges, AScaledLinkIsNarrowerUntilItIsBack) {
  Topology topology(make_cluster("dgx_h100", "rail_fat_tree_ndr", 2));
  const auto usual = topology.route(RankId(3), RankId(11));
  const LinkId nic = topology.find_link("node0.nic3.out");
  topology.scale(nic, 0.5);
  EXPECT_EQ(topology.route(RankId(3), RankId(11)), usual);
  EXPECT_EQ(topology.bottleneck(usual).value(), 25e9);
  topology.scale(nic, 0.25);
  EXPECT_EQ(topology.bottleneck(usual).value(), 12.5e9) << "of what it was built with";
  topology.remove(nic);
  EXPECT_FALSE(topology.is_up(nic));
  EXPECT_NE(topology.route(RankId(3), RankId(11)), usual);
  topology.scale(nic, 1.0);
  EXPECT_EQ(topology.route(RankId(3), RankId(11)), usual);
  EXPECT_EQ(topology.bottleneck(usual).value(), 50e9);
  EXPECT_THROW(topology.scale(nic, -1.0), std::invalid_argument);
  EXPECT_THROW(topology.scale(LinkId(), 1.0), std::out_of_range);
}

TEST(UnlikeNodes, StandSideBySideOnOneFabric) {
  const Cluster h100 = make_cluster("dgx_h100", "fat_tree_ndr", 4), a100 = make_cluster("dgx_a100", "fat_tree_ndr", 4);
  const Topology topology(
      make_cluster({{"dgx_h100", 3, ""}, {"a100_pcie_box", 5, ""}, {"dgx_a100", 2, ""}}, "fat_tree_ndr"));
  EXPECT_EQ(topology.node_count(), 10);
  EXPECT_EQ(topology.gpu_count(), 3 * 8 + 5 * 8 + 2 * 8);
  EXPECT_EQ(topology.node_of(RankId(3 * 8)), NodeId(3));
  EXPECT_EQ(topology.name(topology.gpu(RankId(8 * 8 + 5))), "node8.gpu5");
  for (int a = 0; a < topology.gpu_count(); ++a) {
    for (int b = 0; b < topology.gpu_count(); b += 3) expect_whole(topology, a, b);
  }
  for (std::size_t i = 0; i < topology.links().size(); ++i) {
    EXPECT_EQ(topology.find_link(topology.name(LinkId(i))), LinkId(i));
  }
  EXPECT_EQ(topology.link(topology.find_link("node0.gpu0.nvlink_out")).bandwidth, h100.groups[0].gpu.nvlink_bandwidth);
  EXPECT_EQ(topology.link(topology.find_link("node9.gpu0.nvlink_out")).bandwidth, a100.groups[0].gpu.nvlink_bandwidth);
  EXPECT_EQ(topology.link(topology.find_link("node9.nic7.in")).bandwidth, a100.groups[0].node.nic_bandwidth);
}

TEST(UnlikeNodes, OnRailsNeedEquallyManyCards) {
  Cluster cluster = make_cluster({{"dgx_h100", 1, ""}, {"dgx_h100", 1, ""}}, "rail_fat_tree_ndr");
  Cluster unequal = cluster;
  unequal.groups[1].node.nics = 2;
  EXPECT_THROW(Topology{unequal}, ConfigError);
  cluster.groups[1].node.gpus = 16;  // two GPUs share a card
  const Topology topology(cluster);
  for (int a = 0; a < 24; ++a) {
    for (int b = 0; b < 24; ++b) expect_whole(topology, a, b);
  }
  EXPECT_EQ(way(topology, 0, 8 + 15)[1], "node0.gpu7.nvlink_in") << "GPU 15 of the second node is on rail 7";
  EXPECT_THROW(Topology{Cluster{}}, ConfigError);
}

}  // namespace
}  // namespace orrery::hardware
