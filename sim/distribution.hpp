// A stream of weighted samples and its quantiles, in bounded memory.
//
// Up to `kExact` distinct samples are kept as they come, and a quantile is the linear interpolation between order
// statistics at q·(n−1) (type 7 of Hyndman and Fan 1996, as percentile() of statistics.hpp). A longer stream goes
// into a histogram whose bins are 2^-12 of their own value wide (0.024 %), as in HdrHistogram (G. Tene); the same
// interpolation then runs between bins, values being spread evenly within one.
//
// Mean, least and largest are exact in either case. Results depend on the order of the samples only through the
// rounding of the sum.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace orrery::sim {

class Distribution {
 public:
  static constexpr std::size_t kExact = 100'000;

  /// `weight` samples of the same value. REQUIRES value ≥ 0 and finite.
  void add(double value, std::uint64_t weight = 1);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }
  /// 0 without samples, like the following.
  [[nodiscard]] double mean() const;
  [[nodiscard]] double least() const { return count_ == 0 ? 0.0 : least_; }
  [[nodiscard]] double largest() const { return count_ == 0 ? 0.0 : largest_; }

  /// The q-quantile, 0 ≤ q ≤ 1, of the samples counted with their weights.
  [[nodiscard]] double quantile(double q) const;

 private:
  struct Sample {
    double value = 0.0;
    std::uint64_t weight = 0;
  };

  void spill();

  std::vector<Sample> samples_;                 ///< as they came, until there are too many
  std::map<std::int32_t, std::uint64_t> bins_;  ///< samples per bin of the histogram
  std::uint64_t count_ = 0;
  double sum_ = 0.0, least_ = 0.0, largest_ = 0.0;
};

}  // namespace orrery::sim
