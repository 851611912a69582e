// Names of metrics: of jobs, of parts, of neither.
#include "scenarios/metrics.hpp"

#include <set>

#include <gmock/gmock.h>

#include "scenarios/kinds.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::Contains;

TEST(NamesOfJobs, StandBetweenTheDots) {
  EXPECT_EQ(job_of("jobs.chat.serving.ttft_s.p99"), "chat");
  EXPECT_EQ(own_name("jobs.chat.serving.ttft_s.p99"), "serving.ttft_s.p99");
  EXPECT_EQ(job_of("serving.ttft_s.p99"), "");
  EXPECT_EQ(own_name("serving.ttft_s.p99"), "serving.ttft_s.p99");
}

TEST(NamesOfJobs, ThatAreCutShortAreNone) {
  for (const char* name : {"jobs.", "jobs.chat", "job.chat.x", "jobs", ""}) {
    EXPECT_EQ(job_of(name), "") << name;
    EXPECT_EQ(own_name(name), name) << name;
  }
  EXPECT_FALSE(metric_unit("jobs.chat"));
  EXPECT_FALSE(metric_unit("jobs..training.mfu")) << "a job has a name";
}

TEST(MetricRows, OfJobsHaveTheFullNameAndTheRowsUnit) {
  const std::optional<MetricRow> row = find_metric_row("jobs.a.training.step_time_s");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->name, "jobs.a.training.step_time_s");
  EXPECT_EQ(row->unit, Unit::seconds);
  EXPECT_EQ(row->direction, Direction::less_is_better);
  const std::optional<MetricRow> stage = find_metric_row("jobs.a.memory.stages.12.peak_bytes");
  ASSERT_TRUE(stage);
  EXPECT_EQ(stage->unit, Unit::bytes);
  EXPECT_TRUE(is_part_metric("jobs.a.memory.stages.12.peak_bytes"));
  EXPECT_FALSE(is_part_metric("jobs.a.memory.peak_bytes"));
}

TEST(MetricRows, OfPartsCountThem) {
  for (const PartMetricRow& row : part_metric_rows()) {
    EXPECT_EQ(row.of(7), std::string(row.prefix) + "7." + std::string(row.name));
    EXPECT_TRUE(is_part_metric(row.of(0))) << row.name;
    EXPECT_TRUE(is_part_metric(row.of(123456))) << row.name;
  }
  for (const char* name : {"memory.stages.1", "memory.stages.-1.peak_bytes", "memory.stages.1.2.peak_bytes",
                           "memory.stages.1.peak_bytes.x", "memory.stages. 1.peak_bytes"}) {
    EXPECT_FALSE(is_part_metric(name)) << name;
    EXPECT_FALSE(metric_unit(name)) << name;
  }
}

TEST(MetricRows, SharedOnesAreOneRowOfAllKinds) {
  std::multiset<std::string> names;
  for (const MetricRow& row : metric_rows()) names.insert(row.name);
  for (const MetricRow& shared : shared_metric_rows()) {
    EXPECT_EQ(names.count(shared.name), 1U) << shared.name;
    EXPECT_EQ(shared_metric(shared.name).unit, shared.unit);
    for (const KindRow* kind : kinds()) {
      for (const MetricRow& own : kind->metrics()) {
        if (own.name != shared.name) continue;
        EXPECT_EQ(own.unit, shared.unit) << own.name;
        EXPECT_EQ(own.equation, shared.equation) << own.name;
      }
    }
  }
  EXPECT_THROW((void)shared_metric("training.mfu"), std::logic_error);
}

TEST(CostRows, TellAnswersFromOtherTokensWhereTheKindDoes) {
  const auto names = [](bool with_output) {
    std::vector<std::string> all;
    for (const MetricRow& row : cost_metric_rows(with_output)) all.push_back(row.name);
    return all;
  };
  EXPECT_EQ(names(true).size(), names(false).size() + 1);
  EXPECT_THAT(names(true), Contains("cost.usd_per_million_output_tokens"));
  EXPECT_THAT(names(false), ::testing::Not(Contains("cost.usd_per_million_output_tokens")));
}

TEST(Cost, WithoutTokensHasNoPricePerToken) {
  std::vector<MetricValue> values;
  append_cost(values, {0.0, Seconds{3600.0}, 4, DollarsPerHour{2.5}, 0.0}, true);
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0].name, "cost.gpu_hours");
  EXPECT_DOUBLE_EQ(values[0].value, 4.0);
  EXPECT_DOUBLE_EQ(values[1].value, 10.0);
  values.clear();
  // 10 USD for a million tokens, of which a quarter are answers.
  append_cost(values, {1e6, Seconds{3600.0}, 4, DollarsPerHour{2.5}, 250e3}, true);
  ASSERT_EQ(values.size(), 4U);
  EXPECT_DOUBLE_EQ(values[2].value, 10.0);
  EXPECT_DOUBLE_EQ(values[3].value, 40.0);
}

TEST(Units, HaveNames) {
  std::set<std::string_view> names;
  for (int unit = 0; unit <= static_cast<int>(Unit::number); ++unit) {
    EXPECT_FALSE(name(static_cast<Unit>(unit)).empty()) << unit;
    names.insert(name(static_cast<Unit>(unit)));
  }
  EXPECT_EQ(names.size(), 11U) << "counts and their means are both numbers";
}

}  // namespace
}  // namespace orrery::scenarios
