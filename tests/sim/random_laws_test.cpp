// Distributions by their whole shape: draws against the cumulative distribution, not its first moments alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/random.hpp"

namespace orrery::sim {
namespace {

constexpr int kDraws = 20'000;

/// Largest distance between the draws' cumulative distribution and `cdf` (Kolmogorov, Smirnov). Of n draws it is above
/// 1.95/√n once in a thousand times: 0.0138 here. Seeds are fixed, so that a failure is a defect.
double distance(const std::function<double()>& draw, const std::function<double(double)>& cdf) {
  std::vector<double> values(kDraws);
  for (double& value : values) value = draw();
  std::sort(values.begin(), values.end());
  double most = 0.0;
  for (int i = 0; i < kDraws; ++i) {
    const double expected = cdf(values[static_cast<std::size_t>(i)]);
    most = std::max({most, expected - static_cast<double>(i) / kDraws, static_cast<double>(i + 1) / kDraws - expected});
  }
  return most;
}

constexpr double kBound = 0.0138;

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(RandomLaws, UniformIsFlatAndNeverOne) {
  Random random(1, 0, 0);
  EXPECT_LT(distance([&] { return random.uniform(); }, [](double x) { return x; }), kBound);
  EXPECT_LT(distance([&] { return random.uniform(-3.0, 5.0); }, [](double x) { return (x + 3.0) / 8.0; }), kBound);
  for (int i = 0; i < 100'000; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
  }
}

TEST(RandomLaws, ExponentialIsExponential) {
  Random random(2, 0, 0);
  for (const double mean : {1e-6, 0.5, 300.0}) {
    EXPECT_LT(distance([&] { return random.exponential(mean); }, [&](double x) { return 1.0 - std::exp(-x / mean); }),
              kBound)
        << mean;
  }
}

TEST(RandomLaws, NormalIsNormalAndItsLogarithmsToo) {
  Random random(3, 0, 0);
  EXPECT_LT(distance([&] { return random.normal(5.0, 2.0); }, [](double x) { return normal_cdf((x - 5.0) / 2.0); }),
            kBound);
  EXPECT_LT(distance([&] { return random.lognormal(-1.0, 0.7); },
                     [](double x) { return normal_cdf((std::log(x) + 1.0) / 0.7); }),
            kBound);
  EXPECT_EQ(random.normal(5.0, 0.0), 5.0) << "no deviation, no chance";
}

TEST(RandomLaws, GammaOfWholeShapesIsASumOfExponentials) {
  // Erlang: 1 − e^(−x)·Σ x^k/k!.
  for (const int shape : {1, 2, 5}) {
    Random random(4, static_cast<std::uint32_t>(shape), 0);
    const auto cdf = [&](double x) {
      double sum = 0.0, term = 1.0;
      for (int k = 0; k < shape; ++k) {
        sum += term;
        term *= x / (k + 1);
      }
      return 1.0 - std::exp(-x) * sum;
    };
    EXPECT_LT(distance([&] { return random.gamma(shape, 1.0); }, cdf), kBound) << shape;
  }
}

TEST(RandomLaws, GammaOfOneHalfIsTheSquareOfANormal) {
  // Γ(1/2, 2) is χ² of one degree: P(x) = erf(√(x/2)).
  Random random(5, 0, 0);
  EXPECT_LT(distance([&] { return random.gamma(0.5, 2.0); }, [](double x) { return std::erf(std::sqrt(x / 2.0)); }),
            kBound);
}

TEST(RandomLaws, PoissonHasItsProbabilitiesOnBothRoads) {
  // Up to a mean of 16 gaps are counted, beyond halved by gamma draws: χ² of the counts of each value.
  for (const double mean : {0.7, 9.0, 16.0, 17.0, 40.0}) {
    Random random(6, static_cast<std::uint32_t>(mean), 0);
    std::vector<int> counts(200);
    for (int i = 0; i < kDraws; ++i) ++counts.at(random.poisson(mean));
    double p = std::exp(-mean), statistic = 0.0;
    int cells = 0;
    for (int k = 0; k < 200; p *= mean / ++k) {
      const double expected = p * kDraws;
      if (expected < 10.0) continue;
      const double difference = counts[static_cast<std::size_t>(k)] - expected;
      statistic += difference * difference / expected;
      ++cells;
    }
    // χ² has the mean `cells` and the deviation √(2·cells): four of them.
    EXPECT_LT(statistic, cells + 4.0 * std::sqrt(2.0 * cells)) << mean;
  }
}

TEST(RandomLaws, BelowIsUnbiasedWhereARemainderWouldNotBe) {
  // Of n = 3·2^62 the remainder of 64 bits would give the first third twice as often as the others.
  Random random(7, 0, 0);
  const std::uint64_t third = std::uint64_t{1} << 62, n = 3 * third;
  std::array<int, 3> counts{};
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t x = random.below(n);
    ASSERT_LT(x, n);
    ++counts[static_cast<std::size_t>(x / third)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 5 * 82);  // √(30,000·2/9) = 82
}

TEST(RandomLaws, NeighboursInASequenceAndAcrossEntitiesAreUncorrelated) {
  const auto correlation = [](const std::function<std::pair<double, double>(int)>& pair) {
    double sum = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const auto [a, b] = pair(i);
      sum += (a - 0.5) * (b - 0.5) * 12.0;
    }
    return sum / kDraws;  // deviation 1/√20,000 = 0.007
  };
  Random random(8, 0, 0);
  double before = random.uniform();
  EXPECT_NEAR(correlation([&](int) { return std::pair(std::exchange(before, random.uniform()), before); }), 0.0, 0.035);
  EXPECT_NEAR(correlation([](int i) {
                const auto entity = static_cast<std::uint32_t>(i);
                return std::pair(Random(1, entity, 0).uniform(), Random(1, entity + 1, 0).uniform());
              }),
              0.0, 0.035);
  EXPECT_NEAR(correlation([](int i) {
                const auto entity = static_cast<std::uint32_t>(i);
                return std::pair(Random(1, entity, 0).uniform(), Random(1, entity, 1).uniform());
              }),
              0.0, 0.035);
}

TEST(RandomLaws, EveryBitIsSetHalfOfTheTime) {
  Random random(9, 0, 0);
  std::array<int, 64> set{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t x = random.bits();
    for (std::size_t bit = 0; bit < 64; ++bit) set[bit] += static_cast<int>(x >> bit & 1u);
  }
  for (const int count : set) EXPECT_NEAR(count, kDraws / 2, 5 * 71);  // √20,000/2 = 71
}

TEST(RandomLaws, PhiloxChangesHalfOfItsBitsWhenOneOfTheCounterOrTheKeyChanges) {
  double flipped = 0.0;
  int pairs = 0;
  const auto count = [](const std::array<std::uint32_t, 4>& a, const std::array<std::uint32_t, 4>& b) {
    int bits = 0;
    for (std::size_t i = 0; i < 4; ++i) bits += __builtin_popcount(a[i] ^ b[i]);
    return bits;
  };
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    for (std::size_t word = 0; word < 6; ++word) {
      std::array<std::uint32_t, 4> counter{1, 2, 3, 4};
      std::array<std::uint32_t, 2> key{5, 6};
      const auto plain = philox4x32(counter, key);
      (word < 4 ? counter[word] : key[word - 4]) ^= 1u << bit;
      const int bits = count(plain, philox4x32(counter, key));
      EXPECT_GT(bits, 35) << word << ' ' << bit;
      EXPECT_LT(bits, 93) << word << ' ' << bit;
      flipped += bits;
      ++pairs;
    }
  }
  EXPECT_NEAR(flipped / pairs, 64.0, 2.0);
}

TEST(RandomLaws, OneWhatIfDoesNotShiftTheDrawsOfAnother) {
  // Entity 3 draws what it draws however much the others have drawn.
  Random alone(11, 3, 1), other(11, 2, 1), late(11, 3, 1);
  for (int i = 0; i < 777; ++i) (void)other.normal(0.0, 1.0);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(alone.bits(), late.bits());
}

}  // namespace
}  // namespace orrery::sim
