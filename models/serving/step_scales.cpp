// See step_scales.hpp.
#include "models/serving/step_scales.hpp"

namespace orrery::models {
namespace {

constexpr double kActivation = 2.0;  // bytes of a bf16 value

}  // namespace

kernels::MemoryShape amax_pass(const kernels::GemmShape& shape) {
  kernels::MemoryShape pass;
  pass.op = kernels::MemoryOp::amax;
  pass.elements = shape.m * shape.k;
  pass.read = Bytes{kActivation * static_cast<double>(pass.elements)};
  pass.inputs = kernels::CacheState::warm;
  return pass;
}

Seconds without_amax(const kernels::GemmShape& shape, Seconds dynamic, Seconds pass, const hardware::Gpu& gpu) {
  const Seconds bound = kernels::roofline(kernels::Kernel{shape}, gpu);
  return max(dynamic - min(dynamic, pass), min(dynamic, bound));
}

}  // namespace orrery::models
