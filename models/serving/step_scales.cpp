// See step_scales.hpp.
#include "models/serving/step_scales.hpp"

#include "kernels/attention/power_sum.hpp"

namespace orrery::models {
namespace {

struct AmaxPass {
  double floor;  // seconds
  double rate;   // bytes per second
  double overlap;
};

constexpr AmaxPass kHopper{7.5e-6, 1.33e12, 2.0};
constexpr AmaxPass kBlackwell{8.6e-6, 3.3e12, 1.0};
constexpr double kActivation = 2.0;  // bytes of a bf16 value

}  // namespace

Seconds amax_time(double m, double k, const hardware::Gpu& gpu) {
  const AmaxPass pass = gpu.architecture == "blackwell" ? kBlackwell : kHopper;
  return Seconds{kernels::power_sum(pass.floor, kActivation * m * k / pass.rate, pass.overlap)};
}

Seconds without_amax(const kernels::GemmShape& shape, Seconds dynamic, const hardware::Gpu& gpu) {
  const Seconds pass = amax_time(static_cast<double>(shape.m), static_cast<double>(shape.k), gpu);
  const Seconds bound = kernels::roofline(kernels::Kernel{shape}, gpu);
  return max(dynamic - min(dynamic, pass), min(dynamic, bound));
}

}  // namespace orrery::models
