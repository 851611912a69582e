// The steps of a training job that were repeated on a World: their summary, and those that each event fell into.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/training/training.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// The steps of which some part ran while the event lasted, whether or not it is about what they run on.
struct StepsUnder {
  const Event* event = nullptr;
  std::size_t count = 0;
  Seconds mean;  ///< 0 where there is none
};

struct StepsSummary {
  std::size_t count = 0;
  std::size_t asked = 0;  ///< `training.steps`: more than `count` where the job ended before
  Seconds first, median, last, shortest, longest;
  std::vector<StepsUnder> events;  ///< in the order of the scenario

  [[nodiscard]] Seconds spread() const { return longest - shortest; }
  [[nodiscard]] bool is_cut_off() const { return count < asked; }
};

/// How many there are.
[[nodiscard]] std::size_t count_of(const std::vector<models::RepeatedSteps>& steps);

/// The lower median. Steps follow each other from `start` on. REQUIRES a step, and that events begin and end within no
/// entry that stands for several.
[[nodiscard]] StepsSummary summarise_steps(const std::vector<models::RepeatedSteps>& steps, Seconds start,
                                           const std::vector<Event>& events);

/// Of a job's result; count 0: it was one step alone, and nothing happened to the machine.
[[nodiscard]] StepsSummary steps_of(const JobView& view);

/// How many of the steps that were asked for were done, where the job's end cut them off.
void add_training_notes(const JobView& view, std::vector<std::string>& notes);

}  // namespace orrery::scenarios
