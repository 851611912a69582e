// A stream of weighted samples and its quantiles, in bounded memory.
//
// Up to `kExact` distinct samples are kept as they come, and a quantile is the linear interpolation between order
// statistics at q·(n−1) (type 7 of Hyndman and Fan 1996, numpy's default). A longer stream goes
// into a histogram whose bins are 2^-12 of their own value wide (0.024 %), as in HdrHistogram (G. Tene); the same
// interpolation then runs between bins, values being spread evenly within one.
//
// Mean, least and largest are exact in either case. Results depend on the order of the samples only through the
// rounding of the sum.
//
// Limitations: the histogram's fine bins span 2^-40 to 2^48 (a picosecond to nine years, in seconds), 32 KiB for each
// power of two that occurs, 2.9 MB at most. All smaller values share one bin, and so do all larger ones.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace orrery::sim {

class Distribution {
 public:
  static constexpr std::size_t kExact = 100'000;

  Distribution() { page_.fill(kNoPage); }

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
  /// Several at once: the samples are sorted once.
  [[nodiscard]] std::vector<double> quantiles(const std::vector<double>& q) const;

 private:
  static constexpr int kLeastExponent = -40, kMostExponent = 48;  ///< fine bins for [2^least, 2^most)
  static constexpr int kBinBits = 12;
  static constexpr std::uint32_t kBins = 1u << kBinBits;  ///< per power of two
  static constexpr std::uint32_t kNoPage = 0xffffffffu;

  struct Sample {
    double value = 0.0;
    std::uint64_t weight = 0;
  };

  void count_in_bin(double value, std::uint64_t weight);
  void spill();
  [[nodiscard]] std::vector<Sample> sorted() const;
  [[nodiscard]] double order_statistic(std::uint64_t k) const;

  bool spilled_ = false;
  std::vector<Sample> samples_;        ///< as they came, until there are too many
  std::vector<std::uint64_t> counts_;  ///< of the histogram: a page of kBins for each power of two that occurs
  std::array<std::uint32_t, kMostExponent - kLeastExponent> page_{};  ///< where in counts_ it begins
  std::uint64_t below_ = 0, above_ = 0;                               ///< samples outside the fine bins
  std::uint64_t count_ = 0;
  double sum_ = 0.0, least_ = 0.0, largest_ = 0.0;
};

}  // namespace orrery::sim
