// Every pipeline schedule on stages of unlike and random times: what a pass waits for runs before it, no stage is idle
// longer than the dependencies ask, and memory in flight is what the equation says.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "models/schedule/schedule.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery::models {
namespace {

using P = PipelinePass;

/// Shapes that the schedule takes, up to eight stages.
std::vector<PipelineShape> shapes_of(const ScheduleRow& row) {
  std::vector<PipelineShape> shapes;
  for (int stages = 1; stages <= 8; ++stages) {
    for (const int microbatches : {1, 2, 3, 4, 7, 8, 16}) {
      for (const int chunks : {1, 2, 3}) {
        const PipelineShape shape{stages, microbatches, chunks};
        if (row.check(shape).empty()) shapes.push_back(shape);
      }
    }
  }
  return shapes;
}

std::string text_of(const ScheduleRow& row, const PipelineShape& s) {
  return std::string(row.name) + " " + std::to_string(s.stages) + " x " + std::to_string(s.microbatches) + " x " +
         std::to_string(s.chunks);
}

/// When each pass ends if a forward of virtual stage v takes forward[v], a backward backward[v]; empty: a deadlock.
std::map<std::tuple<P, int, int>, std::int64_t> ends(const ScheduleRow& row, const PipelineShape& shape,
                                                     const std::vector<std::int64_t>& forward,
                                                     const std::vector<std::int64_t>& backward) {
  std::map<std::tuple<P, int, int>, std::int64_t> end;
  std::vector<std::vector<PipelineSlot>> orders;
  for (int s = 0; s < shape.stages; ++s) orders.push_back(row.order(s, shape));
  std::vector<std::size_t> next(orders.size(), 0);
  std::vector<std::int64_t> free(orders.size(), 0);
  const int last = shape.stages * shape.chunks - 1;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t s = 0; s < orders.size(); ++s) {
      if (next[s] == orders[s].size()) continue;
      const PipelineSlot slot = orders[s][next[s]];
      const int at = slot.chunk * shape.stages + static_cast<int>(s);
      const bool is_forward = slot.pass == P::forward;
      const bool turns = !is_forward && at == last, begins = is_forward && at == 0;
      const auto before = end.find({turns ? P::forward : slot.pass, slot.microbatch,
                                    turns        ? at
                                    : is_forward ? at - 1
                                                 : at + 1});
      if (!begins && before == end.end()) continue;
      const std::int64_t start = std::max(free[s], begins ? 0 : before->second);
      free[s] = start + (is_forward ? forward : backward)[static_cast<std::size_t>(at)];
      end[{slot.pass, slot.microbatch, at}] = free[s];
      ++next[s];
      moved = true;
    }
  }
  for (std::size_t s = 0; s < orders.size(); ++s) {
    if (next[s] != orders[s].size()) return {};
  }
  return end;
}

std::int64_t makespan(const std::map<std::tuple<P, int, int>, std::int64_t>& end) {
  std::int64_t latest = 0;
  for (const auto& [pass, time] : end) latest = std::max(latest, time);
  return latest;
}

class Schedules : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static const ScheduleRow& row() { return schedules()[GetParam()]; }
};

TEST_P(Schedules, RunForwardsAndBackwardsOfAChunkInTheOrderOfTheMicrobatches) {
  // But GPipe's backwards, which begin with the last microbatch.
  for (const PipelineShape& shape : shapes_of(row())) {
    for (int stage = 0; stage < shape.stages; ++stage) {
      std::map<std::pair<P, int>, int> last;
      for (const PipelineSlot& slot : row().order(stage, shape)) {
        const auto [found, first] = last.try_emplace({slot.pass, slot.chunk}, slot.microbatch);
        if (first) continue;
        const bool turns = row().name == "gpipe" && slot.pass == P::backward;
        EXPECT_EQ(slot.microbatch, found->second + (turns ? -1 : 1)) << text_of(row(), shape);
        found->second = slot.microbatch;
      }
    }
  }
}

TEST_P(Schedules, EndOnUnlikeStagesNoEarlierThanTheSlowestAndThePathAllow) {
  for (const PipelineShape& shape : shapes_of(row())) {
    const auto stages = static_cast<std::size_t>(shape.stages * shape.chunks);
    std::vector<std::int64_t> forward(stages), backward(stages);
    for (std::size_t v = 0; v < stages; ++v) {
      forward[v] = 3 + static_cast<std::int64_t>(v * 7 % 5);
      backward[v] = 5 + static_cast<std::int64_t>(v * 3 % 7);
    }
    const auto end = ends(row(), shape, forward, backward);
    ASSERT_FALSE(end.empty()) << "a deadlock: " << text_of(row(), shape);
    std::int64_t path = 0, slowest = 0;
    for (int s = 0; s < shape.stages; ++s) {
      std::int64_t work = 0;
      for (int c = 0; c < shape.chunks; ++c) {
        const auto v = static_cast<std::size_t>(c * shape.stages + s);
        path += forward[v] + backward[v];
        work += shape.microbatches * (forward[v] + backward[v]);
      }
      slowest = std::max(slowest, work);
    }
    EXPECT_GE(makespan(end), path) << text_of(row(), shape);
    EXPECT_GE(makespan(end), slowest) << text_of(row(), shape);
    if (shape.microbatches == 1) {
      EXPECT_EQ(makespan(end), path) << "one microbatch is one after another";
    }
    if (shape.stages == 1) {
      EXPECT_EQ(makespan(end), slowest) << "one stage never waits";
    }
  }
}

TEST_P(Schedules, HoldNothingAtTheEndAndNeverMoreThanThereIs) {
  for (const PipelineShape& shape : shapes_of(row())) {
    for (int stage = 0; stage < shape.stages; ++stage) {
      const std::vector<PipelineSlot> order = row().order(stage, shape);
      int held = 0;
      for (const PipelineSlot& slot : order) {
        held += slot.pass == P::forward ? 1 : -1;
        EXPECT_GE(held, 0) << text_of(row(), shape);
      }
      EXPECT_EQ(held, 0) << text_of(row(), shape);
      EXPECT_LE(most_in_flight(order), shape.microbatches * shape.chunks) << text_of(row(), shape);
      EXPECT_GE(most_in_flight(order), 1) << text_of(row(), shape);
    }
  }
}

TEST_P(Schedules, LaterStagesHoldNoMoreThanEarlierOnes) {
  for (const PipelineShape& shape : shapes_of(row())) {
    int before = shape.microbatches * shape.chunks;
    for (int stage = 0; stage < shape.stages; ++stage) {
      const int held = most_in_flight(row().order(stage, shape));
      EXPECT_LE(held, before) << text_of(row(), shape) << " stage " << stage;
      before = held;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Schedules, ::testing::Range<std::size_t>(0, schedules().size()), [](const auto& of) {
  const std::string name(schedules()[of.param].name);
  return name.front() == '1' ? "one_" + name : name;
});

TEST(InterleavedMemory, IsItsWarmupAndOneMoreOnEveryStage) {
  // 2(K − 1 − s) + (v − 1)·K + 1, or all there is.
  const ScheduleRow& row = *find_schedule("interleaved_1f1b");
  for (const PipelineShape& s : shapes_of(row)) {
    for (int stage = 0; stage < s.stages; ++stage) {
      const int warmup = 2 * (s.stages - 1 - stage) + (s.chunks - 1) * s.stages;
      EXPECT_EQ(most_in_flight(row.order(stage, s)), std::min(warmup + 1, s.microbatches * s.chunks))
          << text_of(row, s) << " stage " << stage;
    }
  }
}

TEST(EqualStages, OneFOneBTakesAsLongAsGpipeWhereStagesAreEqual) {
  for (const PipelineShape& shape : shapes_of(*find_schedule("gpipe"))) {
    const auto stages = static_cast<std::size_t>(shape.stages);
    const std::vector<std::int64_t> forward(stages, 3), backward(stages, 5);
    EXPECT_EQ(makespan(ends(*find_schedule("1f1b"), shape, forward, backward)),
              makespan(ends(*find_schedule("gpipe"), shape, forward, backward)));
  }
}

TEST(MostInFlight, IsOfTheFullestMoment) {
  EXPECT_EQ(most_in_flight({}), 0);
  EXPECT_EQ(most_in_flight({{P::forward, 0, 0}, {P::backward, 0, 0}, {P::forward, 1, 0}, {P::forward, 2, 0}}), 2);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ScheduleProperties, ASlowerPassNeverMakesAStepShorter) {
  EXPECT_TRUE(rc::check([] {
    const ScheduleRow& row = schedules()[*rc::gen::inRange<std::size_t>(0, schedules().size())];
    const int stages = *rc::gen::inRange(2, 6);
    const PipelineShape shape{stages, stages * *rc::gen::inRange(1, 4), row.name == "interleaved_1f1b" ? 2 : 1};
    RC_ASSERT(row.check(shape).empty());
    const auto count = static_cast<std::size_t>(shape.stages * shape.chunks);
    const auto time = rc::gen::inRange<std::int64_t>(1, 100);
    auto forward = *rc::gen::container<std::vector<std::int64_t>>(count, time);
    const auto backward = *rc::gen::container<std::vector<std::int64_t>>(count, time);
    const std::int64_t before = makespan(ends(row, shape, forward, backward));
    forward[*rc::gen::inRange<std::size_t>(0, count)] += *time;
    RC_ASSERT(makespan(ends(row, shape, forward, backward)) >= before);
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
