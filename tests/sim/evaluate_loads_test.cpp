// Whether links fill while a plan runs undisturbed, against the demand of every operation at every moment.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
#include "tests/sim/lanes.hpp"
#include "tests/sim/random_loads.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

constexpr std::size_t kLinks = testing::kRandomLinks;

struct Demand {
  std::vector<std::vector<std::pair<SimTime, double>>> changes =
      std::vector<std::vector<std::pair<SimTime, double>>>(kLinks);
  std::vector<double> bytes = std::vector<double>(kLinks, 0.0);

  /// The highest sum at any moment of what lasts longer than nothing.
  [[nodiscard]] double peak(std::size_t link) const {
    std::map<SimTime, double> by_time;
    for (const auto& [time, change] : changes[link]) by_time[time] += change;
    double sum = 0.0, most = 0.0;
    for (const auto& [time, change] : by_time) most = std::max(most, sum += change);
    return most;
  }
};

/// Each operation once: a collective by a part for each member, a transfer by its send.
Demand demand_of(const Plan& flat, const Timeline& timeline, const Loads& loads) {
  Demand demand;
  std::size_t span = 0;
  for (const Stream& stream : flat.streams) {
    for (const Step& step : stream.steps) {
      if (!is_timed(step.kind)) continue;
      const Span& at = timeline.spans[span++];
      const LinkLoadEntry* load = loads.of(step);
      if (load == nullptr || step.kind == StepKind::recv) continue;
      const double part =
          step.kind == StepKind::collective
              ? 1.0 / static_cast<double>(flat.groups[flat.collectives[step.index].group.index()].members.size())
              : 1.0;
      for (const LinkUse& use : load->uses) {
        demand.changes[use.link].emplace_back(at.end - load->work, use.share * part);
        demand.changes[use.link].emplace_back(at.end, -use.share * part);
        demand.bytes[use.link] += use.share * part * static_cast<double>(load->work);
      }
    }
  }
  return demand;
}

struct Case {
  explicit Case(std::uint64_t seed)
      : random(seed),
        plan(random.make(1 + random.below(5), random.below(150))),
        flat(inlined(plan.plan())),
        durations(random.durations(plan.plan(), 1000)),
        loads(testing::random_loads(random, durations)) {}

  /// With capacities in bytes per picosecond.
  [[nodiscard]] Evaluation run(const RunnablePlan& which, const std::vector<double>& capacity) const {
    std::vector<BytesPerSecond> capacities;
    for (const double each : capacity) capacities.emplace_back(each * 1e12);
    EvaluateOptions options;
    options.loads = &loads;
    options.capacities = capacities;
    return evaluate(which, durations, options);
  }

  testing::RandomPlan random;
  RunnablePlan plan, flat;
  Durations durations;
  Loads loads;
};

TEST(EvaluateLoads, WithoutBlocksALinkIsFilledWhereTheDemandOfAMomentIsMoreThanItHas) {
  int filled = 0, spare = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Case c(seed);
    const Demand demand = demand_of(c.flat.plan(), evaluate(c.flat, c.durations), c.loads);
    std::vector<double> capacity;
    for (std::size_t link = 0; link < kLinks; ++link) {
      // Around the peak: just enough, or just too little.
      capacity.push_back(std::max(0.5, demand.peak(link) + (seed % 2 == 0 ? 0.25 : -0.25)));
    }
    const Evaluation out = c.run(c.flat, capacity);
    std::vector<std::uint32_t> expected;
    for (std::uint32_t link = 0; link < kLinks; ++link) {
      if (demand.peak(link) > capacity[link]) expected.push_back(link);
    }
    ASSERT_EQ(out.filled_links, expected) << "seed " << seed;
    (expected.empty() ? spare : filled) += 1;
  }
  EXPECT_GT(filled, 30);
  EXPECT_GT(spare, 30);
}

TEST(EvaluateLoads, WithBlocksTheVerdictIsNeverTooBold) {
  int bold = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Case c(seed);
    const Demand demand = demand_of(c.flat.plan(), evaluate(c.flat, c.durations), c.loads);
    std::vector<double> capacity;
    for (std::size_t link = 0; link < kLinks; ++link) capacity.push_back(std::max(0.5, demand.peak(link) - 0.25));
    const Evaluation out = c.run(c.plan, capacity);
    for (std::uint32_t link = 0; link < kLinks; ++link) {
      if (demand.peak(link) <= capacity[link]) continue;
      ++bold;
      EXPECT_TRUE(std::find(out.filled_links.begin(), out.filled_links.end(), link) != out.filled_links.end())
          << "seed " << seed << ", link " << link;
    }
  }
  EXPECT_GT(bold, 100);
}

TEST(EvaluateLoads, WhatLinksCarriedIsTheBytesOfAllOperations) {
  for (std::uint64_t seed = 200; seed < 300; ++seed) {
    const Case c(seed);
    const Demand demand = demand_of(c.flat.plan(), evaluate(c.flat, c.durations), c.loads);
    const std::vector<double> capacity(kLinks, 1e6);
    for (const RunnablePlan* which : {&c.plan, &c.flat}) {
      const Evaluation out = c.run(*which, capacity);
      ASSERT_TRUE(out.filled_links.empty());
      ASSERT_EQ(out.links.size(), kLinks);
      for (std::size_t link = 0; link < kLinks; ++link) {
        EXPECT_NEAR(out.links[link].bytes.value(), demand.bytes[link], 1e-9 * demand.bytes[link]) << "seed " << seed;
        const double offered = 1e6 * static_cast<double>(out.makespan);
        EXPECT_NEAR(out.links[link].mean_load, offered > 0.0 ? demand.bytes[link] / offered : 0.0, 1e-12);
        EXPECT_GE(out.links[link].peak_load, demand.peak(link) / 1e6 * (1 - 1e-9));
        if (which == &c.flat) {
          EXPECT_NEAR(out.links[link].peak_load, demand.peak(link) / 1e6, 1e-12);
        }
      }
    }
  }
}

TEST(EvaluateLoads, OperationsOfABlockThatFollowOneAnotherAskOneAfterTheOther) {
  // Two collectives on one lane, each of which asks for the whole link: the second begins where the first ends.
  PlanBuilder b;
  const RankId rank = b.add_rank("gpu");
  const GroupId folded = b.add_group(Group::of("tp", {rank}, 4));
  b.begin_block(rank, "layer");
  const StreamId lane = b.stream(rank, communication(0));
  b.collective(lane, CollectiveKind::all_reduce, 1_MiB, folded, "a", Activity::tensor_parallel);
  b.collective(lane, CollectiveKind::all_gather, 1_MiB, folded, "b", Activity::tensor_parallel);
  const std::uint32_t block = b.end_block();
  b.call(rank, block);
  b.call(rank, block);
  const RunnablePlan plan(b.take());
  const Durations durations{{}, {10, 20}, {}, {}};
  Loads loads;
  loads.collectives = {{10, {{0, 5.0}}, 1.0}, {20, {{0, 5.0}}, 1.0}};
  const std::vector<BytesPerSecond> enough{BytesPerSecond{5e12}}, little{BytesPerSecond{4.9e12}};
  EvaluateOptions options;
  options.loads = &loads;
  options.capacities = enough;
  const Evaluation out = evaluate(plan, durations, options);
  EXPECT_TRUE(out.filled_links.empty());
  EXPECT_DOUBLE_EQ(out.links.at(0).peak_load, 1.0);
  EXPECT_DOUBLE_EQ(out.links.at(0).mean_load, 1.0);
  EXPECT_DOUBLE_EQ(out.links.at(0).bytes.value(), 2.0 * 5.0 * 30.0);
  options.capacities = little;
  EXPECT_EQ(evaluate(plan, durations, options).filled_links, std::vector<std::uint32_t>{0});
}

}  // namespace
}  // namespace orrery::sim
