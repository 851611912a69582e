// Plans carried out step by step, as their header describes them, against the evaluator; and laws of all plans.
#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/evaluate.hpp"
#include "sim/plan/frozen.hpp"
#include "tests/sim/plan_text_reader.hpp"
#include "tests/sim/random_plan.hpp"
#include "tests/sim/same_timeline.hpp"

namespace orrery::sim {
namespace {

/// Every stream with a position and a time; whichever can move does, until none can.
class Walk {
 public:
  Walk(const Plan& plan, const Durations& durations)
      : plan_(plan), durations_(durations), streams_(plan.streams.size()), events_(plan.events) {}

  [[nodiscard]] std::vector<Span> spans() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t s = 0; s < streams_.size(); ++s) {
        while (step(s)) moved = true;
      }
    }
    std::vector<Span> out;
    for (std::size_t s = 0; s < streams_.size(); ++s) {
      EXPECT_EQ(streams_[s].position, plan_.streams[s].steps.size()) << "stream " << s << " is stuck";
      out.insert(out.end(), streams_[s].spans.begin(), streams_[s].spans.end());
    }
    return out;
  }

 private:
  struct State {
    std::size_t position = 0;
    SimTime time = 0;
    bool waits = false;  ///< at a collective or a transfer, for the others
    std::vector<Span> spans;
  };
  /// Streams that have come to one occurrence of something.
  using Meeting = std::vector<std::size_t>;

  bool step(std::size_t s) {
    State& state = streams_[s];
    const std::vector<Step>& steps = plan_.streams[s].steps;
    if (state.waits || state.position == steps.size()) return false;
    const Step at = steps[state.position];
    switch (at.kind) {
      case StepKind::launch:
      case StepKind::copy:
        take(s, state.time);
        return true;
      case StepKind::record:
        events_[at.index] = state.time;
        break;
      case StepKind::wait:
        if (!events_[at.index]) return false;
        state.time = std::max(state.time, *events_[at.index]);
        break;
      case StepKind::collective: {
        const Lane lane = plan_.streams[s].lane;
        const int occurrence = reached_[{at.index, lane, plan_.streams[s].rank.value}]++;
        const std::size_t members = plan_.groups[plan_.collectives[at.index].group.index()].members.size();
        meet(collectives_[{at.index, lane, occurrence}], s, members);
        return true;
      }
      case StepKind::send:
      case StepKind::recv: {
        int& occurrence = at.kind == StepKind::send ? sent_[at.index] : received_[at.index];
        meet(transfers_[{at.index, occurrence++}], s, 2);
        return true;
      }
      default:
        break;
    }
    ++state.position;
    return true;
  }

  void meet(Meeting& meeting, std::size_t s, std::size_t all) {
    meeting.push_back(s);
    streams_[s].waits = true;
    if (meeting.size() < all) return;
    SimTime last = 0;
    for (const std::size_t other : meeting) last = std::max(last, streams_[other].time);
    for (const std::size_t other : meeting) take(other, last);
  }

  void take(std::size_t s, SimTime start) {
    State& state = streams_[s];
    const std::uint32_t gpu_class = plan_.ranks[plan_.streams[s].rank.index()].gpu_class;
    const StepPrice price = step_price(plan_, durations_, plan_.streams[s].steps[state.position], gpu_class);
    state.spans.push_back({start, start + price.duration, StreamId(s), price.label, price.activity});
    state.time = start + price.duration;
    state.waits = false;
    ++state.position;
  }

  const Plan& plan_;
  const Durations& durations_;
  std::vector<State> streams_;
  std::vector<std::optional<SimTime>> events_;
  std::map<std::tuple<std::uint32_t, Lane, std::uint32_t>, int> reached_;  // of an entry, on a lane, by a rank
  std::map<std::uint32_t, int> sent_, received_;
  std::map<std::tuple<std::uint32_t, Lane, int>, Meeting> collectives_;
  std::map<std::pair<std::uint32_t, int>, Meeting> transfers_;
};

struct Case {
  explicit Case(std::uint64_t seed) : random(seed), plan(random.make(1 + random.below(6), random.below(300))) {}
  testing::RandomPlan random;
  RunnablePlan plan;
};

TEST(PlanReference, EverySpanIsWhereItsStepsRulesPutIt) {
  std::size_t spans = 0;
  for (std::uint64_t seed = 1000; seed < 1200; ++seed) {
    Case c(seed);
    const RunnablePlan flat(inlined(c.plan.plan()));
    for (const std::uint64_t values : {2u, 1000u}) {
      const Durations durations = c.random.durations(c.plan.plan(), values);
      const std::vector<Span> expected = Walk(flat.plan(), durations).spans();
      const Timeline timeline = evaluate(c.plan, durations);
      ASSERT_EQ(timeline.spans.size(), expected.size()) << "seed " << seed;
      SimTime last = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(timeline.spans[i].start, expected[i].start) << "seed " << seed << ", span " << i;
        ASSERT_EQ(timeline.spans[i].end, expected[i].end) << "seed " << seed << ", span " << i;
        ASSERT_EQ(timeline.spans[i].stream, expected[i].stream) << "seed " << seed << ", span " << i;
        ASSERT_EQ(timeline.spans[i].label, expected[i].label) << "seed " << seed << ", span " << i;
        ASSERT_EQ(timeline.spans[i].activity, expected[i].activity) << "seed " << seed << ", span " << i;
        last = std::max(last, expected[i].end);
      }
      ASSERT_GE(timeline.makespan, last);
      spans += expected.size();
    }
  }
  EXPECT_GT(spans, 20'000u);
}

void multiply(std::vector<SimTime>& table, SimTime factor) {
  for (SimTime& duration : table) duration *= factor;
}

TEST(PlanLaws, DurationsTimesANumberAreTimesTimesIt) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c(seed);
    Durations durations = c.random.durations(c.plan.plan(), 1000);
    const Timeline once = evaluate(c.plan, durations);
    for (auto* table : {&durations.kernels, &durations.collectives, &durations.transfers, &durations.copies}) {
      multiply(*table, 7);
    }
    const Timeline seven = evaluate(c.plan, durations);
    ASSERT_EQ(seven.makespan, 7 * once.makespan);
    for (std::size_t i = 0; i < once.spans.size(); ++i) {
      ASSERT_EQ(seven.spans[i].start, 7 * once.spans[i].start);
      ASSERT_EQ(seven.spans[i].end, 7 * once.spans[i].end);
    }
  }
}

TEST(PlanLaws, NothingEndsEarlierBecauseSomethingTakesLonger) {
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    Case c(seed);
    Durations durations = c.random.durations(c.plan.plan(), 1000);
    const Timeline before = evaluate(c.plan, durations);
    for (auto* table : {&durations.kernels, &durations.collectives, &durations.transfers, &durations.copies}) {
      if (!table->empty()) (*table)[c.random.below(table->size())] += 1 + c.random.below(500);
    }
    const Timeline after = evaluate(c.plan, durations);
    for (std::size_t i = 0; i < before.spans.size(); ++i) {
      ASSERT_GE(after.spans[i].start, before.spans[i].start) << "seed " << seed;
      ASSERT_GE(after.spans[i].end, before.spans[i].end) << "seed " << seed;
    }
  }
}

TEST(PlanLaws, StreamsDoOneThingAtATimeAndAPlanEndsWithItsLastStep) {
  for (std::uint64_t seed = 200; seed < 260; ++seed) {
    Case c(seed);
    const Durations durations = c.random.durations(c.plan.plan(), 50);
    const Timeline timeline = evaluate(c.plan, durations);
    SimTime last = 0, longest_stream = 0;
    std::map<std::uint32_t, SimTime> busy;
    for (std::size_t i = 0; i < timeline.spans.size(); ++i) {
      const Span& span = timeline.spans[i];
      last = std::max(last, span.end);
      longest_stream = std::max(longest_stream, busy[span.stream.value] += span.end - span.start);
      if (i == 0 || timeline.spans[i - 1].stream != span.stream) continue;
      ASSERT_GE(span.start, timeline.spans[i - 1].end) << "seed " << seed << ", span " << i;
    }
    ASSERT_EQ(timeline.makespan, last);
    ASSERT_GE(timeline.makespan, longest_stream);
  }
}

TEST(PlanLaws, OneLongStepMovesTheEndByNoMoreThanItself) {
  for (std::uint64_t seed = 300; seed < 340; ++seed) {
    Case c(seed);
    if (c.plan.plan().copies.empty()) continue;
    Durations durations = c.random.durations(c.plan.plan(), 1000);
    const SimTime before = evaluate(c.plan, durations).makespan;
    const std::size_t entry = c.random.below(durations.copies.size());
    std::size_t occurrences = 0;
    const Plan flat = inlined(c.plan.plan());
    for (const Stream& stream : flat.streams) {
      for (const Step& step : stream.steps) occurrences += step.kind == StepKind::copy && step.index == entry ? 1 : 0;
    }
    durations.copies[entry] += 100;
    const SimTime after = evaluate(c.plan, durations).makespan;
    ASSERT_LE(after - before, 100 * occurrences) << "seed " << seed;
  }
}

TEST(PlanLaws, ATextThatIsReadBackRunsAlike) {
  for (std::uint64_t seed = 400; seed < 430; ++seed) {
    Case c(seed);
    const Durations durations = c.random.durations(c.plan.plan(), 1000);
    const RunnablePlan again(plan_from_text(to_text(c.plan.plan())));
    ASSERT_NO_FATAL_FAILURE(testing::expect_same_timeline(evaluate(again, durations), evaluate(c.plan, durations)));
  }
}

TEST(PlanLaws, NumbersOfStreamsAndRanksDoNotMatter) {
  // The ranks' streams listed the other way round: the same spans under other numbers.
  for (std::uint64_t seed = 500; seed < 540; ++seed) {
    Case c(seed);
    const Durations durations = c.random.durations(c.plan.plan(), 1000);
    Plan reversed = c.plan.plan();
    std::reverse(reversed.streams.begin(), reversed.streams.end());
    const RunnablePlan other(std::move(reversed));
    const Timeline one = evaluate(c.plan, durations), two = evaluate(other, durations);
    ASSERT_EQ(one.makespan, two.makespan) << "seed " << seed;
    const auto last = static_cast<std::uint32_t>(c.plan.plan().streams.size()) - 1;
    const auto key = [&](const Span& span, bool turn) {
      return std::tuple(turn ? last - span.stream.value : span.stream.value, span.start, span.end, span.label.value);
    };
    std::vector<std::tuple<std::uint32_t, SimTime, SimTime, std::uint32_t>> a, b;
    for (const Span& span : one.spans) a.push_back(key(span, false));
    for (const Span& span : two.spans) b.push_back(key(span, true));
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    ASSERT_EQ(a, b) << "seed " << seed;
  }
}

}  // namespace
}  // namespace orrery::sim
