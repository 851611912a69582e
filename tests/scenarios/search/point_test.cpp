// Points of a search: one that is only asked whether it holds says the same as one that runs to its end.

#include "scenarios/search/point.hpp"

#include <gtest/gtest.h>

#include "scenarios/kinds.hpp"
#include "scenarios/search/goal.hpp"

namespace orrery::scenarios {
namespace {

TEST(PointRunner, EndsARunThatHasMissedItsSloAndNoOther) {
  const std::string text =
      "scenario: \"s\"\nmodel: llama-3-8b\ncluster: {node: l40s_box}\nserving:\n  max_model_len: 2048\n"
      "  warmup_requests: 20\n"
      "  load: {arrivals: poisson, rate: 1, requests: 300, input: {distribution: lognormal, mean: 500, cv: 1, most: "
      "1500},"
      " output: 60}\n  slo: {ttft: 1 s, tpot: 60 ms, attainment: 0.9}\n";
  const PointRunner runner(text, "s.yaml", {}, {serving_kind().metrics()});
  int ended = 0, held = 0;
  for (const char* rate : {"0.5", "2", "4", "6", "7", "8", "9", "12", "40", "1000"}) {
    const std::vector<Override> set = {{"serving.load.rate", rate, "test"}};
    const SearchPoint whole = runner.run(set), asked = runner.run(set, true);
    EXPECT_EQ(holds(runner.kept(), whole, {}), holds(runner.kept(), asked, {})) << rate;
    ASSERT_TRUE(whole.ran()) << whole.reason;
    EXPECT_FALSE(whole.given_up);
    const auto requests = [&](const SearchPoint& point) {
      return *kept_value(runner.kept(), point, "serving.requests");
    };
    if (asked.given_up) {
      ++ended;
      EXPECT_FALSE(asked.is_well()) << rate;
      EXPECT_LT(requests(asked), requests(whole)) << rate;
    } else {
      ++held;
      EXPECT_EQ(whole.values.size(), asked.values.size());
      for (const MetricRow& row : runner.kept().rows) {
        EXPECT_EQ(kept_value(runner.kept(), whole, row.name), kept_value(runner.kept(), asked, row.name)) << row.name;
      }
    }
  }
  EXPECT_GE(ended, 2);
  EXPECT_GE(held, 2);
}

TEST(PointRunner, EndsARunAtItsLateFirstTokensBeforeAnAnswerEnds) {
  // Answers of 400 tokens at 7 ms at the least take 3 s; the tenth first token is late far before.
  const std::string text =
      "scenario: \"s\"\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_model_len: 2048\n"
      "  load: {arrivals: poisson, rate: 200, requests: 1000, input: 1500, output: 400}\n"
      "  slo: {ttft: 300 ms, attainment: 0.99}\n";
  const PointRunner runner(text, "s.yaml", {}, {serving_kind().metrics()});
  const SearchPoint asked = runner.run({}, true);
  ASSERT_TRUE(asked.given_up);
  EXPECT_FALSE(asked.is_well());
  ASSERT_EQ(asked.findings.size(), 1U);
  EXPECT_EQ(asked.findings.front().kind, "slo_missed");
  EXPECT_EQ(kept_value(runner.kept(), asked, "serving.requests"), 0.0);
  EXPECT_LT(kept_value(runner.kept(), asked, "serving.duration_s").value_or(99.0), 2.8) << "how long it kept them";
  EXPECT_FALSE(runner.run({}).is_well());
}

}  // namespace
}  // namespace orrery::scenarios
