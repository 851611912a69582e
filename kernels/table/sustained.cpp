#include "kernels/table/sustained.hpp"

#include <algorithm>

namespace orrery::kernels {
namespace {

constexpr double kDense = 0.5;  // of the matrix peak

}  // namespace

Seconds sustained(const hardware::SustainedClock& clock, Seconds time, Seconds compute) {
  if (!(time > Seconds{0.0})) return time;
  const double dense = std::min(1.0, compute / time / kDense);
  return time * (1.0 + (clock.slowdown - 1.0) * dense * (time / (time + clock.onset)));
}

const hardware::SustainedClock* clock_of(const hardware::Fit* fit, const hardware::Gpu& gpu) {
  const bool lent = fit != nullptr && !fit->of.empty();
  const hardware::SustainedClock& slower =
      lent && gpu.lent_clock.slowdown > gpu.clock.slowdown ? gpu.lent_clock : gpu.clock;
  return slower.slowdown > 1.0 ? &slower : nullptr;
}

}  // namespace orrery::kernels
