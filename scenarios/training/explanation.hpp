// Where the figures of a training step come from, by concept.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/explanation_nodes.hpp"

namespace orrery::scenarios {

/// What a figure is explained from.
struct ExplainedStep {
  JobView view;
  const std::vector<CostedEntry>& entries;
};

/// REQUIRES the result of a training job that keeps its plan.
[[nodiscard]] std::unique_ptr<JobExplanation> explain_training(const JobView& view);

/// The tree of a metric that is of that concept; nullopt: it is of another.
[[nodiscard]] std::optional<ExplainNode> explain_step(const ExplainedStep& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_outer_step(const ExplainedStep& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_step_memory(const ExplainedStep& explained, const std::string& metric);

}  // namespace orrery::scenarios
