// "No completion is pending."
#pragma once

#include <limits>

#include "sim/clock.hpp"

namespace orrery::sim {

inline constexpr SimTime kNever = std::numeric_limits<SimTime>::max();

}  // namespace orrery::sim
