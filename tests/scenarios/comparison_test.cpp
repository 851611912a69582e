#include "scenarios/comparison.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"
#include "tests/scenarios/two_jobs.hpp"

namespace orrery::scenarios::testing {
namespace {

Report run_text(const std::string& text) { return run_scenario(parse_scenario(text, "test.yaml")); }

const MetricChange* find(const std::vector<MetricChange>& changes, const std::string& name) {
  for (const MetricChange& change : changes) {
    if (change.name == name) return &change;
  }
  return nullptr;
}

TEST(Direction, EveryMetricHasAnEntryOfItsOwn) {
  for (const std::string& name : metric_names()) EXPECT_TRUE(find_direction(name).has_value()) << name;
  EXPECT_FALSE(find_direction("training.no_such_metric").has_value());
  EXPECT_FALSE(find_direction("training.step_time_s.mean").value_or(Direction::neutral) == Direction::more_is_better);
  EXPECT_FALSE(find_direction("memory.stages.x.peak_bytes").has_value());
  EXPECT_FALSE(find_direction("serving.ttft_s.p42").has_value());
}

TEST(Direction, SaysWhatIsGoodNews) {
  EXPECT_EQ(direction("training.step_time_s"), Direction::less_is_better);
  EXPECT_EQ(direction("training.tokens_per_s"), Direction::more_is_better);
  EXPECT_EQ(direction("serving.ttft_s.p99"), Direction::less_is_better);
  EXPECT_EQ(direction("serving.prefix_hit_rate"), Direction::more_is_better);
  EXPECT_EQ(direction("memory.capacity_bytes"), Direction::neutral);
  EXPECT_EQ(direction("memory.stages.12.peak_bytes"), Direction::less_is_better);
  EXPECT_EQ(direction("nonsense"), Direction::neutral);
}

TEST(MetricChange, ComputesDifferenceRatioAndVerdict) {
  const MetricChange faster{"training.step_time_s", Unit::seconds, 4.0, 3.0};
  EXPECT_DOUBLE_EQ(*faster.difference(), -1.0);
  EXPECT_DOUBLE_EQ(*faster.ratio(), 0.75);
  EXPECT_EQ(faster.verdict(), 1);
  EXPECT_EQ((MetricChange{"training.step_time_s", Unit::seconds, 3.0, 4.0}.verdict()), -1);
  EXPECT_EQ((MetricChange{"training.mfu", Unit::ratio, 0.4, 0.3}.verdict()), -1);
  EXPECT_EQ((MetricChange{"training.mfu", Unit::ratio, 0.4, 0.4}.verdict()), 0);
  EXPECT_EQ((MetricChange{"memory.capacity_bytes", Unit::bytes, 1.0, 2.0}.verdict()), 0);
}

TEST(MetricChange, IsNotComparableWithOneSideOrAgainstZero) {
  const MetricChange gone{"training.mfu", Unit::ratio, 0.4, std::nullopt};
  EXPECT_FALSE(gone.difference().has_value());
  EXPECT_FALSE(gone.ratio().has_value());
  EXPECT_EQ(gone.verdict(), 0);
  const MetricChange from_zero{"serving.preemptions", Unit::count, 0.0, 3.0};
  EXPECT_FALSE(from_zero.ratio().has_value());
  EXPECT_EQ(from_zero.verdict(), -1);
}

TEST(CompareReports, OfAReportWithItselfChangesNothing) {
  const Report report = run_text(small_scenario());
  const std::vector<MetricChange> changes = compare_reports(report, report);
  ASSERT_EQ(changes.size(), report.metrics.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    EXPECT_EQ(changes[i].name, report.metrics[i].name);
    EXPECT_EQ(changes[i].difference(), 0.0) << changes[i].name;
    EXPECT_EQ(changes[i].verdict(), 0) << changes[i].name;
  }
}

TEST(CompareReports, PutsStagesThatOneSideLacksAtTheEnd) {
  const std::string text = replaced(small_scenario(), "data_parallel: 4", "data_parallel: 2");
  const Report flat = run_text(text);
  const Report deep = run_text(text + "  pipeline_parallel: 2\n");
  const std::vector<MetricChange> changes = compare_reports(flat, deep);
  const MetricChange* second = find(changes, "memory.stages.1.peak_bytes");
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(second->a.has_value());
  EXPECT_TRUE(second->b.has_value());
  EXPECT_EQ(changes.back().name, "memory.stages.1.model_state_bytes");
  EXPECT_TRUE(find(compare_reports(deep, flat), "memory.stages.1.peak_bytes")->a.has_value());
}

// Whichever way round: differences change their sign, ratios are inverse, and good news is bad news.
TEST(CompareReports, TheOtherWayRoundIsTheOpposite) {
  const Report a = run_text(small_scenario());
  const Report b = run_text(replaced(small_scenario(), "tensor_parallel: 2\n  data_parallel: 4", "data_parallel: 8"));
  const std::vector<MetricChange> there = compare_reports(a, b), back = compare_reports(b, a);
  ASSERT_EQ(there.size(), back.size());
  bool changed = false;
  for (const MetricChange& change : there) {
    const MetricChange* opposite = find(back, change.name);
    ASSERT_NE(opposite, nullptr) << change.name;
    EXPECT_EQ(*change.difference(), -*opposite->difference()) << change.name;
    EXPECT_EQ(change.verdict(), -opposite->verdict()) << change.name;
    changed = changed || change.verdict() != 0;
    if (change.ratio() && opposite->ratio()) {
      EXPECT_NEAR(*change.ratio() * *opposite->ratio(), 1.0, 1e-12) << change.name;
    }
  }
  EXPECT_TRUE(changed);
}

TEST(CompareReports, OfJobsGoByTheirNames) {
  const std::string text = std::string(kHead) + kJobs;
  const Report report = run_text(text), renamed = run_text(replaced(text, "name: chat", "name: talk"));
  const std::vector<MetricChange> changes = compare_reports(report, renamed);
  const MetricChange* learn = find(changes, "jobs.learn.training.mfu");
  ASSERT_NE(learn, nullptr);
  EXPECT_EQ(learn->difference(), 0.0);
  EXPECT_EQ(learn->unit, Unit::ratio);
  EXPECT_FALSE(find(changes, "jobs.chat.serving.goodput")->b.has_value());
  EXPECT_FALSE(find(changes, "jobs.talk.serving.goodput")->a.has_value());
  // Each once, whichever side has it.
  for (const MetricChange& change : changes) {
    const auto same = [&](const MetricChange& other) { return other.name == change.name; };
    EXPECT_EQ(std::count_if(changes.begin(), changes.end(), same), 1) << change.name;
  }
}

TEST(CompareValues, TakeNamedOnesOnceAndOnlyWhereASideHasThem) {
  const MetricLookup one = [](const std::string& name) -> std::optional<double> {
    if (name == "training.mfu" || name == "jobs.a.training.mfu") return 0.5;
    return std::nullopt;
  };
  const MetricLookup none = [](const std::string&) -> std::optional<double> { return std::nullopt; };
  const std::vector<MetricChange> changes =
      compare_values(one, none, {"jobs.a.training.mfu", "jobs.a.training.mfu", "jobs.b.training.mfu", "training.mfu"});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].name, "training.mfu");
  EXPECT_EQ(changes[1].name, "jobs.a.training.mfu");
  EXPECT_EQ(changes[1].a, 0.5);
  EXPECT_EQ(changes[1].b, std::nullopt);
}

TEST(CompareReports, OfTrainingAndServingHasTheMetricsOfBoth) {
  const std::vector<MetricChange> changes = compare_reports(run_text(small_scenario()), run_text(small_serving()));
  EXPECT_FALSE(find(changes, "training.mfu")->b.has_value());
  EXPECT_FALSE(find(changes, "serving.goodput")->a.has_value());
  EXPECT_TRUE(find(changes, "cost.usd")->ratio().has_value());
}

}  // namespace
}  // namespace orrery::scenarios::testing
