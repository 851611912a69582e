// The row of the kind of job `serving:`. Used by kinds.cpp.
#pragma once

#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

[[nodiscard]] const KindRow& serving_kind();

}  // namespace orrery::scenarios
