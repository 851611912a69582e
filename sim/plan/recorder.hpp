// Writes a Timeline while a plan runs. Shared by the evaluator and PlanRun, so that they can only differ in times.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/plan/durations.hpp"
#include "sim/plan/memory.hpp"
#include "sim/plan/runnable.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::sim {

class TimelineRecorder {
 public:
  /// `plan` must outlive the recorder.
  TimelineRecorder(const RunnablePlan& plan, Pacer& pacer);

  /// Spans of one stream are added in order of start.
  void span(std::uint32_t stream, SimTime start, SimTime end, const StepPrice& price) {
    timeline_.spans[next_span_[stream]++] = {start, end, StreamId(stream), price.label, price.activity};
  }

  /// Told after the span that it is about.
  void held_up(std::uint32_t stream, LinkId link, SimTime delay) {
    timeline_.held_up.push_back({next_span_[stream] - 1, link.value, delay});
  }

  /// Told when the stream reaches the mark: after the spans before it, before those behind it.
  void mark(std::uint32_t stream, Step step) {
    timeline_.marks[next_mark_[stream]++] = {StreamId(stream), plan_.plan().marks[step.index], next_span_[stream]};
  }

  /// Told of a stream's alloc and free steps in their order.
  void memory(std::uint32_t stream, SimTime time, Step step) {
    changes_.push_back({time, stream, next_change_[stream]++, step.index, step.kind == StepKind::alloc});
  }

  /// The timeline of all that was told; empty afterwards.
  [[nodiscard]] Timeline take(SimTime makespan);

 private:
  const RunnablePlan& plan_;
  Timeline timeline_;
  std::vector<std::size_t> next_span_;      ///< per stream: spans are counted beforehand and stay grouped by stream
  std::vector<std::size_t> next_mark_;      ///< the same for marks
  std::vector<std::uint32_t> next_change_;  ///< per stream: its memory steps so far
  std::vector<MemoryChange> changes_;
};

}  // namespace orrery::sim
