// Which members of folded ranks must be told apart: against loads of the unfolded job.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/links/links.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::sim {
namespace {

/// Plain leaves of two DGX nodes, all in one pod.
hardware::Cluster two_nodes_a_leaf(int nodes) {
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", nodes);
  cluster.fabric.leaf_ports = 16;
  return cluster;
}

/// All GPUs of a cluster as one folded rank, with the groups or transfers that a test adds.
struct FoldedJob {
  explicit FoldedJob(const hardware::Cluster& on, const std::vector<std::vector<std::uint32_t>>& ranks) : cluster(on) {
    for (const auto& members : ranks) plan.ranks.push_back({"r" + std::to_string(plan.ranks.size()), members, 0});
    int count = 0;
    for (const auto& members : ranks) count += static_cast<int>(members.size());
    prices.emplace(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, count));
  }
  void group(const std::vector<Axis>& axes, const std::vector<std::uint32_t>& bases) {
    plan.groups.push_back({"g", {RankId(0)}, axes, bases});
  }
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> parting(
      const std::vector<const FoldedJob*>& others = {}) const {
    const hardware::Topology topology(cluster);
    LinkClasses classes(cluster, &topology);
    classes.add(plan, *prices);
    for (const FoldedJob* other : others) classes.add(other->plan, *other->prices);
    classes.fold();
    return classes.parting();
  }

  hardware::Cluster cluster;
  std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  Plan plan;
  std::optional<ClusterPrices> prices;
};

std::vector<std::uint32_t> numbers(std::uint32_t first, std::uint32_t count, std::uint32_t stride = 1) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(first + i * stride);
  return out;
}

std::size_t colours(const std::vector<std::uint32_t>& members) {
  return std::set<std::uint32_t>(members.begin(), members.end()).size();
}

TEST(Parting, IsNoneWithoutATopology) {
  FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 32)});
  job.group({{2, 8}}, numbers(0, 8));
  LinkClasses classes(job.cluster, nullptr);
  classes.add(job.plan, *job.prices);
  classes.fold();
  EXPECT_TRUE(classes.parting().empty());
}

TEST(Parting, IsNoneWhereAllCopiesLoadLinksAlike) {
  // Data parallel over all four nodes: every copy goes round the same four nodes.
  FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 32)});
  job.group({{4, 8}}, numbers(0, 8));
  EXPECT_TRUE(job.parting().empty());
  // Tensor parallel inside the nodes crosses nothing.
  FoldedJob inside(two_nodes_a_leaf(4), {numbers(0, 32)});
  inside.group({{8, 1}}, {0, 8, 16, 24});
  EXPECT_TRUE(inside.parting().empty());
}

TEST(Parting, TellsCopiesBelowALeafFromThoseThatCrossIt) {
  // Pairs of nodes: 0-1 and 2-3 below a leaf each, but a third pair 1-2 crosses two.
  FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 32)});
  std::vector<std::uint32_t> bases = numbers(0, 8);  // nodes 0 and 1
  const std::vector<std::uint32_t> crossing = numbers(8, 8);
  bases.insert(bases.end(), crossing.begin(), crossing.end());
  job.group({{2, 8}}, bases);
  const auto parts = job.parting();
  ASSERT_EQ(parts.size(), 1u);
  ASSERT_EQ(parts[0].size(), 32u);
  // Node 0 is in a near pair, node 1 in both, node 2 in a far one, node 3 in none; GPUs of a node are alike.
  EXPECT_EQ(colours(parts[0]), 4u);
  for (std::uint32_t m = 0; m < 32; ++m) EXPECT_EQ(parts[0][m], parts[0][m / 8 * 8]) << m;
}

TEST(Parting, KeepsMembersOfOneNumberTogetherOnlyInsideARank) {
  // Two ranks that do the same are still two ranks.
  FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 16), numbers(16, 16)});
  std::vector<std::uint32_t> bases = numbers(0, 8);
  bases.push_back(8);
  job.group({{2, 8}}, bases);
  const auto parts = job.parting();
  ASSERT_EQ(parts.size(), 1u);
  std::set<std::uint32_t> first(parts[0].begin(), parts[0].begin() + 16), second(parts[0].begin() + 16, parts[0].end());
  for (const std::uint32_t colour : first) EXPECT_EQ(second.count(colour), 0u);
}

TEST(Parting, OfTransfersGoesByTheLeavesBetweenThePairs) {
  // A pipeline of two stages, each on every other node: 0 → 1 and 2 → 3 below leaves, then shifted by one.
  FoldedJob near(two_nodes_a_leaf(4), {{0, 16}, {8, 24}});
  TransferEntry entry;
  entry.source = RankId(0), entry.destination = RankId(1), entry.bytes = Bytes{1e6};
  near.plan.transfers.push_back(entry);
  EXPECT_TRUE(near.parting().empty()) << "both pairs below a leaf";
  FoldedJob mixed(two_nodes_a_leaf(4), {{0, 8}, {9, 24}});
  mixed.prices.emplace(mixed.cluster, *mixed.timer, std::vector<GpuClass>{{0, {}}}, place(mixed.cluster, 0, 1, 0, 32));
  mixed.plan.transfers.push_back(entry);
  const auto parts = mixed.parting();
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_NE(parts[0][0], parts[0][8]) << "0 → 9 below a leaf, 8 → 24 over two";
  EXPECT_NE(parts[0][9], parts[0][24]);
}

TEST(Parting, ATransferInsideANodeIsNotOneBetweenNodesOfALeaf) {
  FoldedJob job(two_nodes_a_leaf(2), {{0, 1}, {2, 9}});
  TransferEntry entry;
  entry.source = RankId(0), entry.destination = RankId(1), entry.bytes = Bytes{1e6};
  job.plan.transfers.push_back(entry);
  const auto parts = job.parting();
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_NE(parts[0][0], parts[0][1]) << "0 → 2 by NVLink, 1 → 9 by the cards";
}

TEST(Parting, AnotherJobOnSomeOfTheLinksPartsThoseThatShareThem) {
  // Alone the job's copies are alike; a second job on the up-link of the first leaf breaks that.
  FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 32)});
  job.group({{2, 16}}, {0, 8});  // node 0 with node 2, node 1 with node 3: both over the leaves
  EXPECT_TRUE(job.parting().empty());
  FoldedJob other(two_nodes_a_leaf(4), {{0}, {1}});
  other.plan.ranks[1].stands_for = {16};
  TransferEntry entry;
  entry.source = RankId(0), entry.destination = RankId(1), entry.bytes = Bytes{1e6};
  other.plan.transfers.push_back(entry);
  other.prices.emplace(other.cluster, *other.timer, std::vector<GpuClass>{{0, {}}}, place(other.cluster, 0, 1, 0, 32));
  // Both copies of the first job cross leaf 0 and leaf 1, both ways, so that they stay alike.
  EXPECT_TRUE(job.parting({&other}).empty());
}

TEST(Parting, IsTheCoarsestByWhichCopiesOfAnOperationAgree) {
  // Brute force on every partition into pairs of nodes of four: members of nodes whose pairs cross equally many leaves
  // share a colour, others do not.
  std::vector<std::uint32_t> order{0, 1, 2, 3};
  do {
    FoldedJob job(two_nodes_a_leaf(4), {numbers(0, 32)});
    // Two communicators of two nodes each, as axes from the lower node of a pair.
    const auto low = [&](std::size_t p) { return std::min(order[2 * p], order[2 * p + 1]); };
    const auto high = [&](std::size_t p) { return std::max(order[2 * p], order[2 * p + 1]); };
    if (high(0) - low(0) != high(1) - low(1)) continue;  // one group has one stride
    job.group({{2, static_cast<int>(8 * (high(0) - low(0)))}}, {8 * low(0), 8 * low(1)});
    const auto crosses = [&](std::size_t p) { return low(p) / 2 != high(p) / 2; };
    EXPECT_EQ(job.parting().empty(), crosses(0) == crosses(1)) << low(0) << high(0) << ' ' << low(1) << high(1);
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace orrery::sim
