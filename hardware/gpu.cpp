#include "hardware/gpu.hpp"

#include <algorithm>

namespace orrery::hardware {

std::optional<double> Fit::coefficient(std::string_view wanted) const {
  for (const auto& [coefficient_name, value] : coefficients) {
    if (coefficient_name == wanted) return value;
  }
  return std::nullopt;
}

std::optional<FlopsPerSecond> Gpu::stand_in_peak(Dtype dtype) const {
  switch (dtype) {
    case Dtype::fp32:
      return vector_peak;  // no tensor core multiplies full fp32
    case Dtype::fp8_block:
      return matrix_peak(Dtype::fp8);  // same instruction, scales applied outside
    case Dtype::int4:
      return matrix_peak(Dtype::bf16);  // weights are widened before the multiplication
    default:
      return std::nullopt;
  }
}

const Fit* Gpu::find_fit(std::string_view key) const {
  const auto found = std::find_if(fits.begin(), fits.end(), [&](const Fit& fit) { return fit.key == key; });
  return found == fits.end() ? nullptr : &*found;
}

}  // namespace orrery::hardware
