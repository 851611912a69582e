// Reader of a scenario's `serving:` section with its load and service-level objectives. Used by scenario.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/serving/fields.hpp"
#include "scenarios/serving/job.hpp"

namespace orrery::scenarios {

/// `serving:`. Relative paths inside start at the source's folder. Where a file of ${ORRERY_DATA} is absent, that is no
/// error: `skipped` receives the reason why the scenario can't be run here, and the path stays as it is written.
[[nodiscard]] std::shared_ptr<const JobSpec> read_serving(const JobSource& source);

/// What the models find, then loads none of whose prompts could ever be served. (Single draws that are too long are
/// counted at run time.)
[[nodiscard]] std::vector<models::JobError> check_serving(const JobSpec& spec);

/// A path of the resolved scenario as it reads on any machine: the value of ORRERY_DATA at its head is replaced by the
/// variable again.
[[nodiscard]] std::string portable_path(const std::string& path);

/// Names of a table, in its order.
[[nodiscard]] std::vector<std::string> names_of(NameFamily family);

/// Kernel writers that a serving engine can have.
[[nodiscard]] const std::vector<kernels::Implementation>& serving_kernels();

}  // namespace orrery::scenarios
