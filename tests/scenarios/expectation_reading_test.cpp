// `expect:` as it is read: tolerances in both forms, and each mistake at its place.
#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/two_jobs.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// small_scenario() has eleven lines; the item stands in line 13, from column 5 on.
std::string with(const std::string& item) { return small_scenario() + "expect:\n  - " + item + "\n"; }

Expectation read_item(const std::string& item) {
  const Scenario scenario = parse_scenario(with(item), "e.yaml");
  EXPECT_EQ(scenario.expectations.size(), 1U);
  return scenario.expectations.at(0);
}

std::string mistake(const std::string& text) {
  try {
    (void)parse_scenario(text, "e.yaml");
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

std::string item_error(const std::string& item) { return mistake(with(item)); }

TEST(ExpectationReading, TakesShareAndAmount) {
  const auto tolerance = [](const std::string& written) {
    const Expectation e = read_item("{metric: memory.peak_bytes, value: 2 GiB, tolerance: " + written + ", source: s}");
    return std::pair(e.tolerance, e.absolute);
  };
  EXPECT_EQ(tolerance("10 %"), std::pair(0.1, false));
  EXPECT_EQ(tolerance("± 10 %"), std::pair(0.1, false));
  EXPECT_EQ(tolerance("\"+- 2.5%\""), std::pair(0.025, false));
  EXPECT_EQ(tolerance("512 MiB"), std::pair(536870912.0, true));
  EXPECT_EQ(tolerance("± 0.5 GiB"), std::pair(536870912.0, true));
  EXPECT_EQ(tolerance("0 %"), std::pair(0.0, false));
}

TEST(ExpectationReading, AShareOfAShareIsOfTheValue) {
  // 40 % give or take a tenth of it is 36 % to 44 %; give or take 0.1 is 30 % to 50 %.
  const Expectation share = read_item("{metric: training.mfu, value: 40 %, tolerance: 10 %, source: s}");
  const Expectation amount = read_item("{metric: training.mfu, value: 0.4, tolerance: 0.1, source: s}");
  const auto outcome = [](const Expectation& e, double predicted) {
    return judge(e, {{"training.mfu", Unit::ratio, predicted}}).outcome;
  };
  EXPECT_EQ(outcome(share, 0.439), scenarios::Outcome::pass);
  EXPECT_EQ(outcome(share, 0.441), scenarios::Outcome::miss);
  EXPECT_EQ(outcome(amount, 0.499), scenarios::Outcome::pass);
  EXPECT_EQ(outcome(amount, 0.299), scenarios::Outcome::miss);
}

TEST(ExpectationReading, FlagsNeedNoTolerance) {
  const Expectation fits = read_item("{metric: memory.fits, value: false, source: s, known_miss: \"a reason\"}");
  EXPECT_EQ(fits.unit, Unit::flag);
  EXPECT_EQ(fits.value, 0.0);
  EXPECT_EQ(fits.known_miss, "a reason");
  EXPECT_EQ(judge(fits, {{"memory.fits", Unit::flag, 0.0}}).outcome, scenarios::Outcome::pass);
  EXPECT_TRUE(judge(fits, {{"memory.fits", Unit::flag, 0.0}}).known_miss_holds);
  EXPECT_EQ(judge(fits, {{"memory.fits", Unit::flag, 1.0}}).outcome, scenarios::Outcome::known_miss);
}

TEST(ExpectationReading, NamesStagesAndUnits) {
  const Expectation stage =
      read_item("{metric: memory.stages.3.peak_bytes, value: 10 GB, tolerance: 1 %, source: \"a, b\"}");
  EXPECT_EQ(stage.unit, Unit::bytes);
  EXPECT_DOUBLE_EQ(stage.value, 1e10);
  EXPECT_EQ(stage.source, "a, b");
  EXPECT_DOUBLE_EQ(read_item("{metric: training.step_time_s, value: 2 min, tolerance: 1 s, source: s}").value, 120.0);
  EXPECT_DOUBLE_EQ(read_item("{metric: cost.gpu_hours, value: 3 h, tolerance: 1 %, source: s}").value, 3.0);
  EXPECT_DOUBLE_EQ(read_item("{metric: cost.usd, value: 12 USD, tolerance: 1 USD, source: s}").tolerance, 1.0);
  EXPECT_DOUBLE_EQ(read_item("{metric: training.tokens_per_s, value: 1e6 tokens/s, tolerance: 1 %, source: s}").value,
                   1e6);
}

TEST(ExpectationErrors, OfTheMetric) {
  EXPECT_THAT(item_error("{metric: training.mfuu, value: 1, tolerance: 1 %, source: s}"),
              AllOf(HasSubstr("e.yaml:13:14:"), HasSubstr("unknown metric 'training.mfuu'"),
                    HasSubstr("did you mean training.mfu"), HasSubstr("orrery list metrics")));
  EXPECT_THAT(item_error("{metric: zzz, value: 1, tolerance: 1 %, source: s}"), HasSubstr("unknown metric 'zzz'"));
  EXPECT_THAT(item_error("{value: 1, tolerance: 1 %, source: s}"),
              AllOf(HasSubstr("e.yaml:13:"), HasSubstr("'metric'")));
}

TEST(ExpectationErrors, OfTheValue) {
  EXPECT_THAT(item_error("{metric: training.mfu, value: high, tolerance: 1 %, source: s}"),
              AllOf(HasSubstr("e.yaml:13:35:"), HasSubstr("'high' is not a ratio; write 0.514 or 51.4 %")));
  EXPECT_THAT(item_error("{metric: training.step_time_s, value: 3, tolerance: 1 %, source: s}"),
              AllOf(HasSubstr("e.yaml:13:43:"), HasSubstr("has no unit")));
  EXPECT_THAT(item_error("{metric: training.step_time_s, value: 3 GB, tolerance: 1 %, source: s}"),
              HasSubstr("is not a unit of"));
  EXPECT_THAT(item_error("{metric: memory.fits, value: perhaps, source: s}"),
              AllOf(HasSubstr("e.yaml:13:34:"), HasSubstr("'perhaps' is neither true nor false")));
  EXPECT_THAT(item_error("{metric: training.tokens_per_s, value: 3 tokens/h, tolerance: 1 %, source: s}"),
              HasSubstr("is not a number in tokens/s"));
  EXPECT_THAT(item_error("{metric: serving.requests, value: 3 %, tolerance: 1 %, source: s}"),
              HasSubstr("'3 %' is not a number"));
  EXPECT_THAT(item_error("{metric: training.mfu, tolerance: 1 %, source: s}"), HasSubstr("'value'"));
}

TEST(ExpectationErrors, OfTheTolerance) {
  for (const std::string wrong : {"ten", "-5 %", "10", "nan %"}) {
    EXPECT_THAT(item_error("{metric: training.step_time_s, value: 3 s, tolerance: " + wrong + ", source: s}"),
                AllOf(HasSubstr("e.yaml:13:59:"), HasSubstr("is not a tolerance"), HasSubstr("an amount in s")))
        << wrong;
  }
  EXPECT_THAT(item_error("{metric: training.step_time_s, value: 3 s, source: s}"), HasSubstr("'tolerance'"));
  EXPECT_THAT(item_error("{metric: training.mfu, value: 0.3, tolerance: 5 GiB, source: s}"),
              HasSubstr("write a share of the value (10 %) or an amount in ratio"));
}

TEST(ExpectationErrors, OfTheRest) {
  EXPECT_THAT(item_error("{metric: training.mfu, value: 0.3, tolerance: 1 %}"), HasSubstr("'source'"));
  EXPECT_THAT(item_error("{metric: training.mfu, value: 0.3, tolerance: 1 %, source: s, knownmiss: x}"),
              AllOf(HasSubstr("e.yaml:13:"), HasSubstr("knownmiss"), HasSubstr("known_miss")));
  EXPECT_THAT(
      mistake(small_scenario() + "expect: {metric: training.mfu}\n"),
      AllOf(HasSubstr("e.yaml:12:9:"), HasSubstr("expect must be a list of {metric, value, tolerance, source}")));
  EXPECT_THAT(item_error("training.mfu"), HasSubstr("e.yaml:13:5:"));
}

TEST(ExpectationErrors, AllOfOneItemComeTogether) {
  EXPECT_THAT(item_error("{metric: training.mfu, value: high, tolerance: low}"),
              AllOf(HasSubstr("'high' is not a ratio"), HasSubstr("'low' is not a tolerance"), HasSubstr("'source'")));
}

TEST(ExpectationErrors, OfJobsSayWhichThereAre) {
  const auto of = [](const std::string& metric) {
    return error_of(std::string(kHead) + kJobs + "expect:\n  - {metric: " + metric +
                    ", value: 1 s, tolerance: 1 %, source: s}\n");
  };
  EXPECT_THAT(of("training.step_time_s"), HasSubstr("'training.step_time_s' is of no job; write jobs.<name>.training."
                                                    "step_time_s with one of learn, chat"));
  EXPECT_THAT(of("jobs.sing.training.step_time_s"), HasSubstr("there is no job 'sing'; the jobs are learn, chat"));
  EXPECT_EQ(of("jobs.learn.training.step_time_s"), "");
  EXPECT_THAT(item_error("{metric: jobs.learn.training.step_time_s, value: 1 s, tolerance: 1 %, source: s}"),
              HasSubstr("the scenario has no jobs:, so no metric is of one"));
}

TEST(Outcomes, HaveTheNamesOfTheContract) {
  EXPECT_EQ(name(scenarios::Outcome::pass), "pass");
  EXPECT_EQ(name(scenarios::Outcome::miss), "miss");
  EXPECT_EQ(name(scenarios::Outcome::known_miss), "known_miss");
  EXPECT_EQ(name(scenarios::Outcome::skipped), "skipped");
}

TEST(Judge, NegativeValuesHaveTolerancesToo) {
  // A margin of -10 B give or take a tenth: -11 to -9.
  Expectation margin{"memory.margin_bytes", Unit::bytes, -10.0, 0.1, false, "s", ""};
  const auto outcome = [&](double predicted) {
    return judge(margin, {{margin.metric, margin.unit, predicted}}).outcome;
  };
  EXPECT_EQ(outcome(-11.0), scenarios::Outcome::pass);
  EXPECT_EQ(outcome(-9.0), scenarios::Outcome::pass);
  EXPECT_EQ(outcome(-11.1), scenarios::Outcome::miss);
  EXPECT_EQ(outcome(10.0), scenarios::Outcome::miss);
}

}  // namespace
}  // namespace orrery::scenarios::testing
