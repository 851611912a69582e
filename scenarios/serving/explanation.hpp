// Where the figures of a serving run come from, by concept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/explanation_nodes.hpp"
#include "scenarios/serving/steps.hpp"

namespace orrery::scenarios {

/// What a figure is explained from.
struct ExplainedRun {
  JobView view;
  const std::vector<TypicalStep>& iterations;
};

/// REQUIRES the result of a serving job.
[[nodiscard]] std::unique_ptr<JobExplanation> explain_serving(const JobView& view);

/// The tree of a metric that is of that concept; nullopt: it is of another.
[[nodiscard]] std::optional<ExplainNode> explain_run(const ExplainedRun& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_run_memory(const ExplainedRun& explained, const std::string& metric);

}  // namespace orrery::scenarios
