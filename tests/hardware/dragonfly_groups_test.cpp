// Groups of a dragonfly that are only partly filled with nodes.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

/// Flows of an exchange between nodes (each card to the one at its place of every other node): the most on one link of
/// that class, over what the link carries in units of a card's rate.
double most_of_an_exchange(const Cluster& cluster, LinkClass link_class) {
  const Topology topology(cluster);
  const int cards = cluster.groups[0].node.gpus;
  std::vector<double> flows(topology.links().size(), 0.0);
  for (int from = 0; from < cluster.node_count(); ++from) {
    for (int to = 0; to < cluster.node_count(); ++to) {
      for (int card = 0; from != to && card < cards; ++card) {
        for (const LinkId id : topology.route(RankId(from * cards + card), RankId(to * cards + card))) {
          flows[id.index()] += cluster.fabric.link_bandwidth / topology.link(id).bandwidth;
        }
      }
    }
  }
  double most = 0.0;
  for (std::size_t id = 0; id < flows.size(); ++id) {
    if (topology.links()[id].link_class == link_class) most = std::max(most, flows[id]);
  }
  return most;
}

// Ten ports of each of 20 routers lead to the other group, whether a node of the second hangs on the router or not.
TEST(Dragonfly, HasAllRoutersOfAGroupHoweverFewNodesItHas) {
  for (const int nodes : {21, 22, 26, 40}) {
    const Cluster cluster = make_cluster("dgx_a100", "dragonfly_hdr", nodes);
    const Topology topology(cluster);
    EXPECT_EQ(topology.leaf_count(), 40) << nodes;
    std::map<VertexId, double> ports;
    std::map<VertexId, int> beside;
    for (const Link& link : topology.links()) {
      if (link.link_class == LinkClass::spine) ports[link.from] += link.bandwidth / cluster.fabric.global_bandwidth;
      if (link.link_class == LinkClass::leaf) ++beside[link.from];
    }
    EXPECT_EQ(ports.size(), 40u) << nodes;
    EXPECT_EQ(beside.size(), 40u) << nodes;
    for (const auto& [router, count] : ports) EXPECT_DOUBLE_EQ(count, 10.0) << nodes;
    for (const auto& [router, count] : beside) EXPECT_EQ(count, 19) << nodes;
  }
  EXPECT_EQ(Topology(make_cluster("dgx_a100", "dragonfly_hdr", 3)).leaf_count(), 20) << "one group";
}

// A card sends to and gets from each other node one flow. Between two nodes of the second group there are 8 flows, of
// the first node's 160 to the first group those whose cable ends on the second's router, 160/20, and as many of the
// second's: 24 on the link between their routers, however few they are.
TEST(Dragonfly, ALinkInAGroupCarriesItsOwnNodesFlowsAndTheirPartsOfTheGroups) {
  for (const int nodes : {21, 22, 26, 40, 64}) {
    const Cluster cluster = make_cluster("dgx_a100", "dragonfly_hdr", nodes);
    EXPECT_DOUBLE_EQ(most_of_an_exchange(cluster, LinkClass::nic), nodes - 1.0);
    EXPECT_LE(most_of_an_exchange(cluster, LinkClass::spine), nodes - 1.0) << nodes;
    if (nodes == 22) {
      EXPECT_DOUBLE_EQ(most_of_an_exchange(cluster, LinkClass::leaf), 24.0);
    } else if (nodes == 26) {
      EXPECT_NEAR(most_of_an_exchange(cluster, LinkClass::leaf), 24.0, 4.0) << "cables are dealt out almost evenly";
    } else {
      EXPECT_LE(most_of_an_exchange(cluster, LinkClass::leaf), nodes - 1.0) << nodes;
    }
  }
}

// Eight cards of a node have as many ways around the cable to the next router, by eight others of the 18.
TEST(Dragonfly, WhatACableCarriedIsSpreadOverOtherRouters) {
  Topology topology(make_cluster("dgx_a100", "dragonfly_hdr", 3));
  const auto between = [&](int card) {
    std::vector<VertexId> routers;
    for (const LinkId id : topology.route(RankId(card), RankId(8 + card))) {
      if (topology.link(id).link_class == LinkClass::leaf) routers.push_back(topology.link(id).to);
    }
    return routers;
  };
  ASSERT_EQ(between(0).size(), 1u);
  for (const LinkId id : topology.route(RankId(0), RankId(8))) {
    if (topology.link(id).link_class == LinkClass::leaf) topology.remove(id);
  }
  std::set<VertexId> used;
  for (int card = 0; card < 8; ++card) {
    ASSERT_EQ(between(card).size(), 2u);
    used.insert(between(card).front());
  }
  EXPECT_EQ(used.size(), 8u);
}

}  // namespace
}  // namespace orrery::hardware
