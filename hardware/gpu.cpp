#include "hardware/gpu.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace orrery::hardware {

std::optional<double> Fit::coefficient(std::string_view wanted) const {
  for (const auto& [coefficient_name, value] : coefficients) {
    if (coefficient_name == wanted) return value;
  }
  return std::nullopt;
}

std::optional<Band> Fit::band() const {
  constexpr int kFewest = 20;  // rows, of which one lies beyond each end
  const FitResidual* best = nullptr;
  for (const char* group : {"unseen_family", "unseen_point", "transfer"}) {
    for (const FitResidual& residual : residuals) {
      if (best == nullptr && residual.group == group && residual.rows >= kFewest) best = &residual;
    }
  }
  if (best == nullptr) return std::nullopt;
  if (best->high > 0.0) return Band{std::min(1.0, best->low), std::max(1.0, best->high), best->group};
  return Band{1.0 / (1.0 + best->p95), 1.0 + best->p95, best->group};
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

SustainedClock clock_at_power(Watts needed, Watts limit) {
  constexpr double kExponent = 0.2;
  SustainedClock clock;
  if (!(limit > Watts{0.0}) || needed <= limit) return clock;
  clock.slowdown = std::pow(needed / limit, kExponent);
  clock.source = fmt::format(
      "{:.0f} W of {:.0f} W: (ratio)^1/5, as an A100 PCIe against an A100 SXM in SimuMax @4dcaae5, "
      "gemm_training; an estimate for other boards",
      limit.value(), needed.value());
  return clock;
}

const SustainedClock* Gpu::find_state(std::string_view state) const {
  const auto found = std::find_if(states.begin(), states.end(), [&](const auto& one) { return one.name == state; });
  return found == states.end() ? nullptr : &*found;
}

const Fit* Gpu::find_fit(std::string_view key) const {
  const auto found = std::find_if(fits.begin(), fits.end(), [&](const Fit& fit) { return fit.key == key; });
  return found == fits.end() ? nullptr : &*found;
}

}  // namespace orrery::hardware
