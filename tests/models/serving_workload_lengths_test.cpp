// Length distributions: moments against their formulas, limits, and tables of lengths.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "models/serving/workload/workload.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::models {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

std::vector<std::int64_t> draw(const LengthConfig& config, int count, std::uint64_t seed = 1) {
  const auto source = find_length_distribution(config.distribution)->make(config);
  sim::Random random(seed, 0, 0);
  std::vector<std::int64_t> values;
  for (int i = 0; i < count; ++i) values.push_back(source->draw(random));
  return values;
}

double mean_of(const std::vector<std::int64_t>& values) {
  double sum = 0.0;
  for (const std::int64_t x : values) sum += static_cast<double>(x);
  return sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<std::int64_t>& values) {
  const double mean = mean_of(values);
  double sum = 0.0;
  for (const std::int64_t x : values) sum += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST(FixedLengths, AreTheMean) {
  LengthConfig config;
  config.mean = 1150.0;
  EXPECT_THAT(draw(config, 3), Each(1150));
}

TEST(LognormalLengths, HaveTheMeanAndCvAsked) {
  // mean 1150, cv 0.8: σ² = ln(1.64) = 0.4947, σ = 0.7033, μ = ln 1150 − 0.2473 = 6.8002; median e^μ = 898.0.
  // n = 200,000. Standard error of the mean: 920/√n = 2.06. Of the deviation: with w = 1.64 the kurtosis is
  // w⁴ + 2w³ + 3w² − 3 = 7.23 + 8.82 + 8.07 − 3 = 21.1, so 920·√(20.1/(4n)) = 4.6. Of the median:
  // √(π/2)·σ·e^μ/√n = 1.77; rounding to whole tokens adds less than 0.5. Four standard errors are allowed.
  const std::vector<std::int64_t> values = draw({"lognormal", 1150.0, 0.8}, 200'000);
  EXPECT_NEAR(mean_of(values), 1150.0, 4 * 2.06);
  EXPECT_NEAR(deviation_of(values), 920.0, 4 * 4.6);
  std::vector<std::int64_t> sorted = values;
  std::nth_element(sorted.begin(), sorted.begin() + 100'000, sorted.end());
  EXPECT_NEAR(static_cast<double>(sorted[100'000]), 898.0, 4 * 1.77 + 0.5);
}

TEST(LognormalLengths, AreCutToTheirLimits) {
  LengthConfig config{"lognormal", 100.0, 2.0};
  config.least = 40;
  config.most = 200;
  const std::vector<std::int64_t> values = draw(config, 10'000);
  EXPECT_EQ(*std::min_element(values.begin(), values.end()), 40);
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), 200);
}

TEST(LognormalLengths, StayAboveZeroAndBelowTheLargestPossible) {
  const std::vector<std::int64_t> values = draw({"lognormal", 1e9, 1000.0}, 10'000);
  EXPECT_GE(*std::min_element(values.begin(), values.end()), 1);
  EXPECT_EQ(*std::max_element(values.begin(), values.end()), kMostTokens);
}

TEST(UniformLengths, CoverBothEndsEvenly) {
  // {5, …, 14}, n = 100,000: 10,000 each, standard deviation √(n·0.1·0.9) = 95; four of them are allowed.
  LengthConfig config{"uniform"};
  config.least = 5;
  config.most = 14;
  std::vector<int> counts(20);
  for (const std::int64_t x : draw(config, 100'000)) ++counts[static_cast<std::size_t>(x)];
  for (std::size_t x = 0; x < counts.size(); ++x) {
    if (x < 5 || x > 14) {
      EXPECT_EQ(counts[x], 0) << x;
    } else {
      EXPECT_NEAR(counts[x], 10'000, 4 * 95) << x;
    }
  }
}

TEST(EmpiricalLengths, AreDrawnFromTheValuesWithEqualChance) {
  // 7 stands twice among four: chance 1/2, n = 10,000, standard deviation 50.
  LengthConfig config{"empirical"};
  config.values = {7, 7, 100, 900};
  config.most = 500;
  std::vector<std::int64_t> values = draw(config, 10'000);
  EXPECT_NEAR(static_cast<double>(std::count(values.begin(), values.end(), 7)), 5000.0, 4 * 50);
  EXPECT_NEAR(static_cast<double>(std::count(values.begin(), values.end(), 500)), 2500.0, 4 * 44);  // 900, cut
  EXPECT_EQ(std::count(values.begin(), values.end(), 900), 0);
}

TEST(EmpiricalLengths, ComeFromAColumnOfATable) {
  const tests::TemporaryFolder folder;
  LengthConfig config{"empirical"};
  config.file = folder.file("lengths.csv", "input_tokens,output_tokens\r\n3772,54\r\n2015,54\r\n\r\n").string();
  config.column = "output_tokens";
  EXPECT_THAT(draw(config, 10), Each(54));
  config.column = "input_tokens";
  EXPECT_THAT(draw(config, 100), ::testing::Contains(3772));
}

TEST(EmpiricalLengths, NameTheLineThatIsWrong) {
  const tests::TemporaryFolder folder;
  const auto error_of = [&](const std::string& text) -> std::string {
    LengthConfig config{"empirical"};
    config.file = folder.file("lengths.csv", text).string();
    config.column = "input_tokens";
    try {
      (void)draw(config, 1);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of("input_tokens\n12\n0\n"),
              HasSubstr("lengths.csv:3:1: input_tokens: \"0\" is not a whole number"));
  EXPECT_THAT(error_of("tokens\n12\n"), HasSubstr(":1:1: the header lacks the column input_tokens"));
  EXPECT_THAT(error_of("a,input_tokens\n1,12\n1\n"), HasSubstr(":3:1: the line has 1 cells, the header 2"));
  EXPECT_THAT(error_of("input_tokens\n"), HasSubstr("no rows"));
  EXPECT_THAT(error_of(""), HasSubstr("the table is empty"));
}

TEST(LengthTable, NamesWhatTheContractNames) {
  std::vector<std::string> names;
  for (const LengthRow& row : length_distributions()) names.emplace_back(row.name);
  EXPECT_THAT(names, ::testing::ElementsAre("fixed", "lognormal", "uniform", "empirical"));
}

}  // namespace
}  // namespace orrery::models
