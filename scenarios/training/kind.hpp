// The row of the kind of job `training:`. Used by kinds.cpp.
#pragma once

#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

[[nodiscard]] const KindRow& training_kind();

}  // namespace orrery::scenarios
