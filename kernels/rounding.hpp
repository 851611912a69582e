// Rounding counts without a library call, which std::ceil and std::floor are without SSE 4.1.
#pragma once

#include <cstdint>

namespace orrery::kernels {

/// From here on a double has no fraction.
inline constexpr double kWhole = 4503599627370496.0;  // 2^52

/// std::floor(x) of x ≥ 0.
[[nodiscard]] inline double floor_of_count(double x) {
  return x < kWhole ? static_cast<double>(static_cast<std::int64_t>(x)) : x;
}

/// std::ceil(x) of x ≥ 0.
[[nodiscard]] inline double ceil_of_count(double x) {
  const double below = floor_of_count(x);
  return below < x ? below + 1.0 : below;
}

}  // namespace orrery::kernels
