// The plan that stands for a serving run.
#pragma once

#include <string>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// The text of the plan of a typical decode iteration (steps.hpp); empty for a run that served nothing.
[[nodiscard]] std::string serving_plan(const JobView& view);

}  // namespace orrery::scenarios
