// Where members sit: the nodes of a communicator against counting them one by one.
#include "sim/plan/placement.hpp"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

int node_of(std::uint32_t member, const Placement& placement) {
  int node = placement.first_node;
  for (std::uint32_t first = static_cast<std::uint32_t>(placement.per_node); first <= member;
       first += static_cast<std::uint32_t>(placement.per_node)) {
    node += placement.spread;
  }
  return node;
}

/// The members of one communicator by counting through its axes, the first fastest.
std::vector<std::uint32_t> members_of(const Group& group, std::uint32_t base) {
  std::vector<std::uint32_t> members;
  for (int i = 0; i < group.size(); ++i) {
    int rest = i;
    std::uint32_t member = base;
    for (const Axis& axis : group.axes) {
      member += static_cast<std::uint32_t>(rest % axis.count * axis.stride);
      rest /= axis.count;
    }
    members.push_back(member);
  }
  return members;
}

TEST(Placement, NodesSpannedAreThoseOfTheWidestCommunicator) {
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  int widest = 0, narrowed = 0;
  for (int i = 0; i < 2000; ++i) {
    Group group;
    for (int axis = below(4); axis > 0; --axis) group.axes.push_back({1 + below(5), 1 + below(20)});
    for (int base = 1 + below(6); base > 0; --base) group.bases.push_back(static_cast<std::uint32_t>(below(60)));
    const int per_node = 1 + below(8);
    const Placement placement{below(3), per_node, 1 + below(3), per_node + below(3), {}, 0};
    std::size_t most = 0, least = 1000;
    for (const std::uint32_t base : group.bases) {
      std::vector<std::uint32_t> visited;
      for_each_member(group, base, [&](std::uint32_t member) { visited.push_back(member); });
      ASSERT_EQ(visited, members_of(group, base));
      std::set<int> nodes;
      for (const std::uint32_t member : visited) nodes.insert(node_of(member, placement));
      most = std::max(most, nodes.size());
      least = std::min(least, nodes.size());
    }
    ASSERT_EQ(nodes_spanned(group, placement), static_cast<int>(most)) << "case " << i;
    widest = std::max(widest, static_cast<int>(most));
    narrowed += least < most ? 1 : 0;
  }
  EXPECT_GT(widest, 20);
  EXPECT_GT(narrowed, 200) << "copies that begin elsewhere on a node can cover fewer";
}

TEST(Placement, MembersFillANodeAndGoOnToTheNextThatIsTaken) {
  // Four of a node's eight GPUs, every second node from the third on.
  const Placement placement{2, 4, 2, 8, {}, 0};
  EXPECT_EQ(placement.node(0), 2);
  EXPECT_EQ(placement.node(3), 2);
  EXPECT_EQ(placement.node(4), 4);
  EXPECT_EQ(placement.node(11), 6);
  EXPECT_EQ(placement.gpu(0), 16u);
  EXPECT_EQ(placement.gpu(3), 19u);
  EXPECT_EQ(placement.gpu(4), 32u);
  EXPECT_EQ(placement.gpu(11), 51u);
}

TEST(Placement, ATransferIsNearWhereItsFirstPairShareANode) {
  Plan plan;
  plan.ranks = {{"a", {0, 8}, 0}, {"b", {3, 11}, 0}, {"c", {4, 12}, 0}};
  TransferEntry transfer;
  transfer.source = RankId(0);
  transfer.destination = RankId(1);
  EXPECT_TRUE(same_node(transfer, plan, {0, 4, 1, 8, {}, 0}));
  EXPECT_FALSE(same_node(transfer, plan, {0, 2, 1, 8, {}, 0}));
  transfer.destination = RankId(2);
  EXPECT_FALSE(same_node(transfer, plan, {0, 4, 1, 8, {}, 0}));
  EXPECT_TRUE(same_node(transfer, plan, {0, 8, 1, 8, {}, 0}));
}

TEST(Placement, FillsUnlikeNodesOneAfterTheOther) {
  std::mt19937_64 random(11);
  const auto below = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  int unlike = 0;
  for (int i = 0; i < 300; ++i) {
    hardware::Cluster cluster;
    std::vector<int> sizes;  // of each node
    for (int g = below(4); g >= 0; --g) {
      hardware::NodeGroup group;
      group.node.gpus = 1 << below(4);
      group.count = 1 + below(3);
      sizes.insert(sizes.end(), static_cast<std::size_t>(group.count), group.node.gpus);
      cluster.groups.push_back(group);
    }
    const int nodes = static_cast<int>(sizes.size());
    const int first = below(sizes.size()), spread = 1 + below(2), most = 3 * below(2);
    const std::uint32_t wanted = static_cast<std::uint32_t>(1 + below(60));
    const Placement placement = place(cluster, first, spread, most, static_cast<int>(wanted));
    unlike += placement.unlike.empty() ? 0 : 1;
    std::uint32_t member = 0, gpu = 0;
    for (int node = 0; node < nodes; ++node) {
      const int size = sizes[static_cast<std::size_t>(node)];
      const int used = most > 0 ? std::min(size, most) : size;
      const bool taken = node >= first && (node - first) % spread == 0;
      for (int at = 0; taken && at < used; ++at, ++member) {
        if (member >= wanted) continue;
        ASSERT_EQ(placement.node(member), node);
        ASSERT_EQ(placement.gpu(member), gpu + static_cast<std::uint32_t>(at));
        ASSERT_EQ(placement.place(member), static_cast<std::uint32_t>(at));
      }
      gpu += static_cast<std::uint32_t>(size);
    }
    if (wanted > member) {
      EXPECT_GE(placement.gpu(member), gpu) << "those that don't fit are past the last GPU";
    }
  }
  EXPECT_GT(unlike, 50);
}

TEST(Placement, AGroupOverUnlikeNodesSpansThoseOfItsMembers) {
  hardware::Cluster cluster;
  for (const int gpus : {8, 4}) {
    hardware::NodeGroup group;
    group.node.gpus = gpus;
    group.count = 2;
    cluster.groups.push_back(group);
  }
  const Placement placement = place(cluster, 0, 1, 0, 24);  // nodes of 8, 8, 4 and 4
  EXPECT_EQ(nodes_spanned({"g", {}, {{8, 1}}, {0}}, placement), 1);
  EXPECT_EQ(nodes_spanned({"g", {}, {{8, 1}}, {0, 8, 16}}, placement), 2);
  EXPECT_EQ(nodes_spanned({"g", {}, {{24, 1}}, {0}}, placement), 4);
  EXPECT_EQ(nodes_spanned({"g", {}, {{3, 8}}, {0}}, placement), 3);
  EXPECT_EQ(groups_of(cluster, placement, 16), (std::vector<std::size_t>{0}));
  EXPECT_EQ(groups_of(cluster, placement, 17), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(groups_of(cluster, place(cluster, 2, 1, 0, 8), 8), (std::vector<std::size_t>{1}));
}

}  // namespace
}  // namespace orrery::sim
