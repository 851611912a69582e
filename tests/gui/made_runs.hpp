// Runs of a training job whose figures are given by hand.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "gui/run/run.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::gui::tests {

inline std::shared_ptr<gui::Run> run_with(std::vector<scenarios::MetricValue> metrics) {
  auto run = std::make_shared<gui::Run>();
  scenarios::Job job;
  job.kind = scenarios::find_kind("training");
  job.spec = std::make_shared<scenarios::TrainingSpec>();
  run->report.scenario.jobs.push_back(std::move(job));
  run->report.results.push_back(std::make_shared<scenarios::TrainingOutcome>());
  run->report.metrics = std::move(metrics);
  return run;
}

}  // namespace orrery::gui::tests
