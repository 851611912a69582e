// Quantiles of weighted samples against numpy's definition, however the samples come.
#ifdef ORRERY_HAVE_RAPIDCHECK

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "sim/distribution.hpp"
#include "tests/sim/reference_statistics.hpp"

namespace orrery::sim {
namespace {

using Samples = std::vector<std::pair<double, std::uint64_t>>;

Samples random_samples() {
  Samples samples;
  const int count = *rc::gen::inRange(1, 40);
  for (int i = 0; i < count; ++i) {
    const double value = *rc::gen::inRange(0, 30) * std::exp2(*rc::gen::inRange(-20, 20));
    samples.emplace_back(value, *rc::gen::inRange<std::uint64_t>(0, 6));
  }
  return samples;
}

Distribution of(const Samples& samples) {
  Distribution distribution;
  for (const auto& [value, weight] : samples) distribution.add(value, weight);
  return distribution;
}

std::vector<double> expanded(const Samples& samples) {
  std::vector<double> values;
  for (const auto& [value, weight] : samples) values.insert(values.end(), weight, value);
  return values;
}

TEST(DistributionLaws, QuantilesAreThoseOfTheSamplesOneByOne) {
  EXPECT_TRUE(rc::check([] {
    const Samples samples = random_samples();
    const std::vector<double> values = expanded(samples);
    const Distribution distribution = of(samples);
    RC_ASSERT(distribution.count() == values.size());
    for (int i = 0; i <= 20; ++i) {
      RC_ASSERT(distribution.quantile(i / 20.0) == testing::percentile(values, i / 20.0));
    }
  }));
}

TEST(DistributionLaws, OrderAndHowWeightsAreCutDoNotMatter) {
  EXPECT_TRUE(rc::check([] {
    const Samples samples = random_samples();
    Samples single;
    for (const auto& [value, weight] : samples) single.insert(single.end(), weight, {value, 1});
    std::reverse(single.begin(), single.end());
    const Distribution one = of(samples), two = of(single);
    for (const double q : {0.0, 0.25, 0.5, 0.9, 0.99, 1.0}) RC_ASSERT(one.quantile(q) == two.quantile(q));
    RC_ASSERT(one.count() == two.count());
    RC_ASSERT(one.least() == two.least());
    RC_ASSERT(one.largest() == two.largest());
  }));
}

TEST(DistributionLaws, QuantilesLieBetweenTheLeastAndTheLargestAndGrow) {
  EXPECT_TRUE(rc::check([] {
    const Distribution distribution = of(random_samples());
    double before = distribution.least();
    for (int i = 0; i <= 50; ++i) {
      const double now = distribution.quantile(i / 50.0);
      RC_ASSERT(now >= before);
      before = now;
    }
    RC_ASSERT(before == distribution.largest());
    RC_ASSERT(distribution.mean() >= distribution.least() * (1 - 1e-12));
    RC_ASSERT(distribution.mean() <= distribution.largest() * (1 + 1e-12));
  }));
}

TEST(DistributionLaws, AScaleOfTwoIsOneOfTheQuantiles) {
  EXPECT_TRUE(rc::check([] {
    const Samples samples = random_samples();
    Samples twice = samples;
    for (auto& sample : twice) sample.first *= 2.0;
    for (const double q : {0.0, 0.3, 0.5, 0.95, 1.0}) RC_ASSERT(of(twice).quantile(q) == 2.0 * of(samples).quantile(q));
  }));
}

TEST(DistributionLaws, BeyondItsEndsTheEndsAreMeant) {
  const Distribution distribution = of({{3.0, 2}, {1.0, 1}, {2.0, 1}});
  EXPECT_EQ(distribution.quantile(-0.5), 1.0);
  EXPECT_EQ(distribution.quantile(1.5), 3.0);
  EXPECT_EQ(distribution.quantiles({}).size(), 0u);
}

TEST(DistributionLaws, TheHistogramOfALongStreamIsWithinABinOfTheSamples) {
  // Every octave of the fine bins, alternating so that nothing is put together before it spills.
  Distribution distribution;
  std::vector<double> values;
  for (std::size_t i = 0; i <= 2 * Distribution::kExact; ++i) {
    const int exponent = static_cast<int>(i % 80) - 36;
    values.push_back(std::ldexp(1.0 + static_cast<double>(i % 4099) / 4099.0, exponent));
    distribution.add(values.back());
  }
  for (int i = 0; i <= 100; ++i) {
    const double expected = testing::percentile(values, i / 100.0);
    EXPECT_NEAR(distribution.quantile(i / 100.0), expected, expected / 4096.0) << i;
  }
}

}  // namespace
}  // namespace orrery::sim

#endif
