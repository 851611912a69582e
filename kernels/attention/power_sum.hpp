// Two resources that a kernel uses at once: between the larger time (p → ∞) and the sum (p = 1).
#pragma once

#include <algorithm>
#include <cmath>

namespace orrery::kernels {

/// (aᵖ + bᵖ)^(1/p), scaled so that it neither overflows nor underflows. Takes a, b ≥ 0 and p ≥ 1. A power that is known
/// to the last bit is not computed: many fits have p = 1, and of very unlike times the larger is all.
[[nodiscard]] inline double power_sum(double a, double b, double p) {
  const double large = std::max(a, b), small = std::min(a, b);
  if (large <= 0.0) return 0.0;
  const double ratio = small / large;
  if (p == 1.0) return large * (1.0 + ratio);
  const double sum = 1.0 + std::pow(ratio, p);
  return sum == 1.0 ? large : large * std::pow(sum, 1.0 / p);
}

/// The same of p = 4 without std::pow; differs from it in the last bits (relative 1e-15).
[[nodiscard]] inline double power_sum_of_4(double a, double b) {
  const double large = std::max(a, b), small = std::min(a, b);
  if (large <= 0.0) return 0.0;
  const double square = (small / large) * (small / large);
  return large * std::sqrt(std::sqrt(1.0 + square * square));
}

}  // namespace orrery::kernels
