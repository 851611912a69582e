// The three roofs apart, for explanations. See roofline.cpp.
#pragma once

#include "kernels/kernel.hpp"

namespace orrery::kernels {

struct Bounds {
  Seconds compute;  ///< flops / peak
  Seconds memory;   ///< bytes that L2 can't hold / memory bandwidth; of a host copy: bytes / PCIe
  Seconds l2;       ///< all bytes / L2 bandwidth
};

/// REQUIRES check(kernel).empty(). Throws std::invalid_argument if the GPU can't compute the dtype.
[[nodiscard]] Bounds roofline_bounds(const Kernel& kernel, const hardware::Gpu& gpu);

/// roofline() of a kernel whose work() is at hand.
[[nodiscard]] Seconds roofline(const Kernel& kernel, const Work& need, const hardware::Gpu& gpu);

}  // namespace orrery::kernels
