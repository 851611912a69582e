// Pipeline schedules, run by a small list scheduler of this test's own: each stage takes its passes in order as soon as
// what they wait for is done. Times are whole numbers, so that every comparison is exact.
#include "models/schedule/schedule.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::models {
namespace {

using Done = std::map<std::tuple<PipelinePass, int, int>, std::int64_t>;  // pass, microbatch, virtual stage → end

struct Outcome {
  bool finished = false;
  std::int64_t makespan = 0;
  std::vector<std::int64_t> idle;  // of each stage, within the makespan
};

/// End of the pass that `slot` of `stage` waits for; −1 if it has not run; 0 if there is none.
std::int64_t ready(const PipelineSlot& slot, int stage, const PipelineShape& shape, const Done& done) {
  const int position = slot.chunk * shape.stages + stage;
  const int last = shape.stages * shape.chunks - 1;
  const auto end = [&](PipelinePass pass, int at) {
    const auto found = done.find({pass, slot.microbatch, at});
    return found == done.end() ? std::int64_t{-1} : found->second;
  };
  if (slot.pass == PipelinePass::forward) return position == 0 ? 0 : end(PipelinePass::forward, position - 1);
  return position == last ? end(PipelinePass::forward, last) : end(PipelinePass::backward, position + 1);
}

Outcome simulate(const ScheduleRow& row, const PipelineShape& shape, std::int64_t forward, std::int64_t backward) {
  const auto stages = static_cast<std::size_t>(shape.stages);
  std::vector<std::vector<PipelineSlot>> orders;
  for (int s = 0; s < shape.stages; ++s) orders.push_back(row.order(s, shape));
  std::vector<std::size_t> next(stages, 0);
  std::vector<std::int64_t> clock(stages, 0), busy(stages, 0);
  Done done;
  bool moved = true;
  while (moved) {
    moved = false;
    for (std::size_t s = 0; s < stages; ++s) {
      while (next[s] < orders[s].size()) {
        const PipelineSlot slot = orders[s][next[s]];
        const std::int64_t start = ready(slot, static_cast<int>(s), shape, done);
        if (start < 0) break;
        const std::int64_t cost = slot.pass == PipelinePass::forward ? forward : backward;
        clock[s] = std::max(clock[s], start) + cost;
        busy[s] += cost;
        done[{slot.pass, slot.microbatch, slot.chunk * shape.stages + static_cast<int>(s)}] = clock[s];
        ++next[s];
        moved = true;
      }
    }
  }
  Outcome run;
  run.finished = true;
  for (std::size_t s = 0; s < stages; ++s) run.finished = run.finished && next[s] == orders[s].size();
  run.makespan = *std::max_element(clock.begin(), clock.end());
  for (std::size_t s = 0; s < stages; ++s) run.idle.push_back(run.makespan - busy[s]);
  return run;
}

const ScheduleRow& row(std::string_view name) {
  const ScheduleRow* found = find_schedule(name);
  if (found == nullptr) throw std::invalid_argument("no schedule of this name");
  return *found;
}

struct Costs {
  std::int64_t forward, backward;
};
constexpr Costs kCosts[] = {{1, 1}, {1, 2}, {3, 7}};

TEST(PipelineBubble, IsStagesLessOneOverThatPlusMicrobatches) {
  // (K−1)/(K−1+M): K = 4, M = 4 gives 3/7 = 0.4286, M = 1 gives 3/4 ("three of four GPUs idle").
  for (const char* name : {"gpipe", "1f1b"}) {
    for (const int k : {4, 8}) {
      for (const int m : {1, 4, 8, 32}) {
        for (const Costs& cost : kCosts) {
          const PipelineShape shape{k, m, 1};
          const Outcome run = simulate(row(name), shape, cost.forward, cost.backward);
          ASSERT_TRUE(run.finished) << name << " " << k << " " << m;
          EXPECT_EQ(run.makespan, (m + k - 1) * (cost.forward + cost.backward)) << name << " " << k << " " << m;
          for (const std::int64_t idle : run.idle) {
            // idle / makespan = (K−1)/(K−1+M), in whole numbers.
            EXPECT_EQ(idle * (k - 1 + m), run.makespan * (k - 1)) << name << " " << k << " " << m;
          }
        }
      }
    }
  }
}

TEST(PipelineBubble, IsDividedByTheChunksWhenInterleaved) {
  for (const int k : {2, 4, 8}) {
    for (const int groups : {1, 2, 4, 8}) {
      for (const int v : {2, 3, 5}) {
        for (const Costs& cost : kCosts) {
          const PipelineShape shape{k, k * groups, v};
          const Outcome run = simulate(row("interleaved_1f1b"), shape, cost.forward, cost.backward);
          ASSERT_TRUE(run.finished) << k << " " << groups << " " << v;
          // A pass of a chunk takes 1/v of a stage's: with stage times F = v·forward, idle is (K−1)(F+B)/v.
          for (const std::int64_t idle : run.idle) {
            EXPECT_EQ(idle, (k - 1) * (cost.forward + cost.backward)) << k << " " << groups << " " << v;
          }
        }
      }
    }
  }
}

TEST(PipelineBubble, OfTheInterleavedGridIsTheFormula) {
  // (K−1)/(K−1+v·M) on the part of the grid K ∈ {4, 8}, M ∈ {4, 8, 32} that interleaving can take.
  for (const int k : {4, 8}) {
    for (const int m : {4, 8, 32}) {
      const PipelineShape shape{k, m, 2};
      if (m % k != 0) {
        EXPECT_FALSE(row("interleaved_1f1b").check(shape).empty());
        continue;
      }
      const Outcome run = simulate(row("interleaved_1f1b"), shape, 1, 2);
      for (const std::int64_t idle : run.idle) EXPECT_EQ(idle * (k - 1 + 2 * m), run.makespan * (k - 1));
    }
  }
}

TEST(PipelineMemory, OfGpipeHoldsEveryMicrobatch) {
  for (int s = 0; s < 4; ++s) EXPECT_EQ(most_in_flight(row("gpipe").order(s, {4, 8, 1})), 8);
}

TEST(PipelineMemory, OfOneForwardOneBackwardShrinksAlongThePipeline) {
  for (const int k : {1, 4, 8}) {
    for (const int m : {1, 4, 8, 32}) {
      for (int s = 0; s < k; ++s) EXPECT_EQ(most_in_flight(row("1f1b").order(s, {k, m, 1})), std::min(m, k - s));
    }
  }
}

TEST(PipelineMemory, OfInterleavingIsTheWarmupAndOneMore) {
  // Stage 0 of 175B's pipeline (K = 8, v = 3): 2·7 + 2·8 + 1 = 31 chunks of 4 layers = 96·(1 + 7/24) = 124 layers.
  EXPECT_EQ(most_in_flight(row("interleaved_1f1b").order(0, {8, 64, 3})), 31);
  EXPECT_EQ(31 * 4, 96 * (24 + 7) / 24);
  EXPECT_EQ(most_in_flight(row("interleaved_1f1b").order(7, {8, 64, 3})), 17);
  // No more than there are: 4 microbatches of 2 chunks.
  EXPECT_EQ(most_in_flight(row("interleaved_1f1b").order(0, {4, 4, 2})), 8);
}

TEST(PipelineOrder, OfInterleavingIsMegatrons) {
  // Stage 1 of 2, 4 microbatches, 2 chunks: 2 forwards to fill, then turns. F/B microbatch.chunk.
  std::string text;
  for (const PipelineSlot& slot : row("interleaved_1f1b").order(1, {2, 4, 2})) {
    text += slot.pass == PipelinePass::forward ? "F" : "B";
    text += std::to_string(slot.microbatch) + "." + std::to_string(slot.chunk) + " ";
  }
  EXPECT_EQ(text, "F0.0 F1.0 F0.1 B0.1 F1.1 B1.1 F2.0 B0.0 F3.0 B1.0 F2.1 B2.1 F3.1 B3.1 B2.0 B3.0 ");
}

TEST(PipelineOrder, OfOneForwardOneBackwardFillsThenTakesTurns) {
  using P = PipelinePass;
  const std::vector<PipelineSlot> expected = {{P::forward, 0, 0}, {P::forward, 1, 0},  {P::backward, 0, 0},
                                              {P::forward, 2, 0}, {P::backward, 1, 0}, {P::backward, 2, 0}};
  EXPECT_EQ(row("1f1b").order(0, {2, 3, 1}), expected);
}

TEST(PipelineOrder, HoldsEveryPassOnceAndBackwardAfterForward) {
  for (const ScheduleRow& schedule : schedules()) {
    for (int k = 1; k <= 8; ++k) {
      for (const int m : {1, 2, 3, 6, 8, 24}) {
        for (const int v : {1, 2, 4}) {
          const PipelineShape shape{k, m, v};
          if (!schedule.check(shape).empty()) continue;
          for (int s = 0; s < k; ++s) {
            std::set<std::pair<int, int>> forward, backward;
            for (const PipelineSlot& slot : schedule.order(s, shape)) {
              const std::pair<int, int> which{slot.microbatch, slot.chunk};
              auto& seen = slot.pass == PipelinePass::forward ? forward : backward;
              EXPECT_TRUE(seen.insert(which).second) << schedule.name;
              EXPECT_TRUE(slot.pass == PipelinePass::forward || forward.count(which) == 1) << schedule.name;
              EXPECT_TRUE(slot.microbatch >= 0 && slot.microbatch < m && slot.chunk >= 0 && slot.chunk < v);
            }
            EXPECT_EQ(forward.size(), static_cast<std::size_t>(m * v)) << schedule.name;
            EXPECT_EQ(backward.size(), forward.size()) << schedule.name;
          }
          EXPECT_TRUE(simulate(schedule, shape, 2, 3).finished) << schedule.name << " " << k << " " << m << " " << v;
        }
      }
    }
  }
}

TEST(PipelineShapes, ThatAScheduleCannotTakeAreRefusedWithTheReason) {
  EXPECT_EQ(row("interleaved_1f1b").check({8, 12, 2}),
            "interleaved_1f1b needs a multiple of the 8 stages as microbatches, not 12");
  EXPECT_EQ(row("interleaved_1f1b").check({8, 16, 1}),
            "interleaved_1f1b needs at least 2 chunks per stage, not 1; 1f1b runs one");
  EXPECT_EQ(row("interleaved_1f1b").check({1, 16, 2}), "interleaved_1f1b needs at least 2 stages, not 1");
  EXPECT_EQ(row("1f1b").check({4, 8, 2}), "1f1b runs one chunk per stage, not 2; interleaved_1f1b runs more");
  EXPECT_EQ(row("gpipe").check({4, 8, 2}), "gpipe runs one chunk per stage, not 2");
  for (const ScheduleRow& schedule : schedules()) {
    EXPECT_FALSE(schedule.check({0, 8, 2}).empty()) << schedule.name;
    EXPECT_FALSE(schedule.check({4, 0, schedule.name == "interleaved_1f1b" ? 2 : 1}).empty()) << schedule.name;
  }
}

TEST(PipelineSchedules, HaveDistinctNamesEquationsAndSources) {
  std::set<std::string_view> names;
  for (const ScheduleRow& schedule : schedules()) {
    EXPECT_TRUE(names.insert(schedule.name).second);
    EXPECT_FALSE(schedule.equation.empty());
    EXPECT_FALSE(schedule.source.empty());
    EXPECT_EQ(find_schedule(schedule.name), &schedule);
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"gpipe", "1f1b", "interleaved_1f1b"}));
  EXPECT_EQ(find_schedule("1F1B"), nullptr);
}

}  // namespace
}  // namespace orrery::models
