#include "scenarios/training/steps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

StepsSummary summarise_steps(const std::vector<Seconds>& steps, Seconds start, const std::vector<Event>& events) {
  std::vector<Seconds> sorted = steps;
  std::sort(sorted.begin(), sorted.end());
  StepsSummary out;
  out.count = steps.size();
  out.first = steps.front();
  out.median = sorted[(sorted.size() - 1) / 2];
  out.last = steps.back();
  out.shortest = sorted.front();
  out.longest = sorted.back();
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
  const auto asked = static_cast<std::size_t>(view.job.spec->repeats());
  if (steps.empty() || (steps.size() < 2 && asked < 2 && events.empty())) return {};
  StepsSummary out = summarise_steps(steps, view.job.start, events);
  out.asked = asked;
  return out;
}

void add_training_notes(const JobView& view, std::vector<std::string>& notes) {
  const StepsSummary steps = steps_of(view);
  if (!steps.is_cut_off()) return;
  notes.push_back(fmt::format("{} of {} steps were done when the job ended at {}", steps.count, steps.asked,
                              readable(view.job.until.value_or(Seconds{0.0}).value(), Unit::seconds)));
}

}  // namespace orrery::scenarios
