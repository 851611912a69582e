#include "sim/plan/recorder.hpp"

#include <algorithm>

namespace orrery::sim {

TimelineRecorder::TimelineRecorder(const RunnablePlan& runnable, Pacer& pacer) : plan_(runnable) {
  const Plan& plan = runnable.plan();
  timeline_.ranks = plan.ranks;
  timeline_.labels = plan.labels;
  std::size_t spans = 0, marks = 0, changes = 0;
  const auto count = [&](Step step) {
    spans += is_timed(step.kind) ? 1 : 0;
    marks += step.kind == StepKind::mark ? 1 : 0;
    changes += step.kind == StepKind::alloc || step.kind == StepKind::free ? 1 : 0;
  };
  for (const Stream& stream : plan.streams) {
    timeline_.streams.push_back({stream.rank, stream.lane, lane_name(plan.lane_names, stream.lane)});
    next_span_.push_back(spans);
    next_mark_.push_back(marks);
    next_change_.push_back(0);
    pacer.add(stream.steps.size());
    for (const Step step : stream.steps) {
      count(step);
      if (step.kind != StepKind::call) continue;
      const BlockPart* part = find_part(plan.blocks[plan.calls[step.index].block], stream.lane);
      pacer.add(part->steps.size());
      for (const Step inner : part->steps) count(inner);
    }
  }
  // In parts: the first touch of a hundred megabytes takes longer than a caller that stops would wait.
  constexpr std::size_t kPart = std::size_t{1} << 16;
  timeline_.spans.reserve(spans);
  while (timeline_.spans.size() < spans) {
    timeline_.spans.resize(std::min(spans, timeline_.spans.size() + kPart));
    pacer.add(kPart);
  }
  timeline_.marks.resize(marks);
  changes_.reserve(changes);
}

Timeline TimelineRecorder::take(SimTime makespan) {
  timeline_.makespan = makespan;
  std::sort(timeline_.held_up.begin(), timeline_.held_up.end(),
            [](const HeldUpSpan& a, const HeldUpSpan& b) { return a.span < b.span; });
  timeline_.memory = memory_samples(plan_.plan(), std::move(changes_));
  return std::move(timeline_);
}

}  // namespace orrery::sim
