#include "scenarios/expectation.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "scenarios/training/metrics.hpp"

namespace orrery::scenarios {
namespace {

double parsed(std::string_view text, Unit unit) {
  std::string error;
  const std::optional<double> value = parse_metric_value(text, unit, error);
  EXPECT_TRUE(value.has_value()) << text << ": " << error;
  return value.value_or(-1.0);
}

TEST(MetricValue, ReadsUnits) {
  EXPECT_DOUBLE_EQ(parsed("13.75 s", Unit::seconds), 13.75);
  EXPECT_DOUBLE_EQ(parsed("300 ms", Unit::seconds), 0.3);
  // 2 GiB = 2 * 2^30
  EXPECT_DOUBLE_EQ(parsed("2 GiB", Unit::bytes), 2147483648.0);
  EXPECT_DOUBLE_EQ(parsed("51.4 %", Unit::ratio), 0.514);
  EXPECT_DOUBLE_EQ(parsed("0.514", Unit::ratio), 0.514);
  EXPECT_DOUBLE_EQ(parsed("150 TFLOP/s", Unit::tflops), 150.0);
  EXPECT_DOUBLE_EQ(parsed("true", Unit::flag), 1.0);
  EXPECT_DOUBLE_EQ(parsed("12.5 requests/s", Unit::requests_per_second), 12.5);
  EXPECT_DOUBLE_EQ(parsed("2588", Unit::count), 2588.0);
  EXPECT_DOUBLE_EQ(parsed("12.5", Unit::number), 12.5);
}

TEST(MetricValue, RefusesWhatIsNoNumber) {
  std::string error;
  EXPECT_FALSE(parse_metric_value("13.75", Unit::seconds, error));
  EXPECT_FALSE(parse_metric_value("nan", Unit::ratio, error));
  EXPECT_FALSE(parse_metric_value("1e999", Unit::ratio, error));
  EXPECT_FALSE(parse_metric_value("", Unit::ratio, error));
  EXPECT_FALSE(parse_metric_value("maybe", Unit::flag, error));
  EXPECT_FALSE(parse_metric_value("12 %", Unit::count, error));
  EXPECT_FALSE(error.empty());
}

Expectation step_time(double value, double tolerance, bool absolute, std::string known_miss = "") {
  return {"training.step_time_s", Unit::seconds, value, tolerance, absolute, "a source", std::move(known_miss)};
}

std::vector<MetricValue> predicted(double value) { return {{"training.step_time_s", Unit::seconds, value}}; }

TEST(Judge, RelativeToleranceIncludesItsBound) {
  // 10 s ± 10 %: 11 s holds, 11.01 s does not.
  EXPECT_EQ(judge(step_time(10.0, 0.1, false), predicted(11.0)).outcome, Outcome::pass);
  EXPECT_EQ(judge(step_time(10.0, 0.1, false), predicted(11.01)).outcome, Outcome::miss);
  EXPECT_EQ(judge(step_time(10.0, 0.1, false), predicted(8.99)).outcome, Outcome::miss);
}

TEST(Judge, AbsoluteToleranceIsInTheMetricsUnit) {
  EXPECT_EQ(judge(step_time(10.0, 0.5, true), predicted(10.5)).outcome, Outcome::pass);
  EXPECT_EQ(judge(step_time(10.0, 0.5, true), predicted(10.6)).outcome, Outcome::miss);
}

TEST(Judge, KnownMissStaysVisibleAndIsNoticedWhenItHolds) {
  const ExpectationOutcome missing = judge(step_time(10.0, 0.1, false, "later"), predicted(20.0));
  EXPECT_EQ(missing.outcome, Outcome::known_miss);
  EXPECT_FALSE(missing.known_miss_holds);
  const ExpectationOutcome holding = judge(step_time(10.0, 0.1, false, "later"), predicted(10.0));
  EXPECT_EQ(holding.outcome, Outcome::pass);
  EXPECT_TRUE(holding.known_miss_holds);
}

TEST(Judge, AbsentMetricIsSkipped) { EXPECT_EQ(judge(step_time(10.0, 0.1, false), {}).outcome, Outcome::skipped); }

TEST(Metrics, NamesHaveUnitsAndAreUnique) {
  std::vector<std::string> names = metric_names();
  for (const std::string& name : names) EXPECT_TRUE(metric_unit(name).has_value()) << name;
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

TEST(Metrics, EveryRowSaysWhatItIs) {
  for (const MetricRow& row : metric_rows()) EXPECT_FALSE(row.equation.empty()) << row.name;
  for (const PartMetricRow& row : part_metric_rows()) EXPECT_FALSE(row.equation.empty()) << row.name;
}

TEST(Metrics, AnyStageHasAName) {
  EXPECT_EQ(metric_unit("memory.stages.63.activations_bytes"), Unit::bytes);
  EXPECT_FALSE(metric_unit("memory.stages.x.activations_bytes"));
  EXPECT_FALSE(metric_unit("memory.stages..activations_bytes"));
  EXPECT_FALSE(metric_unit("memory.stages.0.activation_bytes"));
}

TEST(Metrics, CostFollowsFromTimePriceAndTokens) {
  models::TrainingResult result;
  result.memory.emplace_back();
  // 8 GPUs for 450 s at 2 USD/h: 8 * 450 / 3600 = 1 GPU hour = 2 USD; for 4e6 tokens 0.5 USD a million.
  const CostBasis cost{4e6, Seconds{450.0}, 8, DollarsPerHour{2.0}};
  const std::vector<MetricValue> values = evaluate_metrics(result, cost);
  const auto value_of = [&](std::string_view name) {
    const auto found = std::find_if(values.begin(), values.end(), [&](const MetricValue& v) { return v.name == name; });
    return found == values.end() ? -1.0 : found->value;
  };
  EXPECT_DOUBLE_EQ(value_of("cost.gpu_hours"), 1.0);
  EXPECT_DOUBLE_EQ(value_of("cost.usd"), 2.0);
  EXPECT_DOUBLE_EQ(value_of("cost.usd_per_million_tokens"), 0.5);
}

}  // namespace
}  // namespace orrery::scenarios
