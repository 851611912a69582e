#include "scenarios/training/steps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

std::size_t count_of(const std::vector<models::RepeatedSteps>& steps) {
  std::int64_t count = 0;
  for (const models::RepeatedSteps& some : steps) count += some.count;
  return static_cast<std::size_t>(count);
}

StepsSummary summarise_steps(const std::vector<models::RepeatedSteps>& steps, Seconds start,
                             const std::vector<Event>& events) {
  std::vector<models::RepeatedSteps> sorted = steps;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.duration < b.duration; });
  StepsSummary out;
  out.count = count_of(steps);
  auto before = static_cast<std::int64_t>((out.count - 1) / 2);
  out.median = std::find_if(sorted.begin(), sorted.end(), [&](const auto& some) {
                 return (before -= some.count) < 0;
               })->duration;
  out.first = steps.front().duration;
  out.last = steps.back().duration;
  out.shortest = sorted.front().duration;
  out.longest = sorted.back().duration;
  for (const Event& event : events) {
    StepsUnder under{&event, 0, {}};
    Seconds begin = start, sum;
    for (const models::RepeatedSteps& some : steps) {
      const Seconds all = some.duration * static_cast<double>(some.count);
      const Seconds end = begin + all;
      if (event.at < end && (!event.until || *event.until > begin)) {
        under.count += static_cast<std::size_t>(some.count);
        sum += all;
      }
      begin = end;
    }
    if (under.count > 0) under.mean = sum / static_cast<double>(under.count);
    out.events.push_back(under);
  }
  return out;
}

StepsSummary steps_of(const JobView& view) {
  const std::vector<models::RepeatedSteps>& steps = result_of<TrainingOutcome>(view).result.repeated_steps;
  const std::vector<Event>& events = view.scenario().events;
  const auto asked = static_cast<std::size_t>(view.job.spec->repeats());
  if (steps.empty() || (count_of(steps) < 2 && asked < 2 && events.empty())) return {};
  StepsSummary out = summarise_steps(steps, view.job.start, events);
  out.asked = asked;
  return out;
}

void add_training_notes(const JobView& view, std::vector<std::string>& notes) {
  if (view.scenario().cluster.network.gpu_shares) {
    notes.push_back(
        "collectives and messages take SMs and memory bandwidth from the kernels beside them "
        "(cluster.network.gpu_shares)");
  }
  const StepsSummary steps = steps_of(view);
  if (!steps.is_cut_off()) return;
  // A job that was halted is a finding, with the time.
  const std::string when = view.job.until ? " at " + readable(view.job.until->value(), Unit::seconds) : "";
  notes.push_back(fmt::format("{} of {} steps were done when the job ended{}", steps.count, steps.asked, when));
}

}  // namespace orrery::scenarios
