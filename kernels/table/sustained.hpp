// Long, dense work draws as much power as a board may, and its clock falls.
//
//   t′ = t·(1 + (slowdown − 1)·d·t/(t + onset)),   d = min(1, 2·(flops/peak)/t)
//
// d is how dense the kernel is: below half of the matrix peak the multipliers draw less, in proportion. Voltage and
// clock follow a load after tens of microseconds to a millisecond, so that short kernels keep the clock that they are
// measured at: a loop of them is dense only as far as each is (Patki et al., "Comparing GPU power and frequency
// capping", 2019; the curve is fitted to SimuMax's loops of multiplications on one B200, where it is 1.13 under
// 100 us and 1.37 over 1 ms).
// Limitations: the state is one of the board alone, not of its neighbours or the rack; what memory draws is not
// counted.
#pragma once

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// What a kernel of `time` takes at `clock`; `compute` is its flops over the matrix peak.
[[nodiscard]] Seconds sustained(const hardware::SustainedClock& clock, Seconds time, Seconds compute);

/// The clock that kernels of `fit`, or without a fit, keep on `gpu`: nullptr where it is that of the measurements.
[[nodiscard]] const hardware::SustainedClock* clock_of(const hardware::Fit* fit, const hardware::Gpu& gpu);

}  // namespace orrery::kernels
