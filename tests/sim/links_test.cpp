// The links that a job's operations load, against routes of single messages through the topology, and by hand.
#include "sim/links/links.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/constants.hpp"
#include "sim/plan/builder.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

/// DGX H100 on plain leaves of two nodes and pods of two leaves, so that five nodes have all tiers.
hardware::Cluster small_leaves(int nodes) {
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", nodes);
  cluster.fabric.leaf_ports = 16;
  cluster.fabric.pod_leaves = 2;
  return cluster;
}

/// A job whose members stand for themselves, one rank each, with what prices it.
struct Job {
  Job(const hardware::Cluster& on, int members, int ranks_share = 1) : cluster(on) {
    PlanBuilder builder;
    for (int r = 0; r < members / ranks_share; ++r) {
      builder.add_rank("rank " + std::to_string(r), ranks_share, static_cast<std::uint32_t>(r * ranks_share));
    }
    plan = builder.take();
    prices.emplace(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, members));
  }
  GroupId group(const std::vector<Axis>& axes, const std::vector<std::uint32_t>& bases, std::vector<RankId> members) {
    plan.groups.push_back({"g" + std::to_string(plan.groups.size()), std::move(members), axes, bases});
    return GroupId(plan.groups.size() - 1);
  }
  void collective(CollectiveKind kind, double bytes, GroupId of) {
    CollectiveEntry entry;
    entry.kind = kind, entry.bytes = Bytes{bytes}, entry.group = of;
    plan.collectives.push_back(entry);
  }
  void transfer(std::uint32_t from, std::uint32_t to, double bytes) {
    TransferEntry entry;
    entry.source = RankId(from), entry.destination = RankId(to), entry.bytes = Bytes{bytes};
    plan.transfers.push_back(entry);
  }
  [[nodiscard]] Durations durations() const { return price(plan, *prices); }

  hardware::Cluster cluster;
  std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  Plan plan;
  std::optional<ClusterPrices> prices;
};

/// The share of each link by class and representative: "nic (rank 3)".
std::map<std::string, double> shares(const LinkClasses& classes, const LinkLoadEntry& load) {
  std::map<std::string, double> out;
  for (const LinkUse& use : load.uses) {
    const LinkInfo& info = classes.links()[use.link];
    out[info.link_class + " (" + info.representative + ")"] += use.share * 1e12;
  }
  return out;
}

TEST(OwnLinks, AreFourOfEachRankAtWhatIsSustained) {
  Job job(small_leaves(1), 8);
  LinkClasses classes(job.cluster, nullptr);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  ASSERT_EQ(classes.links().size(), 8u * 4u);
  const hardware::Site site = job.cluster.site(0);
  for (std::uint32_t rank = 0; rank < 8; ++rank) {
    const std::vector<LinkId> own = classes.own(number, RankId(rank));
    ASSERT_EQ(own.size(), 4u);
    for (std::size_t port = 0; port < 4; ++port) {
      const LinkInfo& link = classes.links()[own[port].index()];
      EXPECT_EQ(link.link_class, port < 2 ? "nvlink" : "nic");
      EXPECT_EQ(link.representative, "rank " + std::to_string(rank));
      EXPECT_EQ(link.capacity, port < 2 ? node_bus_limit(site.gpu, CollectiveKind::all_gather, 8)
                                        : timing_constants(site, 8, 1).network_per_rank);
      EXPECT_FALSE(classes.is_fabric(own[port]));
    }
  }
  EXPECT_EQ(classes.capacities().size(), classes.links().size());
}

TEST(OwnLinks, OfARankThatStandsForSeveralCountThemAll) {
  Job job(small_leaves(2), 16, 8);
  LinkClasses classes(job.cluster, nullptr);
  classes.add(job.plan, *job.prices);
  classes.fold();
  ASSERT_EQ(classes.links().size(), 2u * 4u);
  for (const LinkInfo& link : classes.links()) EXPECT_EQ(link.count, 8);
}

TEST(OwnLinks, OfAPcieNodeAreOfThatClass) {
  Job job(hardware::make_cluster("l40s_box", "single_node", 1), 4);
  LinkClasses classes(job.cluster, nullptr);
  classes.add(job.plan, *job.prices);
  classes.fold();
  EXPECT_EQ(classes.links()[0].link_class, "pcie");
}

TEST(TransferLoads, TakeTheOutwardLinkOfTheSourceAndTheInwardOneOfTheDestination) {
  Job job(small_leaves(2), 16);
  job.transfer(1, 6, 1e9);   // inside a node
  job.transfer(3, 12, 1e9);  // to the other node, below one leaf
  LinkClasses classes(job.cluster, nullptr);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  const auto links_of = [](const LinkLoadEntry& load) {
    std::set<std::uint32_t> links;
    for (const LinkUse& use : load.uses) links.insert(use.link);
    return links;
  };
  const auto own = [&](std::uint32_t rank, std::size_t port) { return classes.own(number, RankId(rank))[port].value; };
  EXPECT_EQ(links_of(loads.transfers[0]), (std::set<std::uint32_t>{own(1, 0), own(6, 1)}));
  EXPECT_EQ(links_of(loads.transfers[1]), (std::set<std::uint32_t>{own(3, 2), own(12, 3)}));
  // 1 GB at what a message sustains, 36 GB/s between nodes: the flow lasts 27.8 ms of the whole.
  EXPECT_NEAR(static_cast<double>(loads.transfers[1].work) * 1e-12, 1e9 / 36e9, 1e-9);
  EXPECT_LE(loads.transfers[1].work, job.durations().transfers[1]);
  EXPECT_NEAR(loads.transfers[1].uses[0].share * 1e12, 36e9, 1e3);
}

TEST(TransferLoads, OfNothingLoadNothing) {
  Job job(small_leaves(2), 16);
  job.transfer(0, 8, 0.0);
  LinkClasses classes(job.cluster, nullptr);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  EXPECT_EQ(loads.transfers[0].work, 0u);
  EXPECT_TRUE(loads.transfers[0].uses.empty());
}

TEST(CollectiveLoads, OfOneNodeStayInsideIt) {
  Job job(small_leaves(2), 16);
  std::vector<RankId> members;
  for (std::uint32_t r = 0; r < 8; ++r) members.emplace_back(r);
  job.collective(CollectiveKind::all_gather, 8e8, job.group({{8, 1}}, {0}, members));
  const hardware::Topology topology(job.cluster);
  LinkClasses classes(job.cluster, &topology);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  std::set<std::uint32_t> expected;
  for (std::uint32_t r = 0; r < 8; ++r) {
    expected.insert(classes.own(number, RankId(r))[0].value);
    expected.insert(classes.own(number, RankId(r))[1].value);
  }
  std::set<std::uint32_t> found;
  for (const LinkUse& use : loads.collectives[0].uses) {
    found.insert(use.link);
    // 7/8 of 800 MB in each direction during the flow.
    EXPECT_NEAR(use.share * static_cast<double>(loads.collectives[0].work), 7e8, 1e3);
  }
  EXPECT_EQ(found, expected);
}

TEST(CollectiveLoads, OfACommunicatorOfOneAreNone) {
  Job job(small_leaves(1), 8);
  job.collective(CollectiveKind::all_reduce, 1e9, job.group({{1, 1}}, {0}, {RankId(0)}));
  LinkClasses classes(job.cluster, nullptr);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  EXPECT_TRUE(classes.loads(number, job.durations()).collectives[0].uses.empty());
}

/// Bundles of the fabric that the messages cross, counted by routing each: "leaf0.up" → how many.
std::map<std::string, int> crossings(const hardware::Topology& topology,
                                     const std::vector<std::pair<std::uint32_t, std::uint32_t>>& messages) {
  std::map<std::string, int> out;
  for (const auto& [from, to] : messages) {
    for (const LinkId id : topology.route(RankId(from), RankId(to))) {
      const hardware::Link& link = topology.link(id);
      const int below = topology.vertices()[link.from.index()].tier, above = topology.vertices()[link.to.index()].tier;
      if (below == 0 || above == 0) continue;
      const bool up = below < above;
      const VertexId lower = up ? link.from : link.to;
      if (std::min(below, above) == 1) {
        ++out[topology.name(lower) + (up ? ".up" : ".down")];
      } else {
        // Spines of a pod are one: called after the pod's first leaf.
        const int spine = std::stoi(topology.name(lower).substr(5));
        const int pod = spine / (topology.spine_count() / 2);
        ++out["leaf" + std::to_string(topology.first_leaf_of_pod(pod)) + "'s spines" + (up ? ".up" : ".down")];
      }
    }
  }
  return out;
}

/// Each bundle for itself, so that its name tells it.
void tell_all_apart(LinkClasses& classes, const hardware::Topology& topology) {
  for (std::size_t id = topology.first_switch_link().index(); id < topology.links().size(); ++id) {
    classes.tell_apart(LinkId(id));
  }
}

/// The fourth GPU of each.
std::vector<RankId> one_of_each_node(std::uint32_t nodes) {
  std::vector<RankId> members;
  for (std::uint32_t node = 0; node < nodes; ++node) members.emplace_back(8 * node + 3);
  return members;
}

/// How many messages of `bytes` each link of the fabric carries of the operation.
std::map<std::string, int> messages_over(const LinkClasses& classes, const LinkLoadEntry& load, double bytes) {
  std::map<std::string, int> out;
  for (const LinkUse& use : load.uses) {
    if (!classes.is_fabric(LinkId(use.link))) continue;
    const double messages = use.share * static_cast<double>(load.work) / bytes;
    EXPECT_NEAR(messages, std::round(messages), 1e-6);
    out[classes.links()[use.link].representative] = static_cast<int>(std::lround(messages));
  }
  return out;
}

TEST(FabricLoads, AreTheMessagesOfARingOverNodes) {
  // 5 nodes: leaves 0 (nodes 0, 1), 1 (2, 3) and 2 (4) in pods of two leaves. One GPU of each node in a ring.
  Job job(small_leaves(5), 40);
  job.collective(CollectiveKind::all_gather, 5e8, job.group({{5, 8}}, {3}, one_of_each_node(5)));
  job.transfer(0, 39, 1e9);
  const hardware::Topology topology(job.cluster);
  ASSERT_EQ(topology.leaf_count(), 3);
  ASSERT_EQ(topology.core_count() > 0, true);
  LinkClasses classes(job.cluster, &topology);
  tell_all_apart(classes, topology);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  // A rank of the ring sends 4/5 of 500 MB.
  EXPECT_EQ(messages_over(classes, loads.collectives[0], 4e8),
            crossings(topology, {{3, 11}, {11, 19}, {19, 27}, {27, 35}, {35, 3}}));
  EXPECT_EQ(messages_over(classes, loads.transfers[0], 1e9), crossings(topology, {{0, 39}}));
}

TEST(FabricLoads, OfAnExchangeAreMessagesToAllOtherNodes) {
  // The same five nodes. Each GPU sends 4/5 of 500 MB, a quarter of it to each of the others.
  Job job(small_leaves(5), 40);
  const GroupId group = job.group({{5, 8}}, {3}, one_of_each_node(5));
  job.collective(CollectiveKind::all_to_all, 5e8, group);
  job.collective(CollectiveKind::all_gather, 5e8, group);  // beside it, a ring of the same group
  const hardware::Topology topology(job.cluster);
  LinkClasses classes(job.cluster, &topology);
  tell_all_apart(classes, topology);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  std::vector<std::pair<std::uint32_t, std::uint32_t>> all;
  for (std::uint32_t from = 3; from < 40; from += 8) {
    for (std::uint32_t to = 3; to < 40; to += 8) {
      if (from != to) all.emplace_back(from, to);
    }
  }
  EXPECT_EQ(messages_over(classes, loads.collectives[0], 1e8), crossings(topology, all));
  EXPECT_EQ(messages_over(classes, loads.collectives[1], 4e8),
            crossings(topology, {{3, 11}, {11, 19}, {19, 27}, {27, 35}, {35, 3}}));
}

TEST(FabricLoads, OfAFoldedOperationAreThoseOfAllItsCopies) {
  // Four nodes on two leaves as one rank. Eight communicators of nodes 0 and 2: each leaf passes eight messages up and
  // eight down. A transfer of two ranks of eight likewise.
  Job job(small_leaves(4), 32, 8);
  std::vector<std::uint32_t> bases;
  for (std::uint32_t gpu = 0; gpu < 8; ++gpu) bases.push_back(gpu);
  job.collective(CollectiveKind::all_gather, 2e8, job.group({{2, 16}}, bases, {RankId(0), RankId(2)}));
  job.transfer(0, 2, 1e8);
  const hardware::Topology topology(job.cluster);
  LinkClasses classes(job.cluster, &topology);
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  const Loads loads = classes.loads(number, job.durations());
  for (const LinkLoadEntry* load : {&loads.collectives[0], &loads.transfers[0]}) {
    // A rank of the ring of two sends half of 200 MB.
    int fabric = 0;
    double least = 1e300;
    for (const LinkUse& use : load->uses) {
      const double capacity = classes.links()[use.link].capacity.value() * 1e-12;
      const bool shared = classes.is_fabric(LinkId(use.link));
      EXPECT_NEAR(use.share * static_cast<double>(load->work), shared ? 8e8 : 1e8, 1e3);
      least = std::min(least, capacity / (use.share / (shared ? 8.0 : 1.0)));
      fabric += shared ? 1 : 0;
    }
    EXPECT_GT(fabric, 0);
    EXPECT_NEAR(load->weight, least, 1e-9 * least) << "one copy's part of its narrowest link";
  }
}

TEST(FabricLoads, BundlesCarryWhatTheirCablesTogetherSustain) {
  Job job(small_leaves(5), 40);
  job.transfer(0, 39, 1e9);
  const hardware::Topology topology(job.cluster);
  LinkClasses classes(job.cluster, &topology);
  classes.add(job.plan, *job.prices);
  classes.fold();
  for (std::size_t i = 0; i < classes.links().size(); ++i) {
    const LinkInfo& link = classes.links()[i];
    if (link.link_class != "leaf") continue;
    // 16 up-links of 50 GB/s.
    EXPECT_EQ(link.capacity, classes.sustained(BytesPerSecond{16 * 50e9})) << link.representative;
    EXPECT_TRUE(classes.is_fabric(LinkId(i)));
  }
  EXPECT_NEAR(classes.sustained(BytesPerSecond{100e9}).value(), 85e9, 1.0) << "NICs sustain 0.85 of their line rate";
}

TEST(FabricLoads, LinksThatAllOperationsLoadAlikeAreOne) {
  // Every node sends to the next: each leaf of two nodes passes one message up and one down.
  Job job(small_leaves(4), 32);
  std::vector<RankId> members;
  for (std::uint32_t node = 0; node < 4; ++node) members.emplace_back(8 * node);
  job.collective(CollectiveKind::all_gather, 4e8, job.group({{4, 8}}, {0}, members));
  const hardware::Topology topology(job.cluster);
  const auto fabric_links = [&](bool apart) {
    LinkClasses classes(job.cluster, &topology);
    classes.add(job.plan, *job.prices);
    const LinkId up = topology.find_link("leaf0.spine0.up");
    if (apart) classes.tell_apart(up);
    classes.fold();
    std::map<std::string, int> counts;
    for (std::size_t i = 0; i < classes.links().size(); ++i) {
      if (classes.is_fabric(LinkId(i))) counts[classes.links()[i].representative] = classes.links()[i].count;
    }
    const std::vector<LinkId> found = classes.find(up);
    EXPECT_EQ(found.size(), 1u);
    EXPECT_TRUE(found.empty() || classes.is_fabric(found[0]));
    return counts;
  };
  EXPECT_EQ(fabric_links(false), (std::map<std::string, int>{{"leaf0.up", 4}})) << "up and down of two leaves";
  EXPECT_EQ(fabric_links(true), (std::map<std::string, int>{{"leaf0.up", 1}, {"leaf1.up", 3}}))
      << "the others called after the first of them";
}

TEST(FabricLoads, ALinkThatNothingCrossesIsNotThere) {
  Job job(small_leaves(4), 32);
  job.transfer(0, 8, 1e9);  // below one leaf
  const hardware::Topology topology(job.cluster);
  LinkClasses classes(job.cluster, &topology);
  classes.add(job.plan, *job.prices);
  classes.fold();
  EXPECT_EQ(classes.links().size(), 32u * 4u);
  EXPECT_TRUE(classes.find(topology.find_link("leaf0.spine0.up")).empty());
  EXPECT_TRUE(classes.find(topology.find_link("node0.nic0.out")).empty()) << "no link of the fabric";
}

TEST(FabricLoads, ADeadCableIsRoutedAround) {
  Job job(small_leaves(5), 40);
  job.transfer(0, 39, 1e9);
  hardware::Topology topology(job.cluster);
  for (const LinkId id : topology.route(RankId(0), RankId(39))) {
    if (topology.link_class_name(id) == "leaf" || topology.link_class_name(id) == "spine") topology.remove(id);
  }
  ASSERT_FALSE(topology.is_whole());
  LinkClasses classes(job.cluster, &topology);
  for (std::size_t id = topology.first_switch_link().index(); id < topology.links().size(); ++id) {
    classes.tell_apart(LinkId(id));
  }
  const std::size_t number = classes.add(job.plan, *job.prices);
  classes.fold();
  std::map<std::string, int> found;
  for (const auto& [name, share] : shares(classes, classes.loads(number, job.durations()).transfers[0])) {
    const std::size_t open = name.find('(');
    if (name.find("leaf") != std::string::npos) found[name.substr(open + 1, name.size() - open - 2)] = 1;
  }
  EXPECT_EQ(found, crossings(topology, {{0, 39}}));
}

}  // namespace
}  // namespace orrery::sim
