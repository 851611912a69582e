// Writes a Timeline while a plan runs. Shared by the static evaluator and the interpreter, so that they
// can only differ in times.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/evaluate.hpp"
#include "sim/memory.hpp"
#include "sim/plan.hpp"
#include "sim/run_control.hpp"
#include "sim/timeline.hpp"

namespace orrery::sim {

/// Throws std::invalid_argument with the findings if the plan breaks a rule.
void require_runnable(const Plan& plan, const RunControl& control);

/// The same, and if the tables of durations have other sizes.
void require_runnable(const Plan& plan, const Durations& durations, const RunControl& control);

/// Duration, label and activity of a timed step.
struct StepPrice {
  SimTime duration = 0;
  LabelId label;
  Activity activity = Activity::other;
};
[[nodiscard]] StepPrice step_price(const Plan& plan, const Durations& durations, Step step);

class TimelineRecorder {
 public:
  TimelineRecorder(const Plan& plan, Pacer& pacer);

  /// Spans of one stream are added in order of start.
  void span(std::uint32_t stream, SimTime start, SimTime end, const StepPrice& price) {
    timeline_.spans[next_span_[stream]++] = {start, end, StreamId(stream), price.label, price.activity};
  }

  /// Told when the stream reaches the mark: after the spans before it, before those behind it.
  void mark(std::uint32_t stream, Step step) {
    timeline_.marks[next_mark_[stream]++] = {StreamId(stream), LabelId(step.index), next_span_[stream]};
  }

  void memory(std::uint32_t stream, std::size_t position, SimTime time, Step step) {
    changes_.push_back({time, stream, static_cast<std::uint32_t>(position), step.index, step.kind == StepKind::alloc});
  }

  [[nodiscard]] Timeline take(SimTime makespan);

 private:
  const Plan& plan_;
  Timeline timeline_;
  std::vector<std::size_t> next_span_;  ///< per stream: spans are counted beforehand and stay grouped by stream
  std::vector<std::size_t> next_mark_;  ///< the same for marks
  std::vector<MemoryChange> changes_;
};

}  // namespace orrery::sim
