// What `serving:` says, and what a serving run leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "models/serving/serving.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

struct ServingSpec final : JobSpec {
  models::ServingJob job;
  std::vector<const OtherName*> written;  ///< keys that the section has under another name
};

struct ServingOutcome final : JobResult {
  ServingOutcome() = default;
  explicit ServingOutcome(models::ServingResult of_run) : result(std::move(of_run)) {}

  models::ServingResult result;  ///< records and timeline only where Keep asked for them

  [[nodiscard]] std::uint64_t events() const override { return result.events; }
  [[nodiscard]] std::optional<std::uint64_t> iterations() const override { return result.steps; }
  [[nodiscard]] std::string_view reading() const override { return result.links.empty() ? "frozen" : "flows"; }
  [[nodiscard]] sim::Batched batched() const override { return result.batched; }
  [[nodiscard]] std::vector<sim::LinkReport> links() const override { return result.links; }
  [[nodiscard]] bool given_up() const override { return result.given_up; }
  [[nodiscard]] std::size_t weight() const override { return result.records.size() + result.timeline.size(); }
};

/// The first job of that kind. REQUIRES one; throws std::bad_cast or std::out_of_range otherwise.
[[nodiscard]] inline const models::ServingJob& serving_job(const Scenario& scenario) {
  return spec_of<ServingSpec>(scenario.jobs.at(0)).job;
}

/// The result of the first serving job that was run, or nullptr.
[[nodiscard]] inline const models::ServingResult* find_serving(const Report& report) {
  for (const std::shared_ptr<JobResult>& result : report.results) {
    if (const auto* of_run = dynamic_cast<const ServingOutcome*>(result.get())) return &of_run->result;
  }
  return nullptr;
}

}  // namespace orrery::scenarios
