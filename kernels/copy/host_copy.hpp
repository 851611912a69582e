// Copies between host and device over PCIe. See host_copy.cpp.
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow host_copy_family();

}  // namespace orrery::kernels
