// What collectives take of a GPU from the kernels beside them: by hand, on the clock and from prices.
#include "sim/plan/gpu_shares.hpp"

#include <functional>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/table/roofline.hpp"
#include "sim/plan/builder.hpp"
#include "sim/plan/run.hpp"
#include "sim/prices/shares.hpp"
#include "tests/sim/collective_clusters.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

TEST(GpuShares, AKernelIsAsFastAsWhatIsLeftOfWhatItKeepsBusy) {
  EXPECT_DOUBLE_EQ(speed_beside({1.0, 0.0}, {0.25, 0.9}), 0.75);
  EXPECT_DOUBLE_EQ(speed_beside({0.5, 1.0}, {0.25, 0.25}), 0.75) << "bound by memory";
  EXPECT_DOUBLE_EQ(speed_beside({0.5, 0.5}, {0.25, 0.25}), 1.0) << "there is room for both";
  EXPECT_DOUBLE_EQ(speed_beside({1.0, 1.0}, {0.0, 0.0}), 1.0);
  EXPECT_DOUBLE_EQ(speed_beside({1.0, 1.0}, {2.0, 0.0}), 0.05) << "it ends";
}

constexpr Lane kBeside = communication(0);

/// Two ranks, each with a kernel on one lane and two all-reduces of both on another, which wait for a first kernel.
Plan overlapped() {
  PlanBuilder b;
  const RankId ranks[] = {b.add_rank("a"), b.add_rank("b")};
  const GroupId group = b.add_group(Group::of("both", {ranks[0], ranks[1]}, 2));
  kernels::GemmShape gemm;
  gemm.m = gemm.n = gemm.k = 128;
  kernels::GemmShape first = gemm;
  first.m = 256;
  for (const RankId rank : ranks) {
    b.launch(b.stream(rank, kBeside), first, "first", Activity::forward);
    b.collective(b.stream(rank, kBeside), CollectiveKind::all_reduce, Bytes{100.0}, group, "one",
                 Activity::data_parallel);
    b.collective(b.stream(rank, kBeside), CollectiveKind::all_reduce, Bytes{200.0}, group, "two",
                 Activity::data_parallel);
    b.launch(b.stream(rank, kCompute), gemm, "kernel", Activity::forward);
  }
  return b.take();
}

/// `meanwhile`: what happens to the run once it has begun.
SimTime end_with(const RunnablePlan& plan, const Durations& durations, const GpuShares& shares,
                 const std::function<void(World&, PlanRun&)>& meanwhile = {}) {
  const Loads none;
  World world;
  PlanRun run(world, plan, durations, none);
  run.share_gpus(shares);
  SimTime end = 0;
  run.start(0, [&end](SimTime at) { end = at; });
  if (meanwhile) meanwhile(world, run);
  (void)world.clock().run();
  return end;
}

TEST(GpuShares, AKernelGoesOnAtTheSpeedThatEachCollectiveLeavesIt) {
  const RunnablePlan plan(overlapped());
  ASSERT_EQ(plan.plan().kernels.size(), 2u);  // "first", "kernel"
  const Durations durations{{100, 1000}, {200, 300}, {}, {}};
  // 100 alone, 200 at 0.75, 300 at 0.5, then what is left: 1000 − 100 − 150 − 150.
  EXPECT_EQ(end_with(plan, durations, {{{1.0, 0.0}, {1.0, 0.0}}, {{0.25, 0.0}, {0.5, 0.0}}, {}}), 600u + 600u);
  EXPECT_EQ(end_with(plan, durations, {{{1.0, 0.0}, {0.0, 1.0}}, {{0.25, 0.0}, {0.5, 0.0}}, {}}), 1000u)
      << "a kernel that waits for memory goes on with fewer SMs";
  EXPECT_EQ(end_with(plan, durations, {{{1.0, 0.0}, {0.0, 1.0}}, {{0.0, 0.25}, {0.0, 0.5}}, {}}), 1200u);
  EXPECT_EQ(end_with(plan, durations, {{{1.0, 0.0}, {1.0, 1.0}}, {{0.0, 0.0}, {0.0, 0.0}}, {}}), 1000u);
}

TEST(GpuShares, ASlowRankIsSlowBesideCollectivesToo) {
  const RunnablePlan plan(overlapped());
  const Durations durations{{100, 1000}, {200, 300}, {}, {}};
  const GpuShares shares{{{1.0, 0.0}, {1.0, 0.0}}, {{0.25, 0.0}, {0.5, 0.0}}, {}};
  const SimTime end = end_with(plan, durations, shares, [](World& world, PlanRun& run) {
    (void)world.clock().run_until(200);
    run.set_speed(RankId(0), 0.5);
  });
  // 100 + 75 by 200; 100 at 0.375, 300 at 0.25; the 712.5 that are left at half speed.
  EXPECT_EQ(end, 600u + 1425u);
}

TEST(GpuShares, ThoseOfAnotherPlanAreRefused) {
  const RunnablePlan plan(overlapped());
  const Durations durations{{100, 1000}, {200, 300}, {}, {}};
  const Loads none;
  World world;
  PlanRun run(world, plan, durations, none);
  EXPECT_THROW(run.share_gpus({{{1.0, 0.0}}, {{0.25, 0.0}, {0.5, 0.0}}, {}}), std::invalid_argument);
  EXPECT_THROW(run.share_gpus({{{1.0, 0.0}, {1.0, 0.0}}, {}, {}}), std::invalid_argument);
}

/// A sends to B beside a kernel of each; both have a kernel first.
Plan sending() {
  PlanBuilder b;
  const RankId from = b.add_rank("a"), to = b.add_rank("b");
  const std::uint32_t message = b.transfer({from, to, Bytes{100.0}, b.label("message")});
  kernels::GemmShape gemm;
  gemm.m = gemm.n = gemm.k = 128;
  for (const RankId rank : {from, to}) b.launch(b.stream(rank, kCompute), gemm, "kernel", Activity::forward);
  b.send(b.stream(from, kBeside), message);
  b.recv(b.stream(to, kBeside), message);
  return b.take();
}

TEST(GpuShares, AMessageTakesItsPartAtBothEnds) {
  const RunnablePlan plan(sending());
  const Durations durations{{1000}, {}, {400}, {}};
  // 400 at 0.5, then what is left alone.
  EXPECT_EQ(end_with(plan, durations, {{{1.0, 0.0}}, {}, {{0.5, 0.0}}}), 400u + 800u);
  EXPECT_EQ(end_with(plan, durations, {{{0.5, 0.0}}, {}, {{0.5, 0.0}}}), 1000u) << "there is room for both";
  World world;
  const Loads none;
  PlanRun run(world, plan, durations, none);
  EXPECT_THROW(run.share_gpus({{{1.0, 0.0}}, {}, {}}), std::invalid_argument);
}

/// Every kernel takes what the datasheet says.
class BoundTimer final : public kernels::KernelTimer {
 public:
  [[nodiscard]] Seconds time(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    return kernels::roofline(kernel, gpu);
  }
  [[nodiscard]] kernels::Estimate explain(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    kernels::Estimate estimate;
    estimate.time = time(kernel, gpu);
    return estimate;
  }
};

TEST(GpuShares, AreReadOffRooflinesAndChannels) {
  hardware::Cluster cluster = testing::h100_cluster(1);
  hardware::Gpu& gpu = cluster.groups.front().gpu;
  gpu.peak = {{Dtype::bf16, FlopsPerSecond{989e12}}};
  gpu.vector_peak = FlopsPerSecond{67e12};
  gpu.sm_count = 132;
  gpu.memory_bandwidth = BytesPerSecond{3.35e12};
  gpu.l2_size = Bytes{50.0 * (1 << 20)};
  gpu.l2_bandwidth = BytesPerSecond{5.5e12};
  PlanBuilder b;
  std::vector<RankId> ranks;
  for (int i = 0; i < 8; ++i) ranks.push_back(b.add_rank("r" + std::to_string(i), 1, static_cast<std::uint32_t>(i)));
  const GroupId group = b.add_group(Group::of("all", ranks, 8));
  kernels::GemmShape gemm;
  gemm.m = gemm.n = gemm.k = 8192;
  kernels::MemoryShape pass;
  pass.elements = 1 << 28;
  pass.read = pass.written = Bytes{2.0 * (1 << 28)};
  b.launch(b.stream(ranks[0], kCompute), gemm, "gemm", Activity::forward, 3);
  b.launch(b.stream(ranks[0], kCompute), pass, "pass", Activity::forward);
  for (const RankId rank : ranks) {
    b.collective(b.stream(rank, kBeside), CollectiveKind::all_reduce, Bytes{1e9}, group, "sum",
                 Activity::data_parallel);
  }
  const std::uint32_t message = b.transfer({ranks[0], ranks[1], Bytes{1e8}, b.label("message")});
  b.send(b.stream(ranks[0], kCompute), message);
  b.recv(b.stream(ranks[1], kCompute), message);
  const Plan plan = b.take();
  const BoundTimer timer;
  const ClusterPrices prices(cluster, timer, {{0, {}}}, Placement{0, 8, 1, 8, {}, 0});
  const Durations durations = price(plan, prices);
  const GpuShares shares = gpu_shares(plan, prices, durations);
  ASSERT_EQ(shares.kernels.size(), 2u);
  const kernels::Bounds gemm_bounds = kernels::roofline_bounds(plan.kernels[0].kernel, gpu);
  EXPECT_DOUBLE_EQ(shares.kernels[0].sms, 1.0);
  EXPECT_NEAR(shares.kernels[0].memory, gemm_bounds.memory / gemm_bounds.compute, 1e-9) << "three of three";
  const kernels::Bounds pass_bounds = kernels::roofline_bounds(plan.kernels[1].kernel, gpu);
  EXPECT_NEAR(shares.kernels[1].memory, 1.0, 1e-9);
  EXPECT_NEAR(shares.kernels[1].sms, max(pass_bounds.compute, pass_bounds.l2) / pass_bounds.memory, 1e-9);
  ASSERT_EQ(shares.collectives.size(), 1u);
  const CollectivePrice price = prices.explain(plan.collectives[0], plan);
  ASSERT_GT(price.estimate.channels, 0);
  EXPECT_EQ(price.sms, price.estimate.channels);
  EXPECT_DOUBLE_EQ(shares.collectives[0].sms, price.estimate.channels / 132.0);
  // NCCL 2.28.9 (src/graph/paths.cc): inside a node all that the rings have, 24, as a power of 2; between nodes those
  // that fill the card, 50 / 14 GB/s.
  ASSERT_EQ(plan.transfers.size(), 1u);
  EXPECT_EQ(prices.channels(plan.transfers[0], plan), 32);
  EXPECT_DOUBLE_EQ(shares.transfers.at(0).sms, 32 / 132.0);
  const hardware::Cluster eight = testing::h100_cluster(8);
  const ClusterPrices apart(eight, timer, {{0, {}}}, Placement{0, 1, 1, 8, {}, 0});
  EXPECT_EQ(apart.channels(plan.transfers[0], plan), 4);
  const Seconds sent = prices.explain(plan.transfers[0], plan).time;
  EXPECT_NEAR(shares.transfers[0].memory, 3e8 / sent.value() / gpu.memory_bandwidth.value(), 1e-12);
  const double wire = (price.load.node + price.load.network).value();
  EXPECT_NEAR(shares.collectives[0].memory, 3.0 * wire / price.total().value() / gpu.memory_bandwidth.value(), 1e-12);
}

}  // namespace
}  // namespace orrery::sim
