// Where marks stand between the spans of their stream.
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/evaluate.hpp"
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

TEST(Marks, PointAtTheSpanThatFollowsThemOnTheirStream) {
  PlanBuilder b;
  const RankId rank = b.add_rank("only");
  const StreamId compute = b.stream(rank, kCompute), copies = b.stream(rank, kCopies);
  b.mark(compute, {b.label("start"), 1, 7, 2});
  b.launch(compute, gemm(1), "one", Activity::forward);
  b.mark(compute, "middle");
  b.mark(compute, "middle again");
  b.wait(compute, b.record(copies));
  b.launch(compute, gemm(1), "two", Activity::forward);
  b.mark(compute, "end");
  b.mark(copies, "idle");
  b.copy(copies, {Bytes{1.0}, true, true}, "copy");
  const RunnablePlan plan(b.take());
  EXPECT_EQ(plan.step_count(), 5u) << "two launches, a copy, record and wait; marks are no work";
  const Timeline t = evaluate(plan, {{7, 7}, {}, {}, {5}});
  ASSERT_EQ(t.spans.size(), 3u);
  std::vector<std::pair<std::string, std::size_t>> marks;
  for (const TimelineMark& mark : t.marks) marks.emplace_back(t.labels[mark.mark.label.index()], mark.first_span);
  const std::vector<std::pair<std::string, std::size_t>> expected = {
      {"start", 0}, {"middle", 1}, {"middle again", 1}, {"end", 2}, {"idle", 2}};
  EXPECT_EQ(marks, expected) << "the compute stream's spans are 0 and 1, the copy is 2";
  EXPECT_EQ(t.marks[0].mark, (MarkEntry{t.marks[0].mark.label, 1, 7, 2}));
  EXPECT_EQ(t.marks[1].mark.pass, -1) << "a mark of text alone begins no pass";
  EXPECT_EQ(t.marks[3].stream, compute);
  EXPECT_EQ(t.marks[4].stream, copies);
}

TEST(Marks, OfRandomPlansStandBetweenTheSpansOfTheirStream) {
  std::size_t seen = 0;
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(8), random.below(500));
    const Timeline t = evaluate(RunnablePlan(plan), random.durations(plan, 5));
    const Plan flat = inlined(plan);
    std::size_t next = 0, span = 0;  // by the plan's own order
    for (std::uint32_t s = 0; s < flat.streams.size(); ++s) {
      for (const Step step : flat.streams[s].steps) {
        if (step.kind == StepKind::mark) {
          ASSERT_LT(next, t.marks.size());
          EXPECT_EQ(t.marks[next].stream, StreamId(s));
          EXPECT_EQ(t.marks[next].mark, plan.marks[step.index]);
          EXPECT_EQ(t.marks[next++].first_span, span);
        }
        span += is_timed(step.kind) ? 1 : 0;
      }
    }
    EXPECT_EQ(next, t.marks.size());
    seen += next;
  }
  EXPECT_GT(seen, 100u);
}

}  // namespace
}  // namespace orrery::sim
