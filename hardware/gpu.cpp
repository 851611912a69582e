#include "hardware/gpu.hpp"

#include <algorithm>

#include <fmt/format.h>

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
    case Dtype::fp8:
    case Dtype::nvfp4:
      // Weights are widened before the multiplication, as Marlin's kernels do.
      for (const Dtype wide : {Dtype::bf16, Dtype::fp16}) {
        if (peak.has(wide)) return peak[wide];
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool Gpu::multiplies(Dtype dtype) const {
  return peak.has(dtype) || dtype == Dtype::fp32 || (dtype == Dtype::fp8_block && peak.has(Dtype::fp8));
}

std::string Gpu::nccl_misfit() const {
  return has_cuda() ? std::string()
                    : fmt::format("collectives of '{}' are compiled by XLA, NCCL has no part in them", name);
}

const Fit* Gpu::find_fit(std::string_view key) const {
  const auto found = std::find_if(fits.begin(), fits.end(), [&](const Fit& fit) { return fit.key == key; });
  return found == fits.end() ? nullptr : &*found;
}

}  // namespace orrery::hardware
