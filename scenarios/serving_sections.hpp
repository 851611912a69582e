// Reader of a scenario's `serving:` section with its load and service-level objectives. Used by scenario.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/config.hpp"
#include "models/serving/serving.hpp"
#include "scenarios/serving_fields.hpp"

namespace orrery::scenarios {

/// `serving:`. Relative paths inside start at `folder`. Where a file of ${ORRERY_DATA} is absent, that is no error:
/// `skipped` receives the reason why the scenario can't be run here, and the path stays as it is written.
void read_serving(const hardware::ConfigNode& node, const std::string& folder, models::ServingConfig& config,
                  std::string& skipped, hardware::Diagnostics& diagnostics);

/// Loads none of whose prompts could ever be served. (Single draws that are too long are counted at run time.)
/// REQUIRES a checked job.
[[nodiscard]] std::vector<models::JobError> check_lengths(const models::ServingJob& job);

/// A path of the resolved scenario as it reads on any machine: the value of ORRERY_DATA at its head is replaced by the
/// variable again.
[[nodiscard]] std::string portable_path(const std::string& path);

/// Names of a table, in its order.
[[nodiscard]] std::vector<std::string> names_of(NameFamily family);

/// Kernel writers that a serving engine can have.
[[nodiscard]] const std::vector<kernels::Implementation>& serving_kernels();

}  // namespace orrery::scenarios
