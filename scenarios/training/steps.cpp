#include "scenarios/training/steps.hpp"

#include <algorithm>

#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

StepsSummary summarise_steps(const std::vector<Seconds>& steps, Seconds start, const std::vector<Event>& events) {
  std::vector<Seconds> sorted = steps;
  std::sort(sorted.begin(), sorted.end());
  StepsSummary out{
      steps.size(), steps.front(), sorted[(sorted.size() - 1) / 2], steps.back(), sorted.front(), sorted.back(), {}};
  for (const Event& event : events) {
    StepsUnder under{&event, 0, {}};
    Seconds begin = start, sum;
    for (const Seconds step : steps) {
      const Seconds end = begin + step;
      if (event.at < end && (!event.until || *event.until > begin)) {
        ++under.count;
        sum += step;
      }
      begin = end;
    }
    if (under.count > 0) under.mean = sum / static_cast<double>(under.count);
    out.events.push_back(under);
  }
  return out;
}

StepsSummary steps_of(const JobView& view) {
  const std::vector<Seconds>& steps = result_of<TrainingOutcome>(view).result.repeated_steps;
  const std::vector<Event>& events = view.scenario().events;
  if (steps.empty() || (steps.size() < 2 && events.empty())) return {};
  return summarise_steps(steps, view.job.start, events);
}

}  // namespace orrery::scenarios
