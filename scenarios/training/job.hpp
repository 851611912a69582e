// What `training:` says, and what a training step leaves.
#pragma once

#include <cstdint>

#include "models/training/training.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

struct TrainingSpec final : JobSpec {
  models::TrainingJob job;
  int steps = 1;                  ///< to play, one after another
  std::int64_t total_tokens = 0;  ///< cost of a whole run; 0: of one optimizer step

  [[nodiscard]] int repeats() const override { return steps; }
};

struct TrainingOutcome final : JobResult {
  TrainingOutcome() = default;
  explicit TrainingOutcome(models::TrainingResult of_step) : result(std::move(of_step)) {}

  models::TrainingResult result;  ///< plan and timeline only where Keep::timeline asked for them

  [[nodiscard]] std::uint64_t events() const override { return result.events; }
  [[nodiscard]] std::optional<std::uint64_t> iterations() const override { return result.steps; }
  [[nodiscard]] std::string_view reading() const override { return result.reading; }
  [[nodiscard]] sim::Batched batched() const override { return result.batched; }
  [[nodiscard]] std::vector<sim::LinkReport> links() const override { return result.links; }
};

/// The first job of that kind. REQUIRES one; throws std::bad_cast or std::out_of_range otherwise.
[[nodiscard]] inline const models::TrainingJob& training_job(const Scenario& scenario) {
  return spec_of<TrainingSpec>(scenario.jobs.at(0)).job;
}

/// The result of the first training job that was run, or nullptr.
[[nodiscard]] inline const models::TrainingResult* find_training(const Report& report) {
  for (const std::shared_ptr<JobResult>& result : report.results) {
    if (const auto* of_step = dynamic_cast<const TrainingOutcome*>(result.get())) return &of_step->result;
  }
  return nullptr;
}

}  // namespace orrery::scenarios
