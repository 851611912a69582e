// Lanes by short names.
#pragma once

#include "sim/plan/plan.hpp"

namespace orrery::sim {

inline constexpr Lane kCompute{};
inline constexpr Lane kCopies{LaneKind::copy, 0};
constexpr Lane communication(std::uint8_t number) { return {LaneKind::communication, number}; }

}  // namespace orrery::sim
