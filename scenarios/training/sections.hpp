// Reader of a scenario's `training:` section.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

inline constexpr double kMostTokens = 1e15;
inline constexpr double kMostSteps = 1e6;

/// `training:`: config, steps, flop_convention and total_tokens.
[[nodiscard]] std::shared_ptr<const JobSpec> read_training(const JobSource& source);

/// What the models find, then whether a plan of that size can be built.
[[nodiscard]] std::vector<models::JobError> check_training(const JobSpec& spec);

/// Names of the enumerators, in declaration order; the index is the enumerator.
[[nodiscard]] const std::vector<std::string>& recompute_names();
[[nodiscard]] const std::vector<std::string>& attention_names();
[[nodiscard]] const std::vector<std::string>& zero_names();
[[nodiscard]] const std::vector<std::string>& outer_state_names();
[[nodiscard]] const std::vector<std::string>& flop_convention_names();

}  // namespace orrery::scenarios
