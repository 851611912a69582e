// See step_scales.hpp.
#include "models/serving/step_scales.hpp"

#include "kernels/attention/power_sum.hpp"

namespace orrery::models {
namespace {

constexpr double kActivation = 2.0;  // bytes of a bf16 value

}  // namespace

Seconds amax_time(double m, double k, const hardware::Gpu& gpu) {
  const hardware::Generation& by = gpu.generation;
  return Seconds{
      kernels::power_sum(by.amax_floor.value(), kActivation * m * k / by.amax_rate.value(), by.amax_overlap)};
}

Seconds without_amax(const kernels::GemmShape& shape, Seconds dynamic, const hardware::Gpu& gpu) {
  const Seconds pass = amax_time(static_cast<double>(shape.m), static_cast<double>(shape.k), gpu);
  const Seconds bound = kernels::roofline(kernels::Kernel{shape}, gpu);
  return max(dynamic - min(dynamic, pass), min(dynamic, bound));
}

}  // namespace orrery::models
