// Timelines of pipelines for tests: two stages by hand, or any number at their ideal times.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "gui/run/run.hpp"
#include "models/schedule/schedule.hpp"

#undef emit  // Qt's macro; the pipeline's lowering has a function of that name
#include "models/training/pipeline.hpp"

namespace orrery::gui::testing {

/// One microbatch through two stages; the first stage's last span is the optimizer's.
///   stage 0: forward 0 – 100 (two kernels)    backward 400 – 600   optimizer 600 – 700
///   stage 1: forward 100 – 200   backward 200 – 400
inline sim::Timeline two_stages() {
  using sim::Activity;
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", {0}, 0}, {"stage 1", {1}, 0}};
  timeline.streams = {{RankId(0), {}, "compute"}, {RankId(1), {}, "compute"}};
  timeline.labels = {"gemm", "forward 0", "backward 0", "end of passes"};
  const sim::MarkEntry forward{sim::LabelId(1), static_cast<int>(models::PipelinePass::forward)};
  const sim::MarkEntry backward{sim::LabelId(2), static_cast<int>(models::PipelinePass::backward)};
  const sim::MarkEntry end{sim::LabelId(3)};
  const sim::LabelId gemm(0);
  timeline.spans = {
      {0, 60, StreamId(0), gemm, Activity::forward},      {60, 100, StreamId(0), gemm, Activity::forward},
      {400, 450, StreamId(0), gemm, Activity::recompute}, {450, 600, StreamId(0), gemm, Activity::backward},
      {600, 700, StreamId(0), gemm, Activity::optimizer}, {100, 200, StreamId(1), gemm, Activity::forward},
      {200, 400, StreamId(1), gemm, Activity::backward}};
  timeline.marks = {{StreamId(0), forward, 0}, {StreamId(0), backward, 2}, {StreamId(0), end, 4},
                    {StreamId(1), forward, 5}, {StreamId(1), backward, 6}, {StreamId(1), end, 7}};
  timeline.makespan = 700;
  return timeline;
}

/// A schedule with passes that take `forward` and twice that: a pass starts when its stage is free and its input there.
inline std::shared_ptr<Run> ideal_run(const char* schedule, models::PipelineShape shape, sim::SimTime forward) {
  auto run = std::make_shared<Run>();
  sim::Timeline& timeline = run->timeline;
  const auto stages = static_cast<std::size_t>(shape.stages);
  const int all = shape.stages * shape.chunks;
  const auto all_slots = static_cast<std::size_t>(all * shape.microbatches);
  std::vector<std::vector<models::PipelineSlot>> orders;
  for (int s = 0; s < shape.stages; ++s) {
    timeline.ranks.push_back({fmt::format("stage {}", s), std::vector<std::uint32_t>(8), 0});
    timeline.streams.push_back({RankId(s), {}, "compute"});
    orders.push_back(models::find_schedule(schedule)->order(s, shape));
  }
  // When the pass of each virtual stage and microbatch ends; 0: not yet.
  std::vector<sim::SimTime> done[2] = {std::vector<sim::SimTime>(all_slots), std::vector<sim::SimTime>(all_slots)};
  std::vector<std::vector<sim::Span>> spans(stages);
  std::vector<std::size_t> next(stages);
  std::vector<sim::SimTime> free(stages);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t s = 0; s < stages; ++s) {
      for (; next[s] < orders[s].size(); ++next[s], moved = true) {
        const models::PipelineSlot& slot = orders[s][next[s]];
        const bool ahead = slot.pass == models::PipelinePass::forward;
        const int place = slot.chunk * shape.stages + static_cast<int>(s);
        const int from = ahead ? place - 1 : place + 1;
        const auto index = [&](int stage) {
          return static_cast<std::size_t>(stage * shape.microbatches + slot.microbatch);
        };
        const bool own = from < 0 || from >= all;  // a backward pass of the last stage needs its own forward one
        const sim::SimTime input = from < 0 ? 1 : own ? done[0][index(place)] : done[ahead ? 0 : 1][index(from)];
        if (input == 0) break;
        const sim::SimTime begin = std::max(free[s], input - 1);
        free[s] = begin + (ahead ? forward : 2 * forward);
        done[ahead ? 0 : 1][index(place)] = free[s] + 1;
        const auto activity = ahead ? sim::Activity::forward : sim::Activity::backward;
        spans[s].push_back({begin, free[s], StreamId(s), sim::LabelId(0), activity});
      }
    }
  }
  timeline.labels = {"layers"};
  for (std::size_t s = 0; s < stages; ++s) {
    for (std::size_t i = 0; i < spans[s].size(); ++i) {
      const models::PipelineSlot& slot = orders[s][i];
      const sim::MarkEntry mark{sim::LabelId(0), static_cast<int>(slot.pass), slot.microbatch, slot.chunk};
      timeline.marks.push_back({StreamId(s), mark, timeline.spans.size()});
      timeline.spans.push_back(spans[s][i]);
      timeline.makespan = std::max(timeline.makespan, spans[s][i].end);
    }
  }
  return run;
}

}  // namespace orrery::gui::testing
