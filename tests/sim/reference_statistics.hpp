// Mean and percentile of samples as they are defined, to compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace orrery::sim::testing {

/// 0 without samples.
inline double mean(const std::vector<double>& samples) {
  if (samples.empty()) return 0.0;
  double sum = 0.0;
  for (const double x : samples) sum += x;
  return sum / static_cast<double>(samples.size());
}

/// The q-quantile, 0 ≤ q ≤ 1, by linear interpolation between order statistics at q·(n−1): numpy's default
/// (type 7 of Hyndman and Fan 1996). 0 without samples.
inline double percentile(std::vector<double> samples, double q) {
  if (samples.empty()) return 0.0;
  std::sort(samples.begin(), samples.end());
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(samples.size() - 1);
  const double below = std::floor(position);
  const auto i = static_cast<std::size_t>(below);
  if (i + 1 >= samples.size()) return samples.back();
  return samples[i] + (samples[i + 1] - samples[i]) * (position - below);
}

}  // namespace orrery::sim::testing
