// Philox against its published vectors; distributions against their moments; independence of substreams.
#include "sim/random.hpp"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

using Block = std::array<std::uint32_t, 4>;

TEST(Philox, GivesTheKnownAnswers) {
  // Random123, tests/kat_vectors, "philox4x32 10".
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, SubstreamsAreReproducibleAndApart) {
  Random a(1, 2, 3), same(1, 2, 3), entity(1, 3, 3), purpose(1, 2, 4), seed(2, 2, 3);
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t x = a.bits();
    ASSERT_EQ(x, same.bits());
    equal += (x == entity.bits()) + (x == purpose.bits()) + (x == seed.bits());
  }
  EXPECT_EQ(equal, 0);
}

TEST(Random, TheFirstDrawIsTheKnownAnswer) {
  // Seed, entity and purpose 0: counter and key are 0. Low word first.
  Random random(0, 0, 0);
  EXPECT_EQ(random.bits(), 0xe169c58d6627e8d5u);
  EXPECT_EQ(random.bits(), 0x9b00dbd8bc57ac4cu);
}

struct Moments {
  double mean = 0.0;
  double variance = 0.0;
};

Moments moments(const std::function<double()>& draw) {
  constexpr int kDraws = 200'000;
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

// With 200,000 draws the standard error of a mean is deviation/447; bounds are about five of them.

TEST(Random, UniformHasItsMoments) {
  Random random(11, 0, 0);
  const Moments m = moments([&] { return random.uniform(2.0, 4.0); });
  EXPECT_NEAR(m.mean, 3.0, 0.007);
  EXPECT_NEAR(m.variance, 4.0 / 12.0, 0.004);
}

TEST(Random, ExponentialHasItsMoments) {
  Random random(12, 0, 0);
  const Moments m = moments([&] { return random.exponential(2.0); });
  EXPECT_NEAR(m.mean, 2.0, 0.023);
  EXPECT_NEAR(m.variance, 4.0, 0.13);
}

TEST(Random, NormalAndLognormalHaveTheirMoments) {
  Random random(13, 0, 0);
  const Moments n = moments([&] { return random.normal(-1.0, 3.0); });
  EXPECT_NEAR(n.mean, -1.0, 0.034);
  EXPECT_NEAR(n.variance, 9.0, 0.15);
  // exp(mu + s²/2) = exp(0.5 + 0.125) = 1.8682; variance = mean²·(exp(s²) − 1) = 3.4903·0.28403 = 0.9913
  const Moments l = moments([&] { return random.lognormal(0.5, 0.5); });
  EXPECT_NEAR(l.mean, 1.8682, 0.012);
  EXPECT_NEAR(l.variance, 0.9913, 0.04);
}

TEST(Random, GammaHasItsMoments) {
  Random random(14, 0, 0);
  for (const double shape : {0.3, 1.0, 2.5, 40.0}) {
    const Moments m = moments([&] { return random.gamma(shape, 2.0); });
    EXPECT_NEAR(m.mean / (2.0 * shape), 1.0, 0.012 / std::sqrt(shape)) << shape;
    EXPECT_NEAR(m.variance / (4.0 * shape), 1.0, 0.05 + 0.03 / shape) << shape;
  }
}

TEST(Random, PoissonHasItsMoments) {
  Random random(15, 0, 0);
  EXPECT_EQ(random.poisson(0.0), 0u);
  for (const double mean : {0.2, 3.0, 20.0, 1000.0}) {
    const Moments m = moments([&] { return static_cast<double>(random.poisson(mean)); });
    EXPECT_NEAR(m.mean, mean, 0.012 * std::sqrt(mean)) << mean;
    EXPECT_NEAR(m.variance / mean, 1.0, 0.05) << mean;
  }
}

TEST(Random, BelowReachesEveryValueEqually) {
  Random random(16, 0, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 470);  // five deviations of √(10,000·6/7) = 93
  EXPECT_EQ(random.below(1), 0u);
}

TEST(PortableMath, AgreesWithTheMathLibrary) {
  for (double x = 1e-300; x < 1e300; x *= 1.9371) {
    const double expected = std::log(x);
    ASSERT_NEAR(portable_log(x), expected, 4e-16 * std::abs(expected) + 1e-300) << x;
  }
  for (double x = 0.5; x < 2.0; x += 0.001) {
    ASSERT_NEAR(portable_log(x), std::log(x), 5e-16 * std::abs(std::log(x)) + 1e-18) << x;
  }
  for (double x = -700.0; x < 700.0; x += 0.37) {
    ASSERT_NEAR(portable_exp(x) / std::exp(x), 1.0, 1e-15) << x;
  }
  EXPECT_EQ(portable_log(1.0), 0.0);
  EXPECT_EQ(portable_exp(0.0), 1.0);
}

TEST(Random, ResultsAreTheSameEverywhere) {
  // One mixed sequence, summed in integers: any change of method, compiler or library shows.
  Random random(42, 7, 9);
  std::uint64_t hash = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const double x :
         {random.uniform(), random.exponential(1.0), random.normal(0.0, 1.0), random.lognormal(0.0, 1.0),
          random.gamma(0.7, 1.0), static_cast<double>(random.poisson(30.0))}) {
      hash = hash * 6364136223846793005u + static_cast<std::uint64_t>(static_cast<std::int64_t>(x * 0x1p40));
    }
  }
  EXPECT_EQ(hash, 984321331360543953u);
}

}  // namespace
}  // namespace orrery::sim
