// Kernels whose time is the bytes they move: norm, rotary, activation, optimizer, loss, copies. See elementwise.cpp.
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow memory_family();

}  // namespace orrery::kernels
