// What NCCL's trees over nodes load: edges counted by hand, and routed through the topology one by one.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/nccl.hpp"
#include "sim/collective/constants.hpp"
#include "sim/links/links.hpp"
#include "sim/network/world.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::sim {
namespace {

using Edges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

constexpr double kBytes = 8e8;

/// An all_reduce of one GPU of each DGX node, or of several, on leaves of two nodes and pods of two leaves.
struct TreeJob {
  TreeJob(int nodes, bool messages, int on_node = 1, bool folds = false, const char* algorithm = "tree",
          double bytes = kBytes)
      : cluster(hardware::make_cluster("dgx_h100", "fat_tree_ndr", nodes)) {
    cluster.fabric.leaf_ports = 16;
    cluster.fabric.pod_leaves = 2;
    cluster.nccl.algorithms = hardware::parse_nccl_algorithms(algorithm).list;
    if (messages) cluster.network.reading = hardware::NetworkReading::messages;
    PlanBuilder builder;
    const int members = 8 * nodes, ranks = folds ? 1 : members;
    for (int r = 0; r < ranks; ++r) {
      builder.add_rank("rank " + std::to_string(r), members / ranks, static_cast<std::uint32_t>(r * members / ranks));
    }
    plan = builder.take();
    Group group{"g", {}, {{on_node, 1}, {nodes, 8}}, {0}};
    for (int n = 0; n < nodes && !folds; ++n) {
      for (int g = 0; g < on_node; ++g) group.members.emplace_back(static_cast<std::uint32_t>(8 * n + g));
    }
    if (folds) group.members.emplace_back(0u);
    plan.groups.push_back(group);
    CollectiveEntry entry;
    entry.kind = CollectiveKind::all_reduce, entry.bytes = Bytes{bytes}, entry.group = GroupId(0);
    plan.collectives.push_back(entry);
    prices.emplace(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, members));
    topology.emplace(cluster);
    classes.emplace(cluster, &*topology);
    for (std::size_t id = topology->first_switch_link().index(); id < topology->links().size(); ++id) {
      classes->tell_apart(LinkId(id));
    }
    number = classes->add(plan, *prices);
    classes->fold();
    durations = price(plan, *prices);
    load = classes->loads(number, durations).collectives[0];
  }
  [[nodiscard]] SimTime alone() const { return durations.collectives[0]; }
  /// A rank's share of the cards.
  [[nodiscard]] BytesPerSecond card() const { return timing_constants(cluster.site(0), 8, 1).network_per_rank; }
  [[nodiscard]] std::uint32_t own(std::uint32_t rank, std::size_t port) const {
    return classes->own(number, RankId(rank))[port].value;
  }
  /// When it ends in a World of its own, `link` at so much of its capacity; what each link carried.
  SimTime end(std::optional<std::uint32_t> link = {}, double scale = 1.0) {
    World world(classes->capacities());
    if (link) world.set_capacity(LinkId(*link), classes->links()[*link].capacity * scale);
    struct Listener final : Completion {
      void completed(std::uint64_t, SimTime now, const HeldUp&) override { end = now; }
      SimTime end = 0;
    } listener;
    (void)world.start({alone(), load.work, load.uses, load.weight, load.messages.get()}, listener, 0);
    (void)world.clock().run();
    carried = world.carried();
    return listener.end;
  }

  hardware::Cluster cluster;
  std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  Plan plan;
  std::optional<ClusterPrices> prices;
  std::optional<hardware::Topology> topology;
  std::optional<LinkClasses> classes;
  std::size_t number = 0;
  Durations durations;
  LinkLoadEntry load;
  std::vector<double> carried;
};

/// Of five nodes: 0 ← 4 ← 2 ← {1, 3}, and shifted by one 1 ← 0 ← 3 ← {2, 4}.
const Edges kFive = {{1, 2}, {3, 2}, {2, 4}, {4, 0}, {2, 3}, {4, 3}, {3, 0}, {0, 1}};

/// Bundles of the fabric that one GPU of each node's messages over the edges cross, both ways: "leaf0.up" → how many.
std::map<std::string, int> crossings(const hardware::Topology& topology, const Edges& edges) {
  std::map<std::string, int> out;
  const auto count = [&](std::uint32_t from, std::uint32_t to) {
    for (const LinkId id : topology.route(RankId(8 * from), RankId(8 * to))) {
      const hardware::Link& link = topology.link(id);
      const int below = topology.vertices()[link.from.index()].tier, above = topology.vertices()[link.to.index()].tier;
      if (below == 0 || above == 0) continue;
      const bool up = below < above;
      const std::string lower = topology.name(up ? link.from : link.to);
      if (std::min(below, above) == 1) {
        ++out[lower + (up ? ".up" : ".down")];
        continue;
      }
      const int pod = std::stoi(lower.substr(5)) / (topology.spine_count() / 2);
      ++out["leaf" + std::to_string(topology.first_leaf_of_pod(pod)) + "'s spines" + (up ? ".up" : ".down")];
    }
  };
  for (const auto& [lower, upper] : edges) {
    count(lower, upper);
    count(upper, lower);
  }
  return out;
}

TEST(TreeLoads, OfAFewBytesAreThoseOfARingWhereFlowsAreRead) {
  // All latency (LL): what they put on links tells nothing apart.
  const TreeJob job(5, false, 1, false, "tree", 4.0);
  EXPECT_EQ(job.load.messages, nullptr);
  std::map<std::string, int> found;
  for (const LinkUse& use : job.load.uses) {
    if (job.classes->is_fabric(LinkId(use.link))) found[job.classes->links()[use.link].representative] = 1;
  }
  std::map<std::string, int> expected;
  for (const auto& [name, count] : crossings(*job.topology, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}}))
    expected[name] = 1;
  EXPECT_EQ(found, expected);
}

TEST(TreeLoads, AreTheEdgesBetweenNodes) {
  for (const bool messages : {false, true}) {
    const TreeJob job(5, messages);
    EXPECT_EQ(job.load.messages != nullptr, messages);
    std::map<std::string, int> found;
    for (const LinkUse& use : job.load.uses) {
      if (!job.classes->is_fabric(LinkId(use.link))) continue;
      const double halves = use.share * static_cast<double>(job.load.work) / (kBytes / 2);
      EXPECT_NEAR(halves, std::round(halves), 1e-6);
      found[job.classes->links()[use.link].representative] = static_cast<int>(std::lround(halves));
    }
    EXPECT_EQ(found, crossings(*job.topology, kFive));
  }
}

// Of 64 nodes in rank order, 16 to a leaf, edges leave a leaf between 8 and 16, 40 and 48, 16 and 32, 48 and 32, 32 and
// 0, and as many in the mirrored tree: 10, where a ring has 4 hops. Each has a half of the buffer up and one down, and
// each of these goes up from a leaf and down to one.
TEST(TreeLoads, OfSixtyFourNodesCrossTheirLeavesTenTimes) {
  hardware::Cluster cluster = hardware::make_cluster("gh200_box", "fat_tree_ndr", 64);
  cluster.fabric.leaf_ports = 16;
  cluster.nccl.algorithms = hardware::parse_nccl_algorithms("tree").list;
  PlanBuilder builder;
  builder.add_rank("rank", 64, 0);
  Plan plan = builder.take();
  plan.groups.push_back({"g", {RankId(0)}, {{64, 1}}, {0}});
  CollectiveEntry entry;
  entry.kind = CollectiveKind::all_reduce, entry.bytes = Bytes{kBytes}, entry.group = GroupId(0);
  plan.collectives.push_back(entry);
  const std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  const ClusterPrices prices(cluster, *timer, {{0, {}}}, place(cluster, 0, 1, 0, 64));
  const hardware::Topology topology(cluster);
  LinkClasses classes(cluster, &topology);
  const std::size_t number = classes.add(plan, prices);
  classes.fold();
  const LinkLoadEntry load = classes.loads(number, price(plan, prices)).collectives[0];
  double leaves = 0.0, cards = 0.0;
  for (const LinkUse& use : load.uses) {
    const LinkInfo& link = classes.links()[use.link];
    (link.link_class == "leaf" ? leaves : cards) += use.share * static_cast<double>(load.work) * link.count;
  }
  EXPECT_NEAR(leaves, 10 * 2 * 2 * kBytes / 2, 1e-6 * leaves);
  EXPECT_NEAR(cards, 2 * 2 * 63 * kBytes, 1e-6 * cards) << "out and in: 63 edges of each tree, up and down";
}

TEST(TreeLoads, OfMessagesAreTheEdgesOnEveryLink) {
  TreeJob job(5, true);
  ASSERT_NE(job.load.messages, nullptr);
  job.end();
  const std::map<std::string, int> expected = crossings(*job.topology, kFive);
  for (std::size_t link = 0; link < job.carried.size(); ++link) {
    if (!job.classes->is_fabric(LinkId(link))) continue;
    EXPECT_NEAR(job.carried[link], expected.at(job.classes->links()[link].representative) * kBytes / 2, 1.0);
  }
  // Out of and into a card goes a half for each of its node's edges: 3, 2, 4, 4 and 3 of them.
  const std::vector<int> halves{3, 2, 4, 4, 3};
  for (std::uint32_t node = 0; node < 5; ++node) {
    for (const std::size_t port : {2u, 3u}) {
      EXPECT_NEAR(job.carried[job.own(8 * node, port)], halves[node] * kBytes / 2, 1.0) << node;
    }
    EXPECT_EQ(job.carried[job.own(8 * node, 0)], 0.0) << "no chain inside a node of one rank";
  }
}

TEST(TreeLoads, AloneTakeTheClosedFormsWireTermAndAtMostTheFilling) {
  // The buffer goes twice over a card, on two nodes once; a chunk's way is 2, 4, 4 and 6 hops.
  for (const auto& [nodes, hops] : std::map<int, int>{{2, 2}, {3, 4}, {4, 4}, {8, 6}}) {
    TreeJob job(nodes, true);
    const double wire = (nodes == 2 ? 1.0 : 2.0) * kBytes / job.card().value() * 1e12;
    EXPECT_NEAR(static_cast<double>(job.load.work), wire, 1.0) << nodes;
    const auto messages = static_cast<double>(job.load.messages->messages());
    EXPECT_GT(messages, 8.0);
    const auto end = static_cast<double>(job.end());
    EXPECT_GE(end, static_cast<double>(job.alone()));
    EXPECT_LE(end, std::max(static_cast<double>(job.alone()), wire * (1.0 + (hops - 1) / messages)) + 1.0);
    EXPECT_EQ(static_cast<double>(job.end()), end);
  }
}

TEST(TreeLoads, OfSeveralRanksANodeShareItsCardsAndHaveItsChain) {
  TreeJob job(4, true, 8);
  job.end();
  // 0 ← 2 ← {1, 3} and 3 ← 1 ← {2, 0}: an eighth of each half over each card, and inside a node all of it up and down
  // the seven links of a chain of eight.
  const std::vector<int> halves{2, 4, 4, 2};
  for (std::uint32_t rank = 0; rank < 32; ++rank) {
    EXPECT_NEAR(job.carried[job.own(rank, 2)], halves[rank / 8] * kBytes / 16, 1.0) << rank;
    EXPECT_NEAR(job.carried[job.own(rank, 0)], 2 * kBytes * 7 / 8, 1.0) << rank;
  }
}

TEST(TreeLoads, BelowASwitchGoOverTheSameEdges) {
  TreeJob job(4, true, 8, false, "nvls_tree");
  job.end();
  const std::vector<int> halves{2, 4, 4, 2};
  for (std::uint32_t rank = 0; rank < 32; ++rank) {
    EXPECT_NEAR(job.carried[job.own(rank, 2)], halves[rank / 8] * kBytes / 16, 1.0) << rank;
    EXPECT_NEAR(job.carried[job.own(rank, 0)], kBytes, 1.0) << "a switch adds up: once each way";
  }
}

TEST(TreeLoads, ADegradedCardLengthensThemByWhatItsEdgesCarry) {
  TreeJob job(4, true);
  const SimTime usual = job.end();
  // Half of node 0's card is free, and all of node 1's is needed.
  EXPECT_NEAR(static_cast<double>(job.end(job.own(0, 2), 0.5)), static_cast<double>(usual),
              1e-3 * static_cast<double>(usual));
  const auto slowed = static_cast<double>(job.end(job.own(8, 2), 0.5));
  EXPECT_GE(slowed, 2.0 * static_cast<double>(job.load.work));
  EXPECT_LE(slowed, 2.0 * static_cast<double>(usual));
}

TEST(TreeLoads, FoldedHaveFewHopsAndTheSameEnd) {
  for (const int nodes : {2, 4, 8}) {
    TreeJob all(nodes, true, 8), one(nodes, true, 8, true);
    ASSERT_NE(one.load.messages, nullptr);
    EXPECT_EQ(all.load.messages->hops.size(), 4u * static_cast<std::size_t>(nodes - 1));
    EXPECT_LE(one.load.messages->hops.size(), all.load.messages->hops.size());
    EXPECT_EQ(one.end(), all.end());
    // Its card carries what the busiest does.
    EXPECT_NEAR(one.carried[one.own(0, 2)], (nodes == 2 ? 2 : 4) * kBytes / 16, 1.0);
    EXPECT_NEAR(one.carried[one.own(0, 0)], 2 * kBytes * 7 / 8, 1.0);
    double folded = 0.0, unfolded = 0.0;
    for (std::size_t link = 0; link < one.carried.size(); ++link) {
      if (one.classes->is_fabric(LinkId(link))) folded += one.carried[link];
    }
    for (std::size_t link = 0; link < all.carried.size(); ++link) {
      if (all.classes->is_fabric(LinkId(link))) unfolded += all.carried[link];
    }
    EXPECT_NEAR(folded, unfolded, 1e-6 * unfolded + 1e-9) << "the fabric is no less loaded";
  }
}

}  // namespace
}  // namespace orrery::sim
