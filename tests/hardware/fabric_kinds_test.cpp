// Fabrics beside fat trees: dragonflies, two planes, sites, the shape of a torus; and flows that hashes spread.
#include <algorithm>
#include <map>
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

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Routers of two nodes of one card, three to a group, one global link each: four groups of six nodes.
Cluster small_dragonfly(int nodes = 24) {
  Cluster cluster = make_cluster("v100_pcie_box", "dragonfly_hdr", nodes);
  cluster.fabric.leaf_ports = 2;
  cluster.fabric.pod_leaves = 3;
  cluster.fabric.global_links = 1;
  return cluster;
}

RankId first_gpu(int node) { return RankId(static_cast<std::uint32_t>(8 * node)); }

/// Each link begins where the one before ends, and the last at the GPU.
void expect_joined(const Topology& topology, const std::vector<LinkId>& route, RankId from, RankId to) {
  ASSERT_FALSE(route.empty());
  EXPECT_EQ(topology.link(route.front()).from, topology.gpu(from));
  EXPECT_EQ(topology.link(route.back()).to, topology.gpu(to));
  for (std::size_t i = 1; i < route.size(); ++i) {
    EXPECT_EQ(topology.link(route[i]).from, topology.link(route[i - 1]).to);
  }
}

/// Links of a class on a route.
long count_of(const Topology& topology, const std::vector<LinkId>& route, std::string_view link_class) {
  return std::count_if(route.begin(), route.end(),
                       [&](LinkId id) { return topology.link_class_name(id) == link_class; });
}

TEST(FabricKinds, HaveNamesAndSourcesInTheOrderOfTheirNumbers) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < fabric_kinds().size(); ++i) {
    const FabricKindRow& row = fabric_kinds()[i];
    EXPECT_EQ(static_cast<std::size_t>(row.kind), i);
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_FALSE(row.equation.empty() || row.source.empty()) << row.name;
  }
}

TEST(FabricKinds, EachHasAProfile) {
  std::set<FabricKind> seen;
  for (const std::string& name : fabric_names()) seen.insert(load_fabric(name).kind);
  EXPECT_EQ(seen.size(), fabric_kinds().size());
}

TEST(Dragonfly, CrossesAtMostALocalAGlobalAndALocalLink) {
  const Topology topology(small_dragonfly());
  EXPECT_EQ(topology.leaf_count(), 12);
  for (int from = 0; from < 24; ++from) {
    for (int to = 0; to < 24; ++to) {
      if (from == to) continue;
      const std::vector<LinkId> route = topology.route(first_gpu(from), first_gpu(to));
      expect_joined(topology, route, first_gpu(from), first_gpu(to));
      const long local = count_of(topology, route, "leaf"), global = count_of(topology, route, "spine");
      if (from / 2 == to / 2) {
        EXPECT_EQ(local + global, 0) << from << " " << to;
      } else if (from / 6 == to / 6) {
        EXPECT_EQ(local, 1) << from << " " << to;
        EXPECT_EQ(global, 0) << from << " " << to;
      } else {
        EXPECT_EQ(global, 1) << from << " " << to;
        EXPECT_LE(local, 2) << from << " " << to;
      }
    }
  }
}

TEST(Dragonfly, HasAGlobalLinkBetweenEachTwoGroupsAndAnEqualPartOfThemOnEachRouter) {
  const Cluster cluster = small_dragonfly();
  const Topology topology(cluster);
  std::map<VertexId, int> global_of;
  int global = 0, local = 0;
  for (const Link& link : topology.links()) {
    if (link.link_class == LinkClass::leaf) ++local;
    if (link.link_class != LinkClass::spine) continue;
    ++global;
    ++global_of[link.from];
    EXPECT_EQ(link.bandwidth, cluster.fabric.global_bandwidth);
  }
  EXPECT_EQ(global, 4 * 3);
  EXPECT_EQ(local, 4 * 3 * 2);
  for (const auto& [router, links] : global_of) EXPECT_EQ(links, 1);
}

// Two cables between each two of four groups: six ports of a group, two of each router. Group 1 is the first ahead of
// group 0: ports 0 and 0 + 3, of routers 0 and 1. Group 0 is the third ahead of group 1: ports 2 and 5, of 1 and 2.
TEST(Dragonfly, HasTheCablesBetweenTwoGroupsOnDifferentRouters) {
  Cluster cluster = small_dragonfly();
  cluster.fabric.global_links = 2;
  const Topology topology(cluster);
  for (const char* name : {"leaf0.leaf4", "leaf4.leaf0", "leaf1.leaf5", "leaf5.leaf1"}) {
    EXPECT_EQ(topology.link(topology.find_link(name)).bandwidth, cluster.fabric.global_bandwidth) << name;
  }
  std::map<VertexId, double> ports;
  for (const Link& link : topology.links()) {
    if (link.link_class == LinkClass::spine) ports[link.from] += link.bandwidth / cluster.fabric.global_bandwidth;
  }
  EXPECT_EQ(ports.size(), 12u);
  for (const auto& [router, count] : ports) EXPECT_DOUBLE_EQ(count, 2.0);
}

/// Flows from each GPU of the first group to the one at the same place of the second, over the cables of each link of
/// that class.
double most_flows_of_a_cable(const Cluster& cluster, LinkClass link_class = LinkClass::spine) {
  const Topology topology(cluster);
  const int half = topology.gpu_count() / 2;
  std::map<LinkId, double> flows;
  double most = 0.0;
  for (int gpu = 0; gpu < half; ++gpu) {
    for (const LinkId id : topology.route(RankId(gpu), RankId(gpu + half))) {
      const Link& link = topology.link(id);
      if (link.link_class != link_class) continue;
      flows[id] += cluster.fabric.global_bandwidth / link.bandwidth;
      most = std::max(most, flows[id]);
    }
  }
  return most;
}

// 40 DGX A100: two groups of 20 routers, whose 10 ports of each to others are 200 cables, for 160 flows.
TEST(Dragonfly, SpreadsFlowsOverTheCablesBetweenTwoGroups) {
  Cluster cluster = make_cluster("dgx_a100", "dragonfly_hdr", 40);
  EXPECT_LE(most_flows_of_a_cable(cluster), 1.0) << "dealt out in turn";
  EXPECT_LE(most_flows_of_a_cable(cluster, LinkClass::leaf), 1.0) << "cards of a node to different routers";
  cluster.network.spread = FlowSpread::hash;
  const double first = most_flows_of_a_cable(cluster);
  EXPECT_GT(first, 1.0) << "a hash fills none evenly: 160 balls in 200 bins";
  EXPECT_LT(first, 10.0);
  const Topology before(cluster);
  cluster.network.hash_seed = 7;
  const Topology after(cluster);
  int moved = 0;
  for (int gpu = 0; gpu < 160; ++gpu) {
    const auto forth = before.route(RankId(gpu), RankId(gpu + 160)),
               back = before.route(RankId(gpu + 160), RankId(gpu));
    ASSERT_EQ(forth.size(), back.size());
    for (std::size_t i = 0; i < forth.size(); ++i) {
      EXPECT_EQ(before.link(forth[i]).to, before.link(back[back.size() - 1 - i]).from) << "the same switches";
    }
    moved += forth != after.route(RankId(gpu), RankId(gpu + 160)) ? 1 : 0;
  }
  EXPECT_GT(moved, 100) << "another seed, other cables";
}

TEST(Dragonfly, FindsItsLinksByTheirNames) {
  const Topology topology(small_dragonfly(20));
  for (std::uint32_t id = 0; id < topology.links().size(); ++id) {
    EXPECT_EQ(topology.find_link(topology.name(LinkId(id))), LinkId(id)) << topology.name(LinkId(id));
  }
}

TEST(Dragonfly, GoesByAThirdGroupOrAnotherRouterWhereACableIsDown) {
  Topology topology(small_dragonfly());
  const RankId from = first_gpu(0), to = first_gpu(12);
  const std::vector<LinkId> usual = topology.route(from, to);
  const auto global =
      *std::find_if(usual.begin(), usual.end(), [&](LinkId id) { return topology.link_class_name(id) == "spine"; });
  topology.remove(global);
  const std::vector<LinkId> other = topology.route(from, to);
  expect_joined(topology, other, from, to);
  EXPECT_EQ(count_of(topology, other, "spine"), 2);
  EXPECT_THAT(other, ::testing::Not(::testing::Contains(global)));
  topology.scale(global, 1.0);
  EXPECT_EQ(topology.route(from, to), usual);
  const LinkId local = topology.find_link("leaf0.leaf1");
  topology.remove(local);
  const std::vector<LinkId> beside = topology.route(first_gpu(0), first_gpu(2));
  expect_joined(topology, beside, first_gpu(0), first_gpu(2));
  EXPECT_EQ(count_of(topology, beside, "leaf"), 2) << "by the third router";
}

TEST(Dragonfly, NamesACableOfAGroupThatIsCutOff) {
  Topology topology(small_dragonfly());
  for (std::uint32_t id = 0; id < topology.links().size(); ++id) {
    const Link& link = topology.link(LinkId(id));
    const std::uint32_t first = topology.leaf_vertex(0).value;
    if (link.link_class == LinkClass::spine && link.from.value < first + 3) topology.remove(LinkId(id));
  }
  try {
    (void)topology.route(first_gpu(0), first_gpu(12));
    FAIL() << "nothing leads out of group 0";
  } catch (const NoRoute& error) {
    EXPECT_THAT(error.what(), HasSubstr("is down"));
    EXPECT_THAT(error.what(), HasSubstr("leaf"));
  }
  EXPECT_NO_THROW((void)topology.route(first_gpu(0), first_gpu(5))) << "inside the group";
}

TEST(Dragonfly, SaysWhichGroupsItsGlobalLinksDoNotReach) {
  EXPECT_THAT(small_dragonfly(24).misfit(), IsEmpty());
  EXPECT_THAT(small_dragonfly(25).misfit(), HasSubstr("5 groups"));
  EXPECT_THAT(small_dragonfly(25).misfit(), HasSubstr("reach 3"));
  Cluster narrow = small_dragonfly();
  narrow.groups[0].node.nics = 4;
  EXPECT_THAT(narrow.misfit(), HasSubstr("2 ports"));
}

TEST(DualPlane, TakesAPlaneByTheTwoGpusAndTheOtherWhereItIsDown) {
  Topology topology(make_cluster("hgx_h800_dual_port", "dual_plane_200", 256));
  int second = 0, pairs = 0;
  for (int node = 128; node < 256; ++node) {
    for (int gpu = 0; gpu < 8; ++gpu, ++pairs) {
      const RankId from(static_cast<std::uint32_t>(gpu)), to(static_cast<std::uint32_t>(8 * node + gpu));
      const std::vector<LinkId> route = topology.route(from, to);
      expect_joined(topology, route, from, to);
      EXPECT_EQ(topology.bottleneck(route).value(), 25e9) << "a port of 200 Gb/s";
      std::vector<int> rails;
      for (const LinkId id : route) {
        const Vertex& vertex = topology.vertices()[topology.link(id).to.index()];
        if (vertex.kind == VertexKind::nic || vertex.tier == 1) rails.push_back(vertex.rail);
      }
      EXPECT_TRUE(std::all_of(rails.begin(), rails.end(), [&](int rail) { return rail == rails.front(); }));
      EXPECT_EQ(rails.front() / 2, gpu);
      second += rails.front() % 2;
    }
  }
  EXPECT_NEAR(second, pairs / 2.0, pairs * 0.06);  // four standard deviations of 1,024 coins
  const RankId from(0), to(8 * 200);
  const std::vector<LinkId> usual = topology.route(from, to);
  const auto card =
      *std::find_if(usual.begin(), usual.end(), [&](LinkId id) { return topology.link_class_name(id) == "nic"; });
  topology.remove(card);
  const std::vector<LinkId> other = topology.route(from, to);
  expect_joined(topology, other, from, to);
  EXPECT_EQ(other.size(), usual.size()) << "the same GPU's other port";
  EXPECT_THAT(other, ::testing::Not(::testing::Contains(card)));
}

TEST(DualPlane, NeedsAPortOfEachGpuInEachPlane) {
  EXPECT_THROW((void)make_cluster("hgx_h800", "dual_plane_200", 2), ConfigError);
}

TEST(Sites, AreJoinedByTheirLink) {
  const Cluster cluster = make_cluster("dgx_h100", "two_sites_100km", 256);
  const Topology topology(cluster);
  EXPECT_EQ(topology.leaf_count(), 2);
  const std::vector<LinkId> near = topology.route(first_gpu(0), first_gpu(127)),
                            far = topology.route(first_gpu(0), first_gpu(128));
  EXPECT_LT(topology.latency(near).value(), 10e-6);
  EXPECT_GT(topology.latency(far).value(), 500e-6);
  EXPECT_EQ(topology.link(topology.find_link("leaf0.leaf1")).bandwidth.value(), 100e9) << "two of 400 Gb/s";
  Cluster three = cluster;
  three.groups[0].count = 384;
  EXPECT_THAT(three.misfit(), IsEmpty()) << "one link to each of the two others";
  three.fabric.global_links = 1;
  EXPECT_THAT(three.misfit(), HasSubstr("3 sites"));
}

TEST(Torus, HasAxesThatMultiplyToItsChips) {
  Cluster cluster = make_cluster("tpu_v5p_host", "torus_v5p", 16);
  EXPECT_THAT(cluster.misfit(), HasSubstr("3 axes"));
  cluster.fabric.torus = {4, 4, 4};
  EXPECT_THAT(cluster.misfit(), IsEmpty());
  cluster.fabric.torus = {4, 4, 8};
  EXPECT_THAT(cluster.misfit(), HasSubstr("128 chips, and the nodes have 64"));
  cluster.fabric.torus = {8, 8};
  EXPECT_THAT(cluster.misfit(), HasSubstr("not 2 figures"));
  EXPECT_THROW(Topology{cluster}, ConfigError);
  cluster.fabric.torus = {10'000'000, 10'000'000, 10'000'000};
  EXPECT_THAT(cluster.misfit(), HasSubstr("1000000000000000000000 chips"));
}

// n flows on k equal links, each by a hash: balls in bins. Expected most on one link for n = k = 32: 3.533, from the
// exact distribution (sum over m of 1 − P(all bins hold at most m), by convolution of binomials).
TEST(FlowHashes, CollideAsBallsInBins) {
  Cluster cluster = make_cluster("dgx_h100", "fat_tree_ndr", 8);  // two leaves of 4 nodes, 32 spines
  double most_of_all = 0.0;
  constexpr int kSeeds = 400;
  for (int seed = 0; seed < kSeeds; ++seed) {
    cluster.network.hash_seed = static_cast<std::uint64_t>(seed);
    const Topology topology(cluster);
    std::map<LinkId, int> flows;
    int most = 0;
    for (std::uint32_t gpu = 0; gpu < 32; ++gpu) {
      for (const LinkId id : topology.route(RankId(gpu), RankId(gpu + 32))) {
        const Vertex& from = topology.vertices()[topology.link(id).from.index()];
        if (topology.link(id).link_class == LinkClass::leaf && from.tier == 1) most = std::max(most, ++flows[id]);
      }
    }
    most_of_all += most;
  }
  EXPECT_NEAR(most_of_all / kSeeds, 3.533, 0.12) << "four standard errors";
}

TEST(FlowHashes, AreTheSameOfTheSameSeed) {
  Cluster cluster = make_cluster("dgx_h100", "fat_tree_ndr", 8);
  const auto routes = [&cluster](std::uint64_t seed) {
    cluster.network.hash_seed = seed;
    const Topology topology(cluster);
    std::vector<std::vector<LinkId>> all;
    for (std::uint32_t gpu = 0; gpu < 32; ++gpu) all.push_back(topology.route(RankId(gpu), RankId(gpu + 32)));
    return all;
  };
  EXPECT_EQ(routes(7), routes(7));
  EXPECT_NE(routes(7), routes(8));
}

}  // namespace
}  // namespace orrery::hardware
