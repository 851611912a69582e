// Distribution: exact order statistics for short streams, a histogram of known width for long ones.
#include "sim/distribution.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/random.hpp"
#include "tests/sim/reference_statistics.hpp"

namespace orrery::sim {
namespace {

constexpr double kBinWidth = 1.0 / 4096.0;

TEST(Distribution, IsZeroWithoutSamples) {
  const Distribution none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.mean(), 0.0);
  EXPECT_EQ(none.least(), 0.0);
  EXPECT_EQ(none.largest(), 0.0);
  EXPECT_EQ(none.quantile(0.5), 0.0);
}

TEST(Distribution, InterpolatesBetweenWeightedOrderStatistics) {
  // 1, 1, 1, 2, 10 in order: q = 0.5 lies at 0.5·4 = 2 → 1; q = 0.7 at 2.8 → 1 + 0.8·(2 − 1) = 1.8;
  // q = 0.95 at 3.8 → 2 + 0.8·(10 − 2) = 8.4. Mean (3 + 2 + 10)/5 = 3.
  Distribution distribution;
  distribution.add(10.0);
  distribution.add(1.0, 3);
  distribution.add(2.0);
  distribution.add(5.0, 0);
  EXPECT_EQ(distribution.count(), 5u);
  EXPECT_DOUBLE_EQ(distribution.mean(), 3.0);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.0), 1.0);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.5), 1.0);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.7), 1.8);
  EXPECT_DOUBLE_EQ(distribution.quantile(0.95), 8.4);
  EXPECT_DOUBLE_EQ(distribution.quantile(1.0), 10.0);
  EXPECT_THAT(distribution.quantiles({1.0, 0.0}), ::testing::ElementsAre(10.0, 1.0));
}

TEST(Distribution, HoldsOneSample) {
  Distribution distribution;
  distribution.add(0.25);
  for (const double q : {0.0, 0.5, 1.0}) EXPECT_EQ(distribution.quantile(q), 0.25);
}

TEST(Distribution, EqualsPercentileOfTheExpandedSamples) {
  Random random(7, 0, 0);
  Distribution distribution;
  std::vector<double> expanded;
  for (int i = 0; i < 1000; ++i) {
    const double value = std::floor(20.0 * random.exponential(1.0)) / 20.0;  // many ties
    const std::uint64_t weight = random.below(5);
    distribution.add(value, weight);
    expanded.insert(expanded.end(), weight, value);
  }
  ASSERT_EQ(distribution.count(), expanded.size());
  for (int i = 0; i <= 1000; ++i) {
    const double q = i / 1000.0;
    EXPECT_EQ(distribution.quantile(q), testing::percentile(expanded, q)) << q;
  }
  EXPECT_NEAR(distribution.mean(), testing::mean(expanded), 1e-12);
}

TEST(Distribution, StaysWithinABinsWidthOfTheTruthWhenLong) {
  Random random(11, 0, 0);
  Distribution distribution;
  std::vector<double> expanded;
  double sum = 0.0;
  for (std::size_t i = 0; i < 3 * Distribution::kExact; ++i) {
    const double value = random.lognormal(-3.0, 1.5);
    distribution.add(value);
    expanded.push_back(value);
    sum += value;
  }
  EXPECT_EQ(distribution.mean(), sum / static_cast<double>(expanded.size()));
  for (const double q : {0.0, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.9999, 1.0}) {
    const double truth = testing::percentile(expanded, q);
    EXPECT_NEAR(distribution.quantile(q), truth, kBinWidth * truth) << q;
  }
  EXPECT_EQ(distribution.quantile(0.0), distribution.least());
  EXPECT_EQ(distribution.quantile(1.0), distribution.largest());
}

TEST(Distribution, SpreadsValuesEvenlyWithinABin) {
  // kExact + 1 alternating values of 1.0 and 1.0 + 2^-14, both in the bin [1, 1 + 2^-12): n values stand at
  // 1 + 2^-12·(k + 1/2)/n, but not beyond the largest. q = 0.125: k = 12,500 of 100,001, 1 + 2^-12·0.125 = 1 + 2^-15.
  Distribution distribution;
  for (std::size_t i = 0; i <= Distribution::kExact; ++i)
    distribution.add(i % 2 == 0 ? 1.0 : 1.0 + std::ldexp(1.0, -14));
  EXPECT_NEAR(distribution.quantile(0.125), 1.0 + std::ldexp(1.0, -15), 1e-9);
  EXPECT_EQ(distribution.quantile(0.75), 1.0 + std::ldexp(1.0, -14));
}

TEST(Distribution, KeepsOneRepeatedValueExactHoweverLong) {
  Distribution distribution;
  for (std::size_t i = 0; i < 2 * Distribution::kExact; ++i) distribution.add(0.0213, 3);
  EXPECT_EQ(distribution.count(), 6 * Distribution::kExact);
  for (const double q : {0.0, 0.3, 0.99, 1.0}) EXPECT_EQ(distribution.quantile(q), 0.0213);
}

TEST(Distribution, HoldsValuesOutsideTheFineBins) {
  // After the spill: 300,000 values of which a third each are 0 to 1e-13, 1 to 2, and 1e15 to 2e15.
  Distribution distribution;
  for (int i = 0; i < 100'000; ++i) {
    const double x = i / 100'000.0;
    distribution.add(x * 1e-13);
    distribution.add(1.0 + x);
    distribution.add(1e15 * (1.0 + x));
  }
  EXPECT_EQ(distribution.quantile(0.0), 0.0);
  EXPECT_LT(distribution.quantile(0.2), 1e-12);
  EXPECT_NEAR(distribution.quantile(0.5), 1.5, 1.5 * kBinWidth);
  EXPECT_GE(distribution.quantile(0.8), std::ldexp(1.0, 48));
  EXPECT_EQ(distribution.quantile(1.0), distribution.largest());
}

TEST(Distribution, QuantilesGrowWithQ) {
  Random random(3, 0, 0);
  Distribution distribution;
  for (std::size_t i = 0; i < 2 * Distribution::kExact; ++i)
    distribution.add(random.exponential(0.01), 1 + random.below(9));
  double last = 0.0;
  for (int i = 0; i <= 2000; ++i) {
    const double now = distribution.quantile(i / 2000.0);
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(Distribution, DoesNotDependOnTheOrderOfTheSamples) {
  Distribution forwards, backwards;
  const std::size_t n = 2 * Distribution::kExact;
  const auto value = [](std::size_t i) { return std::ldexp(static_cast<double>(i * 7919 % 100'003), -10); };
  for (std::size_t i = 0; i < n; ++i) forwards.add(value(i));
  for (std::size_t i = n; i-- > 0;) backwards.add(value(i));
  for (const double q : {0.0, 0.1, 0.5, 0.99, 1.0}) EXPECT_EQ(forwards.quantile(q), backwards.quantile(q));
  EXPECT_EQ(forwards.sum(), backwards.sum());  // multiples of 2^-10 add up without rounding
}

TEST(Distribution, CanBeCopied) {
  Distribution a;
  for (std::size_t i = 0; i <= Distribution::kExact; ++i) a.add(static_cast<double>(i));
  Distribution b = a;
  b.add(1e6, 1000);
  EXPECT_EQ(a.largest(), static_cast<double>(Distribution::kExact));
  EXPECT_EQ(b.count(), a.count() + 1000);
}

}  // namespace
}  // namespace orrery::sim
