// Weighted order statistics, exact or from a log-linear histogram.
//
// A bin is named by the bits of its values: exponent, and the first 12 of the significand. No logarithm is taken, so
// that no libm can move a value to the next bin.
//
// Measured at -O3 on a shared Intel Xeon VM: 10 ns per add() of a log-normal value with a weight into the histogram,
// 0.2 ms for four quantiles of it, 9 ms for four of 100,000 exact samples.
#include "sim/distribution.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace orrery::sim {
namespace {

constexpr int kSignificandBits = 52;
constexpr int kExponentBias = 1023;

std::uint64_t bits_of(double value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

double from_bits(std::uint64_t bits) {
  double value = 0.0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// The k-th of `inside` values spread evenly over [low, high): each in the middle of its share.
double spread(double low, double high, std::uint64_t k, std::uint64_t inside) {
  return low + (high - low) * ((static_cast<double>(k) + 0.5) / static_cast<double>(inside));
}

/// Where the q-quantile lies among n order statistics counted from 0.
struct Position {
  std::uint64_t below = 0;
  double fraction = 0.0;
};

Position position_of(double q, std::uint64_t n) {
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(n - 1);
  const double below = std::floor(position);
  Position result{static_cast<std::uint64_t>(below), position - below};
  if (result.below + 1 >= n) result = {n - 1, 0.0};
  return result;
}

}  // namespace

void Distribution::add(double value, std::uint64_t weight) {
  assert(value >= 0.0 && std::isfinite(value) && "a sample is a finite number that is not negative");
  if (weight == 0) return;
  least_ = count_ == 0 ? value : std::min(least_, value);
  largest_ = count_ == 0 ? value : std::max(largest_, value);
  count_ += weight;
  sum_ += value * static_cast<double>(weight);
  if (spilled_) return count_in_bin(value, weight);
  if (!samples_.empty() && samples_.back().value == value) {
    samples_.back().weight += weight;
    return;
  }
  samples_.push_back({value, weight});
  if (samples_.size() > kExact) spill();
}

double Distribution::mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }

void Distribution::count_in_bin(double value, std::uint64_t weight) {
  const std::uint64_t bits = bits_of(value + 0.0);  // −0.0 loses its sign bit, which would name a bin far away
  const int octave = static_cast<int>(bits >> kSignificandBits) - kExponentBias - kLeastExponent;
  if (octave < 0) {
    below_ += weight;
    return;
  }
  if (octave >= static_cast<int>(page_.size())) {
    above_ += weight;
    return;
  }
  std::uint32_t& page = page_[static_cast<std::size_t>(octave)];
  if (page == kNoPage) {
    page = static_cast<std::uint32_t>(counts_.size());
    counts_.resize(counts_.size() + kBins);
  }
  counts_[page + ((bits >> (kSignificandBits - kBinBits)) & (kBins - 1))] += weight;
}

void Distribution::spill() {
  for (const Sample& sample : samples_) count_in_bin(sample.value, sample.weight);
  samples_ = {};
  spilled_ = true;
}

std::vector<Distribution::Sample> Distribution::sorted() const {
  std::vector<Sample> result = samples_;
  std::sort(result.begin(), result.end(), [](const Sample& a, const Sample& b) { return a.value < b.value; });
  return result;
}

// The k-th value of the histogram in order, k from 0.
double Distribution::order_statistic(std::uint64_t k) const {
  if (k == 0) return least_;
  if (k + 1 >= count_) return largest_;
  const auto within = [this](double x) { return std::clamp(x, least_, largest_); };
  const double finest = std::ldexp(1.0, kLeastExponent), coarsest = std::ldexp(1.0, kMostExponent);
  if (k < below_) return within(spread(least_, std::min(finest, largest_), k, below_));
  std::uint64_t before = below_;
  for (std::size_t octave = 0; octave < page_.size(); ++octave) {
    if (page_[octave] == kNoPage) continue;
    for (std::uint64_t bin = 0; bin < kBins; ++bin) {
      const std::uint64_t inside = counts_[page_[octave] + bin];
      if (k < before + inside) {
        const auto exponent = static_cast<std::uint64_t>(static_cast<int>(octave) + kLeastExponent + kExponentBias);
        const std::uint64_t name = (exponent << kBinBits) + bin;
        constexpr int kShift = kSignificandBits - kBinBits;
        return within(spread(from_bits(name << kShift), from_bits((name + 1) << kShift), k - before, inside));
      }
      before += inside;
    }
  }
  return within(spread(std::max(coarsest, least_), largest_, k - before, above_));
}

double Distribution::quantile(double q) const { return quantiles({q}).front(); }

std::vector<double> Distribution::quantiles(const std::vector<double>& q) const {
  std::vector<double> result(q.size(), 0.0);
  if (count_ == 0) return result;
  const std::vector<Sample> ordered = sorted();
  for (std::size_t i = 0; i < q.size(); ++i) {
    const Position position = position_of(q[i], count_);
    double low = 0.0, high = 0.0;
    if (spilled_) {
      low = order_statistic(position.below);
      high = position.fraction > 0.0 ? order_statistic(position.below + 1) : low;
    } else {
      std::uint64_t before = 0;
      std::size_t at = 0;
      while (before + ordered[at].weight <= position.below) before += ordered[at++].weight;
      low = high = ordered[at].value;
      const bool last_of_its_value = before + ordered[at].weight == position.below + 1;
      if (last_of_its_value && at + 1 < ordered.size()) high = ordered[at + 1].value;
    }
    result[i] = low + (high - low) * position.fraction;
  }
  return result;
}

}  // namespace orrery::sim
