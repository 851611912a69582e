// Blocks and calls: a plan with calls is the plan with their steps in place, whoever reads it.
#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
#include "sim/plan/frozen.hpp"
#include "tests/sim/lanes.hpp"
#include "tests/sim/random_plan.hpp"
#include "tests/sim/same_timeline.hpp"

namespace orrery::sim {
namespace {

kernels::Kernel gemm(std::int64_t m) {
  kernels::GemmShape shape;
  shape.m = m;
  shape.n = shape.k = 128;
  return shape;
}

const std::vector<ActivitySet> kSets = {
    activity_set({Activity::forward, Activity::backward}), activity_set({Activity::tensor_parallel}),
    activity_set({Activity::forward, Activity::tensor_parallel, Activity::data_parallel, Activity::host_copy})};

TEST(Blocks, EveryReadingOfAPlanWithCallsIsThatOfItsSteps) {
  std::size_t calls = 0;
  std::vector<SimTime> scratch;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + random.below(6), random.below(400)));
    const RunnablePlan flat(inlined(plan.plan()));
    calls += plan.plan().calls.size();
    ASSERT_TRUE(flat.plan().calls.empty());
    ASSERT_EQ(plan.step_count(), flat.step_count());
    const FrozenPlan frozen(plan);
    std::vector<Durations> sets;
    for (const std::uint64_t values : {2u, 5u, 1'000'000'000u}) {
      sets.push_back(random.durations(plan.plan(), values));
      const Evaluation expected = evaluate(flat, sets.back(), {true, kSets});
      const Evaluation whole = evaluate(plan, sets.back(), {true, kSets});
      const Evaluation lean = evaluate(plan, sets.back(), {false, kSets});
      // Who asks whether links fill gets the figures when it is known that none does.
      const Loads loads{std::vector<LinkLoadEntry>(plan.plan().collectives.size()),
                        std::vector<LinkLoadEntry>(plan.plan().transfers.size())};
      const Evaluation late = evaluate(plan, sets.back(), {true, kSets, &loads});
      ASSERT_NO_FATAL_FAILURE(testing::expect_same_timeline(late.timeline, expected.timeline));
      ASSERT_NO_FATAL_FAILURE(testing::expect_same_timeline(whole.timeline, expected.timeline));
      ASSERT_TRUE(lean.timeline.spans.empty());
      for (const Evaluation* got : {&whole, &lean, &late}) {
        ASSERT_EQ(got->makespan, expected.makespan);
        ASSERT_EQ(got->busy, expected.busy);
        ASSERT_NO_FATAL_FAILURE(testing::expect_same_memory(got->memory, expected.memory));
      }
      ASSERT_EQ(frozen.makespan(sets.back(), scratch), expected.makespan);
    }
    const std::vector<SimTime> batch = frozen.makespans(sets);
    for (std::size_t i = 0; i < sets.size(); ++i) ASSERT_EQ(batch[i], evaluate(flat, sets[i]).makespan);
  }
  EXPECT_GT(calls, 5000u);
}

/// compute: a(10) record; side: wait, b(4). Called twice, with c(3) on the side lane between.
Plan called_twice() {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  b.begin_block(r, "pass");
  b.launch(b.stream(r, kCompute), gemm(1), "a", Activity::forward);
  b.wait(b.stream(r, communication(0)), b.record(b.stream(r, kCompute)));
  b.launch(b.stream(r, communication(0)), gemm(2), "b", Activity::backward);
  const std::uint32_t block = b.end_block();
  b.call(r, block);
  b.launch(b.stream(r, communication(0)), gemm(3), "c", Activity::forward);
  b.call(r, block);
  return b.take();
}

TEST(Blocks, ACallRunsItsPartOnEachLane) {
  const RunnablePlan plan(called_twice());
  const Durations d{{10, 4, 3}, {}, {}, {}};
  // compute: a 0–10, a 10–20; side: b 10–14, c 14–17, b 20–24.
  const Timeline t = evaluate(plan, d);
  ASSERT_EQ(t.spans.size(), 5u);
  const SimTime starts[] = {0, 10, 10, 14, 20}, ends[] = {10, 20, 14, 17, 24};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(t.spans[i].start, starts[i]) << "span " << i;
    EXPECT_EQ(t.spans[i].end, ends[i]) << "span " << i;
  }
  EXPECT_EQ(t.makespan, 24u);
  EXPECT_EQ(plan.step_count(), 2u * 4u + 1u);
  EXPECT_EQ(plan.plan().events, 2u) << "each call has the block's event for itself";
  const FrozenPlan frozen(plan);
  std::vector<SimTime> scratch;
  EXPECT_EQ(frozen.step_count(), 3u) << "a call is one operation";
  EXPECT_EQ(frozen.makespan(d, scratch), 24u);
}

TEST(Blocks, AnOrderKnowsWhichLanesDependOnWhich) {
  const Plan plan = called_twice();
  const BlockOrder order(plan.blocks[0]);
  ASSERT_EQ(order.parts(), 2u);
  EXPECT_EQ(order.timed(), 2u);
  EXPECT_TRUE(order.reaches(0, 0) && order.reaches(1, 1) && order.reaches(0, 1));
  EXPECT_FALSE(order.reaches(1, 0));
  EXPECT_TRUE(order.follows_first(1));
  // With work before the wait, the lane's own time counts.
  Block block = plan.blocks[0];
  std::swap(block.parts[1].steps[0], block.parts[1].steps[1]);
  EXPECT_FALSE(BlockOrder(block).follows_first(1));
}

TEST(Blocks, ALaneThatIsFreeLateHoldsUpItsOwnPartOnly) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  b.begin_block(r, "pass");
  b.launch(b.stream(r, kCompute), gemm(1), "a", Activity::forward);
  b.wait(b.stream(r, kCopies), b.record(b.stream(r, kCompute)));
  b.launch(b.stream(r, kCopies), gemm(2), "b", Activity::forward);
  const std::uint32_t block = b.end_block();
  b.launch(b.stream(r, kCopies), gemm(3), "late", Activity::forward);
  b.call(r, block);
  const Timeline t = evaluate(RunnablePlan(b.take()), {{10, 4, 100}, {}, {}, {}});
  ASSERT_EQ(t.spans.size(), 3u);
  EXPECT_EQ(t.spans[1].end, 104u);  // b, on the stream that was made first
  EXPECT_EQ(t.spans[2].end, 10u);   // a
}

TEST(Blocks, OnTwoClassesOfGpuRunWithTheirOwnPrices) {
  Plan plan = called_twice();
  plan.ranks[0].gpu_class = 1;
  const RunnablePlan runnable(plan);
  const Durations d{{1, 1, 1, 10, 4, 3}, {}, {}, {}};
  std::vector<SimTime> scratch;
  EXPECT_EQ(evaluate(runnable, d).makespan, 24u);
  EXPECT_EQ(FrozenPlan(runnable).makespan(d, scratch), 24u);
  EXPECT_THROW((void)evaluate(runnable, {{1, 1, 1}, {}, {}, {}}), std::invalid_argument);
}

TEST(Blocks, TimesPast2To63WithinOneBlockAreRefused) {
  const RunnablePlan plan(called_twice());
  const SimTime huge = std::numeric_limits<SimTime>::max() / 2;
  const Durations d{{huge, huge, 0}, {}, {}, {}};
  std::vector<SimTime> scratch;
  EXPECT_THROW((void)evaluate(plan, d), TimeOverflow);
  EXPECT_THROW((void)FrozenPlan(plan).makespan(d, scratch), TimeOverflow);
}

TEST(Blocks, TheBuilderKeepsThemApartFromStreams) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu"), other = b.add_rank("other");
  EXPECT_THROW((void)b.end_block(), std::logic_error);
  b.begin_block(r, "pass");
  EXPECT_THROW(b.begin_block(r, "inner"), std::logic_error);
  EXPECT_THROW((void)b.stream(other, kCompute), std::logic_error);
  b.launch(b.stream(r, kCompute), gemm(1), "a", Activity::forward);
  EXPECT_EQ(b.end_block(), 0u);
  EXPECT_THROW(b.call(r, 1), std::out_of_range);
  const Plan plan = b.take();
  EXPECT_TRUE(plan.streams.empty()) << "a block that nobody calls puts nothing on streams";
  EXPECT_EQ(plan.blocks.at(0).parts.at(0).steps.size(), 1u);
}

}  // namespace
}  // namespace orrery::sim
