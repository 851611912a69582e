// The static evaluator and the frozen plan, by hand-computed cases and against each other.
#include "sim/plan/evaluate.hpp"

#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/frozen.hpp"
#include "tests/sim/flat_prices.hpp"
#include "tests/sim/lanes.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

kernels::Kernel gemm(std::int64_t m) {
  kernels::GemmShape shape;
  shape.m = m;
  shape.n = shape.k = 128;
  return shape;
}

void expect_span(const Timeline& timeline, std::size_t i, std::uint32_t stream, SimTime start, SimTime end) {
  ASSERT_LT(i, timeline.spans.size());
  EXPECT_EQ(timeline.spans[i].stream.value, stream) << "span " << i;
  EXPECT_EQ(timeline.spans[i].start, start) << "span " << i;
  EXPECT_EQ(timeline.spans[i].end, end) << "span " << i;
}

TEST(Evaluate, AStreamIsTheSumOfItsSteps) {
  PlanBuilder b;
  const StreamId s = b.stream(b.add_rank("gpu"), kCompute);
  b.launch(s, gemm(1), "a", Activity::forward);
  b.copy(s, {1_MiB, true, true}, "h2d");
  b.launch(s, gemm(1), "a", Activity::forward);
  const RunnablePlan plan(b.take());
  const Durations d{{10}, {}, {}, {7}};
  const Timeline t = evaluate(plan, d);
  EXPECT_EQ(t.makespan, 27u);  // 10 + 7 + 10
  expect_span(t, 0, 0, 0, 10);
  expect_span(t, 1, 0, 10, 17);
  expect_span(t, 2, 0, 17, 27);
  EXPECT_EQ(t.spans[1].activity, Activity::host_copy);
  EXPECT_EQ(t.labels[t.spans[1].label.index()], "h2d");
}

TEST(Evaluate, AWaitHoldsTheStreamUntilTheRecord) {
  // compute: a(10) record; copy: c(4) wait c2(5) → c2 starts at max(10, 4).
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  const StreamId s = b.stream(r, kCompute);
  const StreamId c = b.stream(r, kCopies);
  b.launch(s, gemm(1), "a", Activity::forward);
  const EventId e = b.record(s);
  b.launch(s, gemm(2), "after", Activity::forward);  // 3
  b.copy(c, {1_MiB, true, true}, "c");
  b.wait(c, e);
  b.copy(c, {2_MiB, true, true}, "c2");
  const Timeline t = evaluate(RunnablePlan(b.take()), {{10, 3}, {}, {}, {4, 5}});
  expect_span(t, 1, 0, 10, 13);
  expect_span(t, 3, 1, 10, 15);
  EXPECT_EQ(t.makespan, 15u);
}

TEST(Evaluate, ACollectiveStartsWithTheLastMemberAndAllLeaveTogether) {
  PlanBuilder b;
  const RankId r0 = b.add_rank("0");
  const RankId r1 = b.add_rank("1");
  const GroupId g = b.add_group(Group::of("tp", {r0, r1}, 2));
  const StreamId s0 = b.stream(r0, kCompute);
  const StreamId s1 = b.stream(r1, kCompute);
  b.launch(s0, gemm(1), "short", Activity::forward);  // 3
  b.launch(s1, gemm(2), "long", Activity::forward);   // 8
  for (const StreamId s : {s0, s1}) {
    b.collective(s, CollectiveKind::all_reduce, 1_MiB, g, "ar", Activity::tensor_parallel);
    b.launch(s, gemm(1), "short", Activity::forward);
  }
  const RunnablePlan plan(b.take());
  const Timeline t = evaluate(plan, {{3, 8}, {20}, {}, {}});
  expect_span(t, 1, 0, 8, 28);  // waiting from 3 to 8 is not part of the span
  expect_span(t, 2, 0, 28, 31);
  expect_span(t, 4, 1, 8, 28);
  expect_span(t, 5, 1, 28, 31);
  EXPECT_EQ(t.makespan, 31u);
  EXPECT_EQ(FrozenPlan(plan).step_count(), 5u);  // four launches and one collective
}

TEST(Evaluate, SendAndRecvMeetAndOccupyBothStreams) {
  PlanBuilder b;
  const RankId r0 = b.add_rank("0");
  const RankId r1 = b.add_rank("1");
  const StreamId s0 = b.stream(r0, kCompute);
  const StreamId s1 = b.stream(r1, kCompute);
  const auto t = b.transfer({r0, r1, 1_MiB, b.label("p2p"), Activity::pipeline});
  b.launch(s0, gemm(1), "f", Activity::forward);  // 10
  b.send(s0, t);                                  // 10..14
  b.launch(s0, gemm(1), "f", Activity::forward);  // 14..24
  b.send(s0, t);                                  // meets the second recv at max(24, 34)
  b.recv(s1, t);                                  // 10..14
  b.launch(s1, gemm(2), "g", Activity::forward);  // 14..34
  b.recv(s1, t);                                  // 34..38
  const Timeline line = evaluate(RunnablePlan(b.take()), {{10, 20}, {}, {4}, {}});
  expect_span(line, 1, 0, 10, 14);
  expect_span(line, 3, 0, 34, 38);
  expect_span(line, 4, 1, 10, 14);
  expect_span(line, 6, 1, 34, 38);
  EXPECT_EQ(line.makespan, 38u);
}

TEST(Evaluate, MemoryIsSampledWhereTheStreamReachesTheStep) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  const StreamId s = b.stream(r, kCompute);
  b.alloc(s, 100_B, MemoryKind::activations);
  b.launch(s, gemm(1), "f", Activity::forward);
  b.alloc(s, 50_B, MemoryKind::activations);
  b.launch(s, gemm(1), "f", Activity::forward);
  b.free(s, 150_B, MemoryKind::activations);
  const Timeline t = evaluate(RunnablePlan(b.take()), {{10}, {}, {}, {}});
  ASSERT_EQ(t.memory.size(), 3u);
  EXPECT_EQ(t.memory[0].time, 0u);
  EXPECT_EQ(t.memory[0].bytes_after, 100.0);
  EXPECT_EQ(t.memory[1].time, 10u);
  EXPECT_EQ(t.memory[1].bytes_after, 150.0);
  EXPECT_EQ(t.memory[2].time, 20u);
  EXPECT_EQ(t.memory[2].bytes_after, 0.0);
}

TEST(Evaluate, PricingCountsRepeats) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  const StreamId s = b.stream(r, kCompute);
  b.launch(s, gemm(1), "f", Activity::forward, 96);
  const GroupId g = b.add_group(Group::of("tp", {r}, 8));
  b.collective(s, CollectiveKind::all_reduce, 1_MiB, g, "ar", Activity::tensor_parallel);
  const Plan plan = b.take();
  testing::FlatPrices prices;
  prices.kernel = prices.collective_member = Seconds{1e-6};
  const Durations d = price(plan, prices);
  EXPECT_EQ(d.kernels.at(0), 96'000'000u);
  EXPECT_EQ(d.collectives.at(0), 8'000'000u);
  prices.kernel = Seconds{-1.0};
  EXPECT_THROW((void)price(plan, prices), TimeOverflow);
}

TEST(Evaluate, PlansThatCannotRunAreRefused) {
  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.events = 1;
  plan.streams.push_back({RankId(0), kCompute, {{StepKind::wait, 0}}});
  EXPECT_THROW(RunnablePlan{plan}, std::invalid_argument);
  const RunnablePlan empty{Plan{}};
  std::vector<SimTime> scratch;
  EXPECT_THROW((void)evaluate(empty, {{1}, {}, {}, {}}), std::invalid_argument);
  EXPECT_THROW((void)FrozenPlan(empty).makespan({{1}, {}, {}, {}}, scratch), std::invalid_argument);
}

TEST(Evaluate, TimesPast2To64AreRefused) {
  PlanBuilder b;
  const StreamId s = b.stream(b.add_rank("gpu"), kCompute);
  b.launch(s, gemm(1), "f", Activity::forward);
  b.launch(s, gemm(1), "f", Activity::forward);
  const RunnablePlan plan(b.take());
  const Durations d{{std::numeric_limits<SimTime>::max() / 2 + 1}, {}, {}, {}};
  std::vector<SimTime> scratch;
  EXPECT_THROW((void)evaluate(plan, d), TimeOverflow);
  EXPECT_THROW((void)FrozenPlan(plan).makespan(d, scratch), TimeOverflow);
  EXPECT_THROW((void)FrozenPlan(plan).makespans({d}), TimeOverflow);
}

TEST(FrozenPlan, AnEmptyPlanTakesNoTime) {
  std::vector<SimTime> scratch;
  const RunnablePlan empty{Plan{}};
  EXPECT_EQ(FrozenPlan(empty).makespan({}, scratch), 0u);
  EXPECT_EQ(FrozenPlan(empty).step_count(), 0u);
  EXPECT_EQ(evaluate(empty, {}).makespan, 0u);
}

TEST(FrozenPlan, RandomPlansHaveTheMakespanOfTheEvaluator) {
  std::vector<SimTime> scratch;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + random.below(6), random.below(400)));
    const FrozenPlan frozen(plan);
    std::vector<Durations> sets;
    for (int i = 0; i < 11; ++i) sets.push_back(random.durations(plan.plan(), i % 2 == 0 ? 3 : 1'000'000));
    const std::vector<SimTime> batch = frozen.makespans(sets);
    for (std::size_t i = 0; i < sets.size(); ++i) {
      const SimTime expected = evaluate(plan, sets[i]).makespan;
      ASSERT_EQ(frozen.makespan(sets[i], scratch), expected) << "seed " << seed;
      ASSERT_EQ(batch[i], expected) << "seed " << seed;
    }
  }
}

TEST(FrozenPlan, BatchesStayExactBeyond2To53) {
  // Odd picosecond counts above 2^53 are not doubles: the batch must fall back to integers.
  PlanBuilder b;
  const StreamId s = b.stream(b.add_rank("gpu"), kCompute);
  b.launch(s, gemm(1), "f", Activity::forward);
  b.launch(s, gemm(2), "g", Activity::forward);
  const RunnablePlan plan(b.take());
  const FrozenPlan frozen(plan);
  const SimTime big = (SimTime{1} << 54) + 2;
  EXPECT_EQ(frozen.makespans({{{big, 1}, {}, {}, {}}, {{5, 6}, {}, {}, {}}}), (std::vector<SimTime>{big + 1, 11}));
}

TEST(FrozenPlan, ManyRegistersAreCompiledToTheWideForm) {
  // 70,000 streams that all end apart need more than 65,536 registers.
  Plan plan;
  plan.labels = {"x"};
  for (const std::int64_t m : {1, 2}) {
    KernelEntry& entry = plan.kernels.emplace_back();
    entry.kernel = gemm(m);
    entry.label = LabelId(0);
  }
  for (std::uint32_t r = 0; r < 70'000; ++r) {
    plan.ranks.push_back({"r", {0}, 0});
    plan.streams.push_back({RankId(r), kCompute, {{StepKind::launch, 0}, {StepKind::launch, r == 69'999 ? 1u : 0u}}});
  }
  const RunnablePlan runnable(plan);
  const FrozenPlan frozen(runnable);
  const Durations d{{5, 8}, {}, {}, {}};
  std::vector<SimTime> scratch;
  EXPECT_EQ(frozen.makespan(d, scratch), 13u);
  EXPECT_EQ(frozen.makespans({d}), (std::vector<SimTime>{13}));
  EXPECT_EQ(evaluate(runnable, d).makespan, 13u);
}

TEST(FrozenPlan, InstantStepsCostNoInstruction) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  const StreamId s = b.stream(r, kCompute);
  const StreamId c = b.stream(r, kCopies);
  b.launch(s, gemm(1), "a", Activity::forward);
  b.mark(s, "m");
  const EventId e = b.record(s);
  b.alloc(c, 1_B, MemoryKind::weights);
  b.wait(c, e);
  b.launch(c, gemm(1), "b", Activity::forward);
  const RunnablePlan plan(b.take());
  const FrozenPlan frozen(plan);
  EXPECT_EQ(frozen.step_count(), 2u);
  EXPECT_EQ(frozen.instruction_count(), 2u);
}

}  // namespace
}  // namespace orrery::sim
