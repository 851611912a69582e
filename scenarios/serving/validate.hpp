// `orrery validate serving TABLE`.
#pragma once

#include "scenarios/kinds.hpp"
#include "scenarios/validation.hpp"

namespace orrery::scenarios {

/// Throws ConfigError for a table that can't be read. After Ctrl-C what was not predicted counts as skipped.
[[nodiscard]] Validation validate_serving(const ValidateRequest& request, Console& console);

}  // namespace orrery::scenarios
