// The event-driven interpreter: the evaluator's timeline without contention, the network's with it.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/evaluate.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

kernels::Kernel gemm(std::int64_t m) {
  kernels::GemmShape shape;
  shape.m = m;
  shape.n = shape.k = 128;
  return shape;
}

void expect_equal(const Timeline& a, const Timeline& b) {
  ASSERT_EQ(a.makespan, b.makespan);
  ASSERT_EQ(a.labels, b.labels);
  ASSERT_EQ(a.spans.size(), b.spans.size());
  for (std::size_t i = 0; i < a.spans.size(); ++i) {
    ASSERT_EQ(a.spans[i].start, b.spans[i].start) << "span " << i;
    ASSERT_EQ(a.spans[i].end, b.spans[i].end) << "span " << i;
    ASSERT_EQ(a.spans[i].stream, b.spans[i].stream) << "span " << i;
    ASSERT_EQ(a.spans[i].label, b.spans[i].label) << "span " << i;
    ASSERT_EQ(a.spans[i].activity, b.spans[i].activity) << "span " << i;
  }
  ASSERT_EQ(a.marks.size(), b.marks.size());
  for (std::size_t i = 0; i < a.marks.size(); ++i) {
    ASSERT_EQ(a.marks[i].stream, b.marks[i].stream) << "mark " << i;
    ASSERT_EQ(a.marks[i].label, b.marks[i].label) << "mark " << i;
    ASSERT_EQ(a.marks[i].first_span, b.marks[i].first_span) << "mark " << i;
  }
  ASSERT_EQ(a.memory.size(), b.memory.size());
  for (std::size_t i = 0; i < a.memory.size(); ++i) {
    ASSERT_EQ(a.memory[i].time, b.memory[i].time) << "sample " << i;
    ASSERT_EQ(a.memory[i].rank, b.memory[i].rank) << "sample " << i;
    ASSERT_EQ(a.memory[i].kind, b.memory[i].kind) << "sample " << i;
    ASSERT_EQ(a.memory[i].bytes_after, b.memory[i].bytes_after) << "sample " << i;
  }
}

TEST(Interpret, RandomPlansGiveTheEvaluatorsTimeline) {
  for (std::uint64_t seed = 1000; seed < 1400; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(8), random.below(500));
    for (const std::uint64_t values : {2u, 5u, 1'000'000'000u}) {
      const Durations durations = random.durations(plan, values);
      ASSERT_NO_FATAL_FAILURE(expect_equal(evaluate(plan, durations), interpret(plan, durations))) << "seed " << seed;
    }
  }
}

TEST(Marks, PointAtTheSpanThatFollowsThemOnTheirStream) {
  PlanBuilder b;
  const RankId rank = b.add_rank("only");
  const StreamId compute = b.stream(rank, Lane::compute), copies = b.stream(rank, Lane::copy);
  b.mark(compute, "start");
  b.launch(compute, gemm(1), "one", Activity::forward);
  b.mark(compute, "middle");
  b.mark(compute, "middle again");
  b.wait(compute, b.record(copies));
  b.launch(compute, gemm(1), "two", Activity::forward);
  b.mark(compute, "end");
  b.mark(copies, "idle");
  b.copy(copies, {Bytes{1.0}, true, true}, "copy");
  const Plan plan = b.take();
  EXPECT_EQ(plan.step_count(), 5u) << "two launches, a copy, record and wait; marks are no work";
  for (const Timeline& t : {evaluate(plan, {{7, 7}, {}, {}, {5}}), interpret(plan, {{7, 7}, {}, {}, {5}})}) {
    ASSERT_EQ(t.spans.size(), 3u);
    std::vector<std::pair<std::string, std::size_t>> marks;
    for (const TimelineMark& mark : t.marks) marks.emplace_back(t.labels[mark.label.index()], mark.first_span);
    const std::vector<std::pair<std::string, std::size_t>> expected = {
        {"start", 0}, {"middle", 1}, {"middle again", 1}, {"end", 2}, {"idle", 2}};
    EXPECT_EQ(marks, expected) << "the compute stream's spans are 0 and 1, the copy is 2";
    EXPECT_EQ(t.marks[3].stream, compute);
    EXPECT_EQ(t.marks[4].stream, copies);
  }
}

TEST(Marks, OfRandomPlansStandBetweenTheSpansOfTheirStream) {
  std::size_t seen = 0;
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(8), random.below(500));
    const Timeline t = evaluate(plan, random.durations(plan, 5));
    std::size_t next = 0, span = 0;  // by the plan's own order
    for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
      for (const Step step : plan.streams[s].steps) {
        if (step.kind == StepKind::mark) {
          ASSERT_LT(next, t.marks.size());
          EXPECT_EQ(t.marks[next].stream, StreamId(s));
          EXPECT_EQ(t.marks[next].label, LabelId(step.index));
          EXPECT_EQ(t.marks[next++].first_span, span);
        }
        const bool timed = step.kind == StepKind::launch || step.kind == StepKind::collective ||
                           step.kind == StepKind::send || step.kind == StepKind::recv || step.kind == StepKind::copy;
        span += timed ? 1 : 0;
      }
    }
    EXPECT_EQ(next, t.marks.size());
    seen += next;
  }
  EXPECT_GT(seen, 100u);
}

/// A link that carries one unit of work per picosecond, shared equally by all that is in flight: processor
/// sharing. An operation's work is its duration alone.
class SharedLink final : public Network {
 public:
  [[nodiscard]] bool start(const NetworkJob& job, SimTime now) override {
    if (job.transfer != nullptr && job.transfer->same_node) return false;
    move_to(now);
    flows_.push_back({job.id, static_cast<double>(job.alone)});
    ++starts;
    return true;
  }
  [[nodiscard]] SimTime next_completion() override {
    if (flows_.empty()) return kNever;
    double least = flows_.front().left;
    for (const Flow& f : flows_) least = std::min(least, f.left);
    return now_ + static_cast<SimTime>(least * static_cast<double>(flows_.size()) + 0.5);
  }
  void advance(SimTime now, std::vector<OperationId>& completed) override {
    move_to(now);
    for (const Flow& f : flows_) {
      if (f.left < 0.5) completed.push_back(f.id);
    }
    flows_.erase(std::remove_if(flows_.begin(), flows_.end(), [](const Flow& f) { return f.left < 0.5; }),
                 flows_.end());
  }
  int starts = 0;

 private:
  struct Flow {
    OperationId id;
    double left;
  };
  void move_to(SimTime now) {
    for (Flow& f : flows_) f.left -= static_cast<double>(now - now_) / static_cast<double>(flows_.size());
    now_ = now;
  }
  std::vector<Flow> flows_;
  SimTime now_ = 0;
};

/// Ends everything after its duration alone.
class PrivateLinks final : public Network {
 public:
  [[nodiscard]] bool start(const NetworkJob& job, SimTime now) override {
    flows_.emplace_back(now + job.alone, job.id);
    return true;
  }
  [[nodiscard]] SimTime next_completion() override {
    return flows_.empty() ? kNever : std::min_element(flows_.begin(), flows_.end())->first;
  }
  void advance(SimTime now, std::vector<OperationId>& completed) override {
    for (const auto& [end, id] : flows_) {
      if (end <= now) completed.push_back(id);
    }
    flows_.erase(std::remove_if(flows_.begin(), flows_.end(), [now](const auto& f) { return f.first <= now; }),
                 flows_.end());
  }

 private:
  std::vector<std::pair<SimTime, OperationId>> flows_;
};

TEST(Interpret, ANetworkWithoutSharingChangesNothing) {
  for (std::uint64_t seed = 2000; seed < 2100; ++seed) {
    testing::RandomPlan random(seed);
    const Plan plan = random.make(1 + random.below(8), random.below(500));
    const Durations durations = random.durations(plan, 4);
    PrivateLinks network;
    ASSERT_NO_FATAL_FAILURE(expect_equal(evaluate(plan, durations), interpret(plan, durations, network)))
        << "seed " << seed;
  }
}

struct TwoTransfers {
  PlanBuilder b;
  StreamId s0, s1, d0, d1;

  /// `compute` ps of computation before the second transfer.
  Plan plan(bool same_node) {
    const RankId r0 = b.add_rank("0");
    const RankId r1 = b.add_rank("1");
    const auto t = b.transfer({r0, r1, 1_MiB, false, b.label("first"), Activity::pipeline});
    const auto u = b.transfer({r0, r1, 1_MiB, same_node, b.label("second"), Activity::pipeline});
    s0 = b.stream(r0, Lane::send_next);
    s1 = b.stream(r1, Lane::recv_prev);
    d0 = b.stream(r0, Lane::send_prev);
    d1 = b.stream(r1, Lane::recv_next);
    b.send(s0, t);
    b.recv(s1, t);
    b.launch(s1, gemm(1), "after", Activity::forward);
    b.launch(d0, gemm(2), "before", Activity::forward);
    b.send(d0, u);
    b.recv(d1, u);
    return b.take();
  }
};

TEST(Interpret, TransfersOnASharedLinkSlowEachOtherDown) {
  // first: 100 of work from 0; second: 30 of work from 40. Alone until 40: first has 60 left. Shared:
  // second ends at 40 + 2·30 = 100, when first has 30 left; alone again, first ends at 130.
  const Plan plan = TwoTransfers().plan(false);
  SharedLink link;
  const Timeline t = interpret(plan, {{7, 40}, {}, {100, 30}, {}}, link);
  EXPECT_EQ(link.starts, 2);
  ASSERT_EQ(t.spans.size(), 6u);
  EXPECT_EQ(t.spans[0].end, 130u);    // send first
  EXPECT_EQ(t.spans[1].end, 130u);    // recv first
  EXPECT_EQ(t.spans[2].start, 130u);  // what follows is held up
  EXPECT_EQ(t.spans[4].start, 40u);
  EXPECT_EQ(t.spans[4].end, 100u);
  EXPECT_EQ(t.makespan, 137u);
  EXPECT_EQ(interpret(plan, {{7, 40}, {}, {100, 30}, {}}).makespan, 107u);
}

TEST(Interpret, AJobThatTheNetworkDeclinesTakesItsDuration) {
  const Plan plan = TwoTransfers().plan(true);
  SharedLink link;
  EXPECT_EQ(interpret(plan, {{7, 40}, {}, {100, 30}, {}}, link).makespan, 107u);
  EXPECT_EQ(link.starts, 1);
}

TEST(Interpret, CollectivesOfFoldedGroupsGoToTheNetwork) {
  PlanBuilder b;
  const RankId r = b.add_rank("gpu");
  const GroupId g = b.add_group({"dp", {r}, 64, 8});
  b.collective(b.stream(r, Lane::data_parallel), CollectiveKind::all_reduce, 1_MiB, g, "x", Activity::data_parallel);
  b.collective(b.stream(r, Lane::tensor_parallel), CollectiveKind::all_reduce, 2_MiB, g, "y", Activity::data_parallel);
  SharedLink link;
  // 10 and 10 of work side by side: both end at 20.
  EXPECT_EQ(interpret(b.take(), {{}, {10, 10}, {}, {}}, link).makespan, 20u);
}

TEST(Interpret, PlansThatCannotRunAreRefused) {
  Plan plan;
  plan.ranks.push_back({"r", 1, 0});
  plan.events = 1;
  plan.streams.push_back({RankId(0), Lane::compute, {{StepKind::wait, 0}}});
  EXPECT_THROW((void)interpret(plan, {}), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::sim
