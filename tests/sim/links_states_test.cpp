// The ways that operations have when cables are down, against routes of the topology without them.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/links/links.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::sim {
namespace {

/// Names of the links between routers on a route, each once.
std::set<std::string> routers_on(const hardware::Topology& topology, std::uint32_t from, std::uint32_t to) {
  std::set<std::string> names;
  for (const LinkId id : topology.route(RankId(from), RankId(to))) {
    const hardware::LinkClass kind = topology.link(id).link_class;
    if (kind == hardware::LinkClass::leaf || kind == hardware::LinkClass::spine) names.insert(topology.name(id));
  }
  return names;
}

std::set<std::string> names_of(const LinkClasses& classes, const std::vector<LinkUse>& uses) {
  std::set<std::string> names;
  for (const LinkUse& use : uses) {
    if (classes.is_fabric(LinkId(use.link))) names.insert(classes.links()[use.link].representative);
  }
  return names;
}

/// Two groups of two routers of one node, a cable between each router and its like: 0 - 2 and 1 - 3.
hardware::Cluster two_by_two() {
  hardware::Cluster cluster = hardware::make_cluster("gh200_box", "dragonfly_hdr", 4);
  cluster.fabric.leaf_ports = 1;
  cluster.fabric.pod_leaves = 2;
  cluster.fabric.global_links = 1;
  return cluster;
}

Plan four_ranks() {
  PlanBuilder builder;
  for (std::uint32_t r = 0; r < 4; ++r) builder.add_rank("rank " + std::to_string(r), 1, r);
  return builder.take();
}

TEST(FabricStates, AnOperationHasAWayForEachSetOfCablesThatIsDown) {
  const hardware::Cluster cluster = two_by_two();
  const hardware::Topology topology(cluster);
  Plan plan = four_ranks();
  for (const std::uint32_t to : {2u, 1u}) {
    TransferEntry entry;
    entry.source = RankId(0), entry.destination = RankId(to), entry.bytes = Bytes{1e9};
    plan.transfers.push_back(entry);
  }
  const std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  const ClusterPrices prices(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, 4));
  const LinkId one = topology.find_link("leaf0.leaf2"), other = topology.find_link("leaf1.leaf3");
  const std::vector<FabricState> down{{{one}}, {{other}}, {{std::min(one, other)}, {std::max(one, other)}}};
  LinkClasses classes(cluster, &topology);
  for (const LinkId id : {one, other}) classes.tell_apart(id);
  classes.expect_states(down);
  const std::size_t number = classes.add(plan, prices);
  classes.fold();
  EXPECT_EQ(classes.states(), 4u);
  EXPECT_EQ(classes.state_of({}), 0u);
  const Loads loads = classes.loads(number, price(plan, prices));
  const LinkLoadEntry& across = loads.transfers[0];
  ASSERT_NE(across.ways, nullptr);
  EXPECT_EQ(names_of(classes, across.uses), routers_on(topology, 0, 2));
  for (std::size_t i = 0; i < 2; ++i) {
    hardware::Topology state = topology;
    state.remove(down[i][0].link);
    const std::uint32_t number_of = classes.state_of(down[i]);
    ASSERT_GT(number_of, 0u);
    EXPECT_EQ(names_of(classes, across.ways->at(number_of).uses), routers_on(state, 0, 2));
  }
  EXPECT_NE(names_of(classes, across.ways->at(1).uses), names_of(classes, across.ways->at(2).uses));
  EXPECT_EQ(across.ways->at(3).uses, across.uses) << "nothing is left: it stays where it is lost";
  EXPECT_EQ(loads.transfers[1].ways, nullptr) << "inside the group, the same in each";
}

TEST(FabricStates, AreNoneWhereTheUplinksOfASwitchAreOneLink) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", 8);  // two leaves
  const hardware::Topology topology(cluster);
  LinkClasses classes(cluster, &topology);
  classes.expect_states({{{topology.find_link("leaf0.spine0.up")}}});
  EXPECT_EQ(classes.states(), 1u);
  hardware::Cluster hashed = cluster;
  hashed.network.spread = hardware::FlowSpread::hash;
  LinkClasses by_link(hashed, &topology);
  by_link.expect_states({{{topology.find_link("leaf0.spine0.up")}}});
  EXPECT_EQ(by_link.states(), 2u);
}

TEST(FabricLoads, ALocalAndAGlobalLinkOfOneRateAreOfTwoClasses) {
  const hardware::Cluster cluster = two_by_two();
  const hardware::Topology topology(cluster);
  Plan plan = four_ranks();
  TransferEntry entry;
  entry.source = RankId(0), entry.destination = RankId(3), entry.bytes = Bytes{1e9};
  plan.transfers.push_back(entry);
  const std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  const ClusterPrices prices(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, 4));
  LinkClasses classes(cluster, &topology);
  classes.add(plan, prices);
  classes.fold();
  std::set<std::string> found;
  for (std::size_t i = 0; i < classes.links().size(); ++i) {
    if (classes.is_fabric(LinkId(i))) found.insert(classes.links()[i].link_class);
  }
  EXPECT_EQ(found, (std::set<std::string>{"leaf", "spine"})) << "from router 0 to router 3 it is one of each";
}

}  // namespace
}  // namespace orrery::sim
