// Random clusters against a plain graph: what the arrays hold, that routes are ways in it, and what links that are down
// leave of it.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <queue>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

/// Small clusters of every shape: rails or none, NVSwitch or none, cards shared or doubled, one to three tiers.
Cluster random_cluster(std::mt19937& random) {
  const auto between = [&](int least, int most) { return least + static_cast<int>(random() % (most - least + 1)); };
  static const Cluster dgx = make_cluster("dgx_h100", "fat_tree_ndr", 1);
  Cluster cluster;
  cluster.fabric = dgx.fabric;
  cluster.fabric.kind = random() % 2 == 0 ? FabricKind::fat_tree : FabricKind::rail_fat_tree;
  cluster.fabric.leaf_ports = between(1, 8);
  cluster.fabric.pod_leaves = between(1, 6);
  cluster.fabric.oversubscription = between(1, 3);
  cluster.fabric.core_oversubscription = between(1, 3);
  const int nics = between(1, 4), groups = between(1, 2);
  for (int g = 0; g < groups; ++g) {
    NodeGroup group = dgx.groups[0];
    group.count = between(1, 6);
    group.node.gpus = between(1, 8);
    group.node.nics = cluster.fabric.kind == FabricKind::rail_fat_tree ? nics : between(1, 4);
    group.node.nvswitch = random() % 3 > 0;
    cluster.groups.push_back(group);
  }
  return cluster;
}

/// The devices that a walk over cables whose both directions are up can reach from `from`.
std::set<std::uint32_t> reachable(const Topology& topology, VertexId from) {
  std::multimap<std::uint32_t, std::uint32_t> next;
  for (const Link& link : topology.links()) {
    const LinkId back = topology.find_link(link.to, link.from);
    if (link.bandwidth.value() > 0.0 && topology.is_up(back)) next.emplace(link.from.value, link.to.value);
  }
  std::set<std::uint32_t> seen{from.value};
  std::queue<std::uint32_t> open;
  for (open.push(from.value); !open.empty(); open.pop()) {
    const auto [begin, end] = next.equal_range(open.front());
    for (auto it = begin; it != end; ++it) {
      if (seen.insert(it->second).second) open.push(it->second);
    }
  }
  return seen;
}

/// A way from GPU to GPU over links that are up both ways, which visits no device twice.
void expect_way(const Topology& topology, int a, int b, const std::vector<LinkId>& route) {
  std::set<std::uint32_t> visited{topology.gpu(RankId(a)).value};
  VertexId at = topology.gpu(RankId(a));
  for (const LinkId id : route) {
    const Link& link = topology.link(id);
    ASSERT_EQ(link.from, at) << a << " -> " << b;
    ASSERT_TRUE(topology.is_up(id)) << topology.name(id);
    ASSERT_TRUE(topology.is_up(topology.find_link(link.to, link.from))) << "half a cable: " << topology.name(id);
    ASSERT_TRUE(visited.insert(link.to.value).second) << a << " -> " << b << " is twice at " << topology.name(link.to);
    at = link.to;
  }
  ASSERT_EQ(at, topology.gpu(RankId(b))) << a << " -> " << b;
}

template <class Visit>
void each_pair(const Topology& topology, int step, Visit visit) {
  for (int a = 0; a < topology.gpu_count(); a += step) {
    for (int b = 0; b < topology.gpu_count(); b += step) visit(a, b);
  }
}

CrossRail cross_of(std::mt19937& random) { return random() % 2 == 0 ? CrossRail::pxn : CrossRail::fabric; }

TEST(RandomTopologies, AreCountedAsTheirDescriptionSays) {
  std::mt19937 random(20261122);
  for (int i = 0; i < 200; ++i) {
    const Cluster cluster = random_cluster(random);
    const Topology topology(cluster, cross_of(random));
    std::map<std::pair<VertexKind, int>, int> count;
    for (const Vertex& vertex : topology.vertices()) ++count[{vertex.kind, vertex.tier}];
    int nics = 0;
    for (const NodeGroup& group : cluster.groups) nics += group.count * group.node.nics;
    EXPECT_EQ(topology.gpu_count(), cluster.gpu_count());
    EXPECT_EQ(topology.node_count(), cluster.node_count());
    EXPECT_EQ((count[{VertexKind::gpu, 0}]), cluster.gpu_count());
    EXPECT_EQ((count[{VertexKind::nic, 0}]), nics);
    EXPECT_EQ((count[{VertexKind::host, 0}]), cluster.node_count());
    EXPECT_EQ((count[{VertexKind::network_switch, 1}]), topology.leaf_count());
    EXPECT_EQ((count[{VertexKind::network_switch, 2}]), topology.spine_count());
    EXPECT_EQ((count[{VertexKind::network_switch, 3}]), topology.core_count());
    if (cluster.node_count() > 1) {
      const Site site = cluster.site(0);
      const int rails = cluster.fabric.kind == FabricKind::rail_fat_tree ? site.node.nics : 1;
      int most_nics = 0;
      for (const NodeGroup& group : cluster.groups) most_nics = std::max(most_nics, group.node.nics);
      const int per_leaf = rails > 1 || cluster.fabric.kind == FabricKind::rail_fat_tree
                               ? cluster.fabric.leaf_ports
                               : std::max(1, cluster.fabric.leaf_ports / most_nics);
      EXPECT_EQ(topology.leaf_count(), (cluster.node_count() + per_leaf - 1) / per_leaf * rails);
    }
  }
}

TEST(RandomTopologies, RoutesAreWaysInTheGraph) {
  std::mt19937 random(11);
  for (int i = 0; i < 120; ++i) {
    const Topology topology(random_cluster(random), cross_of(random));
    each_pair(topology, 1, [&](int a, int b) {
      const std::vector<LinkId> route = topology.route(RankId(a), RankId(b));
      expect_way(topology, a, b, route);
      EXPECT_EQ(route.empty(), a == b);
      EXPECT_EQ(route, topology.route(RankId(a), RankId(b))) << "the same every time";
    });
  }
}

TEST(UnlikeRails, ANodeWithoutAGpuOnTheReceiversRailSendsFromItsOwnCard) {
  // Four GPUs on eight cards sit on the rails 0, 2, 4 and 6; the other node has a GPU on each.
  Cluster cluster = make_cluster({{"dgx_h100", 1, ""}, {"dgx_h100", 1, ""}}, "rail_fat_tree_ndr");
  cluster.groups[0].node.gpus = 4;
  const Topology topology(cluster);
  const auto first_link = [&](int from, int to) {
    return topology.name(topology.route(RankId(from), RankId(to)).front());
  };
  for (int a = 0; a < 4; ++a) {
    for (int b = 4; b < 12; ++b) expect_way(topology, a, b, topology.route(RankId(a), RankId(b)));
  }
  EXPECT_EQ(first_link(0, 4 + 6), "node0.gpu0.nvlink_out") << "GPU 3 is on rail 6";
  EXPECT_EQ(first_link(0, 4 + 7), "node0.gpu0.pcie_out") << "nobody is on rail 7";
  EXPECT_EQ(first_link(0, 4 + 5), "node0.gpu0.pcie_out") << "nor on rail 5";
}

TEST(RandomTopologies, ARouteIsAsNarrowAsItsNarrowestLinkAndAsLateAsAllTogether) {
  std::mt19937 random(12);
  for (int i = 0; i < 60; ++i) {
    const Topology topology(random_cluster(random), cross_of(random));
    each_pair(topology, 2, [&](int a, int b) {
      const std::vector<LinkId> route = topology.route(RankId(a), RankId(b));
      double least = INFINITY, sum = 0.0;
      for (const LinkId id : route) {
        least = std::min(least, topology.link(id).bandwidth.value());
        sum += topology.link(id).latency.value();
      }
      EXPECT_EQ(topology.bottleneck(route).value(), least);
      EXPECT_DOUBLE_EQ(topology.latency(route).value(), sum);
    });
  }
}

TEST(RandomTopologies, EveryLinkHasANameOfItsOwnThatIsRead) {
  std::mt19937 random(13);
  for (int i = 0; i < 60; ++i) {
    const Topology topology(random_cluster(random));
    std::set<std::string> names;
    for (std::size_t id = 0; id < topology.links().size(); ++id) {
      const std::string name = topology.name(LinkId(id));
      ASSERT_TRUE(names.insert(name).second) << name;
      ASSERT_EQ(topology.find_link(name), LinkId(id)) << name;
    }
  }
}

TEST(RandomTopologies, UplinksCarryWhatTheLeavesCarryOverTheirOversubscription) {
  // A leaf has as many uplinks as ports below; a spine's uplinks carry what its downlinks of a full pod carry.
  std::mt19937 random(14);
  int spines_seen = 0;
  for (int i = 0; i < 200; ++i) {
    const Cluster cluster = random_cluster(random);
    const Topology topology(cluster);
    std::map<std::uint32_t, double> up;
    for (const Link& link : topology.links()) {
      const int from = topology.vertices()[link.from.index()].tier, to = topology.vertices()[link.to.index()].tier;
      if (from > 0 && to > from) up[link.from.value] += link.bandwidth.value();
    }
    const double port = cluster.fabric.link_bandwidth.value() / cluster.fabric.oversubscription;
    for (const auto& [vertex, bandwidth] : up) {
      const bool leaf = topology.vertices()[vertex].tier == 1;
      const double below = leaf ? cluster.fabric.leaf_ports * port
                                : cluster.fabric.pod_leaves * port / cluster.fabric.core_oversubscription;
      EXPECT_NEAR(bandwidth, below, 1e-9 * below) << (leaf ? "leaf" : "spine");
      spines_seen += leaf ? 0 : 1;
    }
  }
  EXPECT_GT(spines_seen, 0) << "some clusters have several pods";
}

TEST(RandomTopologies, OfLinksThatAreDownNoRouteUsesOneAndNoneIsInventedWhereThereIsNoWay) {
  std::mt19937 random(15);
  int routed = 0, cut = 0;
  for (int i = 0; i < 120; ++i) {
    Topology topology(random_cluster(random), cross_of(random));
    const std::size_t dead = 1 + random() % 12;
    for (std::size_t d = 0; d < dead; ++d) topology.remove(LinkId(random() % topology.links().size()));
    EXPECT_FALSE(topology.is_whole());
    for (int a = 0; a < topology.gpu_count(); ++a) {
      const std::set<std::uint32_t> near = reachable(topology, topology.gpu(RankId(a)));
      for (int b = 0; b < topology.gpu_count(); ++b) {
        const bool way = near.count(topology.gpu(RankId(b)).value) > 0;
        try {
          const std::vector<LinkId> route = topology.route(RankId(a), RankId(b));
          expect_way(topology, a, b, route);
          EXPECT_TRUE(way);
          ++routed;
        } catch (const NoRoute& error) {
          EXPECT_FALSE(topology.is_up(error.link)) << error.what();
          EXPECT_NE(std::string(error.what()).find(topology.name(error.link) + " is down"), std::string::npos);
          ++cut;
        }
      }
    }
  }
  EXPECT_GT(routed, 1000);
  EXPECT_GT(cut, 100);
}

TEST(RandomTopologies, ADragonflyHasAWayAsLongAsItsCablesLeaveOne) {
  std::mt19937 random(19);
  int detours = 0, cut = 0;
  for (int i = 0; i < 60; ++i) {
    Cluster cluster = make_cluster("v100_pcie_box", "dragonfly_hdr", 2 + static_cast<int>(random() % 11));
    cluster.groups[0].node.gpus = 1;
    cluster.fabric.leaf_ports = 1;
    cluster.fabric.pod_leaves = 2 + static_cast<int>(random() % 3);
    cluster.fabric.global_links = 3 + static_cast<int>(random() % 3);
    Topology topology(cluster);
    const Topology whole = topology;
    std::vector<LinkId> cables;
    for (std::size_t id = 0; id < topology.links().size(); ++id) {
      const LinkClass kind = topology.links()[id].link_class;
      if (kind == LinkClass::leaf || kind == LinkClass::spine) cables.emplace_back(id);
    }
    std::shuffle(cables.begin(), cables.end(), random);
    for (std::size_t d = 0; d < cables.size() * (1 + random() % 3) / 8; ++d) topology.remove(cables[d]);
    each_pair(topology, 1, [&](int a, int b) {
      const bool way = reachable(topology, topology.gpu(RankId(a))).count(topology.gpu(RankId(b)).value) > 0;
      try {
        const std::vector<LinkId> route = topology.route(RankId(a), RankId(b));
        expect_way(topology, a, b, route);
        detours += route != whole.route(RankId(a), RankId(b)) ? 1 : 0;
      } catch (const NoRoute& error) {
        EXPECT_FALSE(way) << error.what();
        ++cut;
      }
    });
  }
  EXPECT_GT(detours, 200);
  EXPECT_GT(cut, 20);
}

TEST(RandomTopologies, LinksThatComeBackRestoreEveryRouteAndRate) {
  std::mt19937 random(16);
  for (int i = 0; i < 60; ++i) {
    const Topology before(random_cluster(random), cross_of(random));
    Topology after = before;
    std::vector<LinkId> changed;
    for (std::size_t d = 0; d < 1 + random() % 8; ++d) {
      changed.emplace_back(random() % before.links().size());
      after.scale(changed.back(), random() % 2 == 0 ? 0.0 : 0.25 * static_cast<double>(1 + random() % 8));
    }
    std::shuffle(changed.begin(), changed.end(), random);
    for (const LinkId id : changed) after.scale(id, 1.0);
    EXPECT_TRUE(after.is_whole());
    for (std::size_t id = 0; id < before.links().size(); ++id) {
      ASSERT_EQ(after.link(LinkId(id)).bandwidth, before.link(LinkId(id)).bandwidth);
    }
    each_pair(before, 1,
              [&](int a, int b) { EXPECT_EQ(after.route(RankId(a), RankId(b)), before.route(RankId(a), RankId(b))); });
  }
}

TEST(RandomTopologies, ADeadLinkMovesNoRouteThatDidNotNeedIt) {
  std::mt19937 random(17);
  for (int i = 0; i < 80; ++i) {
    const Topology before(random_cluster(random), cross_of(random));
    Topology after = before;
    const LinkId dead(random() % before.links().size());
    const LinkId back = before.find_link(before.link(dead).to, before.link(dead).from);
    after.remove(dead);
    each_pair(before, 1, [&](int a, int b) {
      const std::vector<LinkId> usual = before.route(RankId(a), RankId(b));
      const auto uses = [&](LinkId id) { return std::find(usual.begin(), usual.end(), id) != usual.end(); };
      if (!uses(dead) && !uses(back)) {
        EXPECT_EQ(after.route(RankId(a), RankId(b)), usual);
      }
    });
  }
}

TEST(RandomTopologies, RoutesWithinOneLeafStayBelowTheSpines) {
  std::mt19937 random(18);
  for (int i = 0; i < 100; ++i) {
    const Topology topology(random_cluster(random), cross_of(random));
    each_pair(topology, 1, [&](int a, int b) {
      if (topology.node_of(RankId(a)) == topology.node_of(RankId(b))) return;
      const Topology::Leaves leaves = topology.leaves_between(RankId(a), RankId(b));
      int highest = 0;
      for (const LinkId id : topology.route(RankId(a), RankId(b))) {
        highest = std::max<int>(highest, topology.vertices()[topology.link(id).to.index()].tier);
      }
      const bool one_pod = topology.pod_of_leaf(leaves.from) == topology.pod_of_leaf(leaves.to);
      EXPECT_EQ(highest, leaves.from == leaves.to ? 1 : one_pod ? 2 : 3);
    });
  }
}

}  // namespace
}  // namespace orrery::hardware
