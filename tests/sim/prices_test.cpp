// Prices on a cluster: what time() says is what explain() adds up to.
#include "sim/prices/prices.hpp"

#include <memory>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/collective.hpp"
#include "sim/plan/builder.hpp"
#include "tests/sim/collective_clusters.hpp"
#include "tests/sim/flat_prices.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

/// A gemm of m rows takes m µs on a GPU called "plain", twice that on any other; everything else takes 5 µs.
class RowTimer final : public kernels::KernelTimer {
 public:
  [[nodiscard]] Seconds time(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    const auto* gemm = std::get_if<kernels::GemmShape>(&kernel);
    const Seconds plain = Seconds{1e-6} * static_cast<double>(gemm == nullptr ? 5 : gemm->m);
    return gpu.name == "plain" ? plain : plain * 2.0;
  }
  [[nodiscard]] kernels::Estimate explain(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    kernels::Estimate estimate;
    estimate.time = time(kernel, gpu);
    estimate.fit_key = gpu.name;
    return estimate;
  }
};

kernels::Kernel gemm(std::int64_t m) {
  kernels::GemmShape shape;
  shape.m = m;
  shape.n = shape.k = 128;
  return shape;
}

KernelEntry entry(std::int64_t m, LaunchPath path) {
  KernelEntry e;
  e.kernel = gemm(m);
  e.launch = path;
  return e;
}

struct PricesTest : ::testing::Test {
  PricesTest() {
    cluster.groups.push_back(cluster.groups.front());
    cluster.groups[0].gpu.name = "plain";
    cluster.groups[1].gpu.name = "slow";
  }
  [[nodiscard]] ClusterPrices prices(const LaunchCosts& costs) const {
    return {cluster, timer, {{0, costs}, {1, costs}}, Placement{0, 8, 1, 8, {}, 0}};
  }
  RowTimer timer;
  hardware::Cluster cluster = testing::h100_cluster(4);
  LaunchCosts launch{Seconds{2e-6}, Seconds{1e-6}, Seconds{8e-6}};
};

TEST_F(PricesTest, AKernelIdlesForTheGapOfItsLaunchPathOrTheHost) {
  const ClusterPrices p = prices(launch);
  const auto micro = [&](std::int64_t m, LaunchPath path) { return p.time(entry(m, path), 0).value() * 1e6; };
  EXPECT_DOUBLE_EQ(micro(10, LaunchPath::stream), 12.0);
  EXPECT_DOUBLE_EQ(micro(10, LaunchPath::graph), 11.0);
  EXPECT_DOUBLE_EQ(micro(10, LaunchPath::joined), 10.0);
  EXPECT_DOUBLE_EQ(micro(3, LaunchPath::stream), 8.0) << "the host issues one in 8 µs";
  EXPECT_DOUBLE_EQ(micro(3, LaunchPath::graph), 8.0);
  EXPECT_DOUBLE_EQ(micro(3, LaunchPath::joined), 3.0) << "nobody issues it";
  EXPECT_DOUBLE_EQ(micro(7, LaunchPath::graph), 8.0) << "7 + 1 is what the host takes as well";
}

TEST_F(PricesTest, TimesAreWhatTheirExplanationsAddUpTo) {
  for (const Seconds host : {Seconds{0.0}, Seconds{8e-6}, Seconds{1e-3}}) {
    const ClusterPrices p = prices({launch.stream_gap, launch.graph_gap, host});
    for (std::int64_t m = 1; m < 40; ++m) {
      for (const LaunchPath path : {LaunchPath::stream, LaunchPath::graph, LaunchPath::joined}) {
        for (const std::uint32_t gpu_class : {0u, 1u}) {
          const KernelPrice why = p.explain(entry(m, path), gpu_class);
          EXPECT_EQ(p.time(entry(m, path), gpu_class), why.total());
          EXPECT_EQ(why.kernel.time, timer.time(gemm(m), cluster.groups[gpu_class].gpu));
          EXPECT_GE(why.idle.value(), 0.0);
        }
      }
    }
    PlanBuilder b;
    const RankId r = b.add_rank("gpu"), far = b.add_rank("far", 1, 8);
    const GroupId groups[] = {b.add_group(Group::of("one", {r}, 1)), b.add_group(Group::of("node", {r}, 8)),
                              b.add_group({"wide", {r}, {{4, 8}}, {0, 1, 2}})};
    const auto t = b.transfer({r, far, 1_MiB, b.label("p2p"), Activity::pipeline});
    for (const GroupId group : groups) {
      for (const CollectiveKind kind : testing::kAllKinds) {
        for (const double bytes : {1e3, 1e6, 1e9}) {
          b.collective(b.stream(r, kCompute), kind, Bytes{bytes}, group, "c", Activity::data_parallel);
        }
      }
    }
    const Plan plan = b.take();
    ASSERT_EQ(plan.collectives.size(), 54u);
    for (const CollectiveEntry& collective : plan.collectives) {
      const CollectivePrice why = p.explain(collective, plan);
      EXPECT_DOUBLE_EQ(p.time(collective, plan).value(), why.total().value());
      const Seconds alone = collective_time(why.call, cluster.site(0));
      EXPECT_EQ(why.estimate.time, alone);
      const bool single = plan.groups[collective.group.index()].size() == 1;
      EXPECT_EQ(p.time(collective, plan), single ? Seconds{0.0} : max(alone, host));
    }
    EXPECT_EQ(p.time(plan.transfers[t], plan), p.explain(plan.transfers[t], plan).time);
  }
}

TEST_F(PricesTest, ACollectiveIsCalledWithTheNodesOfItsPlacement) {
  Plan plan;
  plan.groups = {Group::of("node", {RankId(0)}, 8), {"wide", {RankId(0)}, {{4, 8}}, {0, 1}}};
  CollectiveEntry e;
  e.kind = CollectiveKind::all_gather;
  e.bytes = 1_MiB;
  e.group = GroupId(0);
  e.library = CollectiveLibrary::custom_graph;
  e.implementation = kernels::Implementation::vllm;
  const CollectiveCall call = prices(launch).call_of(e, plan);
  EXPECT_EQ(call.kind, CollectiveKind::all_gather);
  EXPECT_EQ(call.bytes, 1_MiB);
  EXPECT_EQ(call.ranks, 8);
  EXPECT_EQ(call.nodes, 1);
  EXPECT_EQ(call.library, CollectiveLibrary::custom_graph);
  EXPECT_EQ(call.implementation, kernels::Implementation::vllm);
  e.group = GroupId(1);
  EXPECT_EQ(prices(launch).call_of(e, plan).nodes, 4);
  const ClusterPrices half(cluster, timer, {{0, launch}}, Placement{0, 4, 1, 8, {}, 0});
  e.group = GroupId(0);
  EXPECT_EQ(half.call_of(e, plan).nodes, 2) << "a job that takes half of each node";
}

TEST_F(PricesTest, ATransferTakesTheLinkBetweenItsNodes) {
  PlanBuilder b;
  const RankId a = b.add_rank("a"), near = b.add_rank("near", 1, 7), far = b.add_rank("far", 1, 8);
  const auto t = b.transfer({a, near, 1_GiB, b.label("x"), Activity::pipeline});
  const auto u = b.transfer({a, far, 1_GiB, b.label("x"), Activity::pipeline});
  const Plan plan = b.take();
  const ClusterPrices p = prices(launch);
  EXPECT_TRUE(p.explain(plan.transfers[t], plan).same_node);
  EXPECT_FALSE(p.explain(plan.transfers[u], plan).same_node);
  EXPECT_EQ(p.time(plan.transfers[t], plan), transfer_time(1_GiB, true, cluster.site(0)));
  EXPECT_EQ(p.time(plan.transfers[u], plan), transfer_time(1_GiB, false, cluster.site(0)));
  EXPECT_LT(p.time(plan.transfers[t], plan), p.time(plan.transfers[u], plan));
}

TEST_F(PricesTest, AClassIsOfANodeGroup) {
  const ClusterPrices p(cluster, timer, {{0, {}}}, Placement{});
  EXPECT_DOUBLE_EQ(p.time(entry(3, LaunchPath::stream), 0).value(), 3e-6);
  EXPECT_EQ(p.explain(entry(3, LaunchPath::stream), 0).kernel.fit_key, "plain");
  CopyEntry copy;
  copy.copy.bytes = 1_MiB;
  EXPECT_DOUBLE_EQ(p.time(copy).value(), 5e-6);
}

TEST_F(PricesTest, WhatUnlikeGpusDoTogetherTakesAsLongAsAmongTheSlowest) {
  cluster.groups[1] = testing::a100_cluster(4).groups[0];
  PlanBuilder b;
  const RankId fast = b.add_rank(Rank{"h100", {0}, 0}), slow = b.add_rank(Rank{"a100", {32}, 1});
  const GroupId alike = b.add_group({"alike", {fast}, {{4, 8}}, {0}});
  const GroupId both = b.add_group({"both", {fast, slow}, {{8, 8}}, {0}});
  const GroupId wide = b.add_group({"wide", {fast}, {{8, 8}}, {0}});
  const auto over = [&](GroupId group) {
    CollectiveEntry e;
    e.kind = CollectiveKind::all_reduce;
    e.bytes = 64_MiB;
    e.group = group;
    return e;
  };
  const auto t = b.transfer({slow, fast, 1_GiB, b.label("x"), Activity::pipeline});
  b.launch(b.stream(fast, kCompute), gemm(4), "k", Activity::forward);
  const Plan plan = b.take();
  LaunchCosts slow_host;
  slow_host.host = Seconds{1.0};
  const ClusterPrices p(cluster, timer, {{0, {}}, {1, {}}}, Placement{0, 8, 1, 8, {}, 0});
  const ClusterPrices late(cluster, timer, {{0, {}}, {1, slow_host}}, Placement{0, 8, 1, 8, {}, 0});
  EXPECT_EQ(p.slowest(over(both), plan), 1u);
  EXPECT_EQ(p.time(over(both), plan), collective_time(p.call_of(over(both), plan), cluster.site(1)));
  EXPECT_EQ(p.explain(over(both), plan).total(), p.time(over(both), plan));
  EXPECT_GT(p.time(over(both), plan), p.time(over(wide), plan)) << "as many GPUs of the faster kind";
  EXPECT_EQ(p.slowest(over(alike), plan), 0u);
  EXPECT_EQ(p.time(plan.transfers[t], plan), transfer_time(1_GiB, false, cluster.site(1)));
  EXPECT_EQ(late.time(over(both), plan), Seconds{1.0}) << "whose host is late holds all up";
  EXPECT_LT(late.time(over(alike), plan), Seconds{1.0});
  EXPECT_EQ(p.group(1), 1u);
}

TEST(Durations, KernelsStandClassAfterClassOfGpus) {
  PlanBuilder b;
  const RankId first = b.add_rank("first"), second = b.add_rank(Rank{"second", {1}, 1});
  b.launch(b.stream(first, kCompute), gemm(1), "k", Activity::forward, 3);
  b.launch(b.stream(second, kCompute), gemm(1), "k", Activity::forward, 3);
  b.launch(b.stream(second, kCompute), gemm(2), "k", Activity::backward);
  b.copy(b.stream(second, kCopies), {1_MiB, true, true}, "h2d");
  const Plan plan = b.take();
  EXPECT_EQ(gpu_classes(plan), 2u);
  EXPECT_EQ(gpu_classes(Plan{}), 1u);
  testing::FlatPrices prices;
  prices.kernel = Seconds{1e-6};
  prices.copy = Seconds{5e-6};
  const Durations d = price(plan, prices);
  EXPECT_EQ(d.kernels, (std::vector<SimTime>{3'000'000, 1'000'000, 6'000'000, 2'000'000}));
  const StepPrice slow = step_price(plan, d, {StepKind::launch, 1}, 1);
  EXPECT_EQ(slow.duration, 2'000'000u);
  EXPECT_EQ(slow.activity, Activity::backward);
  EXPECT_EQ(plan.labels[slow.label.index()], "k");
  EXPECT_EQ(step_price(plan, d, {StepKind::launch, 0}, 0).duration, 3'000'000u);
  EXPECT_EQ(step_price(plan, d, {StepKind::copy, 0}, 1).duration, 5'000'000u);
  EXPECT_EQ(step_price(plan, d, {StepKind::copy, 0}, 1).activity, Activity::host_copy);
  EXPECT_NO_THROW(require_durations_of(plan, d));
  Durations one_class = d;
  one_class.kernels.resize(2);
  EXPECT_THROW(require_durations_of(plan, one_class), std::invalid_argument);
  for (auto table : {&Durations::kernels, &Durations::collectives, &Durations::transfers, &Durations::copies}) {
    Durations longer = d;
    (longer.*table).push_back(1);
    EXPECT_THROW(require_durations_of(plan, longer), std::invalid_argument);
  }
}

// Groups of two nodes: of the two messages that one stands for, the first stays in its group and the second leaves it.
TEST(MessagesOfADragonfly, WaitForTheFurthestOfTheirCopies) {
  hardware::Cluster cluster = hardware::make_cluster("gh200_box", "dragonfly_hdr", 6);
  cluster.fabric.leaf_ports = 1;
  cluster.fabric.pod_leaves = 2;
  const std::unique_ptr<kernels::KernelTimer> timer = kernels::timers()[0].make();
  const ClusterPrices prices(cluster, *timer, std::vector<GpuClass>{{0, {}}}, place(cluster, 0, 1, 0, 6));
  const auto time = [&](const std::vector<std::uint32_t>& from, const std::vector<std::uint32_t>& to) {
    PlanBuilder builder;
    builder.add_rank("a", 1, 0);
    builder.add_rank("b", 1, 1);
    Plan plan = builder.take();
    plan.ranks[0].stands_for = from;
    plan.ranks[1].stands_for = to;
    TransferEntry entry;
    entry.source = RankId(0), entry.destination = RankId(1), entry.bytes = Bytes{1e6};
    return prices.time(entry, plan).value();
  };
  const double near = time({0}, {1}), far = time({1}, {2});
  EXPECT_NEAR(far - near, cluster.fabric.global_latency.value(), 1e-15);
  EXPECT_DOUBLE_EQ(time({0, 3}, {1, 4}), far);
  EXPECT_DOUBLE_EQ(time({0, 2}, {1, 3}), near);
}

}  // namespace
}  // namespace orrery::sim
