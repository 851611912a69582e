// Plans on a World's clock: alone as evaluate() has them, sharing links, slowed down, repeated, stopped.
#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
#include "sim/plan/run.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

void expect_equal(const Timeline& a, const Timeline& b) {
  ASSERT_EQ(a.makespan, b.makespan);
  ASSERT_EQ(a.spans.size(), b.spans.size());
  for (std::size_t i = 0; i < a.spans.size(); ++i) {
    ASSERT_EQ(a.spans[i].start, b.spans[i].start) << "span " << i;
    ASSERT_EQ(a.spans[i].end, b.spans[i].end) << "span " << i;
    ASSERT_EQ(a.spans[i].stream, b.spans[i].stream);
    ASSERT_EQ(a.spans[i].label, b.spans[i].label);
  }
  ASSERT_EQ(a.marks.size(), b.marks.size());
  for (std::size_t i = 0; i < a.marks.size(); ++i) {
    ASSERT_EQ(a.marks[i].mark, b.marks[i].mark);
    ASSERT_EQ(a.marks[i].first_span, b.marks[i].first_span);
  }
  ASSERT_EQ(a.memory.size(), b.memory.size());
  for (std::size_t i = 0; i < a.memory.size(); ++i) {
    ASSERT_EQ(a.memory[i].time, b.memory[i].time);
    ASSERT_EQ(a.memory[i].bytes_after, b.memory[i].bytes_after);
  }
}

TEST(PlanRun, AgreesWithTheEvaluatorToThePicosecond) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + seed % 6, 20 + 4 * seed));
    const Durations durations = random.durations(plan.plan(), 2 + seed % 50);
    ASSERT_NO_FATAL_FAILURE(expect_equal(evaluate(plan, durations), run_alone(plan, durations))) << "seed " << seed;
  }
}

/// The plan on a World of its own with those links, calls in one go where that can be.
Timeline run_whole(const RunnablePlan& plan, const Durations& durations, World& world, const Loads& loads) {
  PlanRun run(world, plan, durations, loads);
  const RunControl control;
  Pacer pacer(control);
  EvaluationBuilder recorder(plan, {}, true, pacer);
  SimTime makespan = 0;
  run.start(
      0, [&makespan](SimTime end) { makespan = end; }, &recorder);
  (void)world.clock().run();
  return recorder.take(makespan, control).timeline;
}

TEST(PlanRun, ACallInOneGoAgreesWithItsSteps) {
  std::uint64_t fewer = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + seed % 6, 20 + 4 * seed));
    const Durations durations = random.durations(plan.plan(), 2 + seed % 50);
    World world;
    const Timeline whole = run_whole(plan, durations, world, {});
    ASSERT_NO_FATAL_FAILURE(expect_equal(run_alone(plan, durations), whole)) << "seed " << seed;
    if (world.clock().statistics().fired < plan.step_count()) ++fewer;
  }
  EXPECT_GT(fewer, 50u);  // else nothing went in one go
}

TEST(PlanRun, FiguresAddedUpAreThoseOfTheTimeline) {
  const std::vector<ActivitySet> sets{activity_set({Activity::forward, Activity::backward}),
                                      activity_set({Activity::tensor_parallel})};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + seed % 6, 20 + 4 * seed));
    const Durations durations = random.durations(plan.plan(), 2 + seed % 50);
    const RunControl control;
    Pacer pacer(control);
    const Loads none;
    const auto run = [&](bool timeline) {
      World world;
      PlanRun one(world, plan, durations, none, sets);
      EvaluationBuilder out(plan, sets, timeline, pacer);
      SimTime makespan = 0;
      one.start(
          0, [&makespan](SimTime end) { makespan = end; }, &out);
      (void)world.clock().run();
      return out.take(makespan, control);
    };
    const Evaluation added = run(false), written = run(true);
    ASSERT_EQ(added.busy, written.busy) << "seed " << seed;
    for (std::uint32_t rank = 0; rank < plan.plan().ranks.size(); ++rank) {
      ASSERT_EQ(added.memory.peak(RankId(rank)).total, written.memory.peak(RankId(rank)).total) << "seed " << seed;
    }
    ASSERT_TRUE(added.timeline.spans.empty());
  }
}

/// One rank that calls a block of two collectives on one lane four times.
Plan calls_with_collectives() {
  PlanBuilder b;
  const RankId rank = b.add_rank("a");
  const GroupId group = b.add_group(Group::of("tp", {rank}, 4));
  b.begin_block(rank, "layer");
  for (int i = 0; i < 2; ++i) {
    b.collective(b.stream(rank, {}), CollectiveKind::all_reduce, Bytes{100.0 * (i + 1)}, group, "reduce",
                 Activity::tensor_parallel);
  }
  const std::uint32_t block = b.end_block();
  for (int i = 0; i < 4; ++i) b.call(rank, block);
  return b.take();
}

TEST(PlanRun, WhatLoadsSpareLinksOnlyGoesInOneGoAndIsCounted) {
  const RunnablePlan plan(calls_with_collectives());
  const Durations durations{{}, {100, 200}, {}, {}};
  Loads loads;
  loads.collectives = {{100, {{0, 1.0}}}, {200, {{0, 0.5}}}};
  const std::vector<BytesPerSecond> links{BytesPerSecond{1e12}};
  World by_steps(links), by_calls(links);
  by_calls.set_spare({1});
  expect_equal(run_whole(plan, durations, by_steps, loads), run_whole(plan, durations, by_calls, loads));
  EXPECT_GT(by_steps.clock().statistics().fired, 8u);
  EXPECT_EQ(by_calls.clock().statistics().fired, 5u);  // the start and four calls
  const LinkUsage flows = by_steps.usage()[0], counted = by_calls.usage()[0];
  EXPECT_DOUBLE_EQ(counted.bytes.value(), 4 * 200.0);
  EXPECT_DOUBLE_EQ(counted.bytes.value(), flows.bytes.value());
  EXPECT_DOUBLE_EQ(counted.mean_load, flows.mean_load);
  EXPECT_DOUBLE_EQ(counted.peak_load, flows.peak_load);
  EXPECT_TRUE(by_calls.overloaded().empty());
}

TEST(PlanRun, ASpeedThatWasNotExpectedIsRefusedWithinACall) {
  const RunnablePlan plan(calls_with_collectives());
  const Durations durations{{}, {100, 200}, {}, {}};
  const Loads none;
  World world;
  PlanRun run(world, plan, durations, none);
  run.start(0, [](SimTime) {});
  (void)world.clock().run_until(50);
  EXPECT_THROW(run.set_speed(RankId(0), 0.5), std::logic_error);
}

/// Two ranks; the first computes and sends, the second receives and computes.
Plan two_ranks() {
  PlanBuilder b;
  const RankId first = b.add_rank("a"), second = b.add_rank("b");
  kernels::GemmShape gemm;
  gemm.m = gemm.n = gemm.k = 128;
  const std::uint32_t message = b.transfer({first, second, Bytes{100.0}, b.label("message"), Activity::pipeline});
  b.launch(b.stream(first, {}), gemm, "one", Activity::forward);
  b.send(b.stream(first, {}), message);
  b.recv(b.stream(second, {}), message);
  b.launch(b.stream(second, {}), gemm, "two", Activity::forward);
  return b.take();
}

const Durations kDurations{{7, 40}, {}, {100}, {}};

TEST(PlanRun, AMessageTakesAsLongAsTheLinkLets) {
  const RunnablePlan plan(two_ranks());
  ASSERT_EQ(plan.plan().kernels.size(), 2u);
  Loads loads;
  loads.transfers = {{100, {{0, 1.0}}}};
  World world(std::vector<BytesPerSecond>{BytesPerSecond{0.5e12}});  // half of what it asks for
  PlanRun run(world, plan, kDurations, loads);
  SimTime end = 0;
  run.start(0, [&end](SimTime at) { end = at; });
  (void)world.clock().run();
  EXPECT_EQ(end, 7u + 200u + 40u);
  ASSERT_EQ(run.held_up().size(), 1u);
  EXPECT_DOUBLE_EQ(run.held_up()[0].delay.value(), 100e-12);
  EXPECT_EQ(run.held_up()[0].kind, StepKind::send);
}

TEST(PlanRun, TwoPlansOnOneLinkShareIt) {
  const RunnablePlan plan(two_ranks());
  Loads loads;
  loads.transfers = {{100, {{0, 1.0}}}};
  World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}});
  PlanRun one(world, plan, kDurations, loads), two(world, plan, kDurations, loads);
  std::vector<SimTime> ends;
  one.start(0, [&](SimTime at) { ends.push_back(at); });
  two.start(50, [&](SimTime at) { ends.push_back(at); });
  (void)world.clock().run();
  // One sends from 7, two from 57 on: 50 alone, then half speed until one's last 50 are there at 157.
  EXPECT_EQ(ends, (std::vector<SimTime>{157 + 40, 207 + 40}));
}

TEST(PlanRun, TheTimelineSaysWhichSpansALinkHeldUp) {
  const RunnablePlan plan(two_ranks());
  Loads loads;
  loads.transfers = {{100, {{1, 1.0}}}};
  const auto timeline_with = [&](double second_link) {
    World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}, BytesPerSecond{second_link}});
    PlanRun run(world, plan, kDurations, loads);
    const RunControl control;
    Pacer pacer(control);
    EvaluationBuilder recorder(plan, {}, true, pacer);
    run.start(
        0, [](SimTime) {}, &recorder);
    (void)world.clock().run();
    return recorder.take(world.now(), control).timeline;
  };
  EXPECT_TRUE(timeline_with(1e12).held_up.empty());
  const Timeline half = timeline_with(0.5e12);
  ASSERT_EQ(half.held_up.size(), 2u) << "the sender's and the receiver's span";
  EXPECT_LT(half.held_up[0].span, half.held_up[1].span);
  for (const HeldUpSpan& held : half.held_up) {
    EXPECT_EQ(half.labels[half.spans[held.span].label.index()], "message");
    EXPECT_EQ(held.link, 1u);
    EXPECT_EQ(held.delay, 100u);
    EXPECT_EQ(half.find_held_up(held.span), &held);
  }
  EXPECT_EQ(half.find_held_up(0), nullptr) << "a kernel";
}

TEST(PlanRun, StartsAgainAndTimesCountFromTheStart) {
  const RunnablePlan plan(two_ranks());
  const Loads none;
  World world;
  PlanRun run(world, plan, kDurations, none);
  const RunControl control;
  Pacer pacer(control);
  EvaluationBuilder recorder(plan, {}, true, pacer);
  std::vector<SimTime> ends;
  run.start(10, [&](SimTime at) {
    ends.push_back(at);
    if (ends.size() < 3)
      run.start(
          at, [&](SimTime again) { ends.push_back(again); }, &recorder);
  });
  (void)world.clock().run();
  EXPECT_EQ(ends, (std::vector<SimTime>{157, 304}));
  const Timeline second = recorder.take(147, control).timeline;
  EXPECT_EQ(second.spans.front().start, 0u);
  EXPECT_EQ(second.spans.back().end, 147u);
}

TEST(PlanRun, ASlowRankTakesLongerFromThenOn) {
  const RunnablePlan plan(two_ranks());
  const Loads none;
  const Durations durations{{70, 40}, {}, {100}, {}};
  World world;
  PlanRun run(world, plan, durations, none);
  SimTime end = 0;
  run.start(0, [&end](SimTime at) { end = at; });
  (void)world.clock().run_until(20);
  run.set_speed(RankId(0), 0.5);  // 50 left of 70 take 100
  (void)world.clock().run_until(30);
  run.set_speed(RankId(1), 0.8);  // 40 take 50
  (void)world.clock().run();
  EXPECT_EQ(end, 120u + 100u + 50u);
  EXPECT_THROW(run.set_speed(RankId(0), 0.0), std::invalid_argument);
}

TEST(PlanRun, WhatIsStoppedLeavesClockAndLinks) {
  const RunnablePlan plan(two_ranks());
  Loads loads;
  loads.transfers = {{100, {{0, 1.0}}}};
  World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}});
  PlanRun run(world, plan, kDurations, loads);
  bool ended = false;
  run.start(0, [&ended](SimTime) { ended = true; });
  (void)world.clock().run_until(50);
  run.stop();
  (void)world.clock().run();
  EXPECT_FALSE(ended);
  EXPECT_EQ(world.links().active(), 0u);
  SimTime end = 0;
  run.start(world.now(), [&end](SimTime at) { end = at; });
  (void)world.clock().run();
  EXPECT_EQ(end, world.now());
  EXPECT_GT(end, 147u);
}

TEST(PlanRun, RefusesTablesOfAnotherPlan) {
  const RunnablePlan plan(two_ranks());
  World world;
  const Loads none;
  Loads wrong;
  wrong.transfers.resize(3);
  const Durations empty;
  EXPECT_THROW(PlanRun(world, plan, empty, none), std::invalid_argument);
  EXPECT_THROW(PlanRun(world, plan, kDurations, wrong), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::sim
