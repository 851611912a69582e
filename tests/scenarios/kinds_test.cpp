// The table of kinds of job: what every row must have for the rest of the tree to ask nothing else.
#include "scenarios/kinds.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation.hpp"
#include "scenarios/memory_stack.hpp"
#include "scenarios/report.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;

class Kinds : public ::testing::TestWithParam<const KindRow*> {
 protected:
  /// The kind's own template, run.
  [[nodiscard]] static Report run_template(const Keep& keep = {true, true}) {
    return run_scenario(parse_scenario(std::string(GetParam()->scenario_template()), "new.yaml"), keep);
  }
};

INSTANTIATE_TEST_SUITE_P(Rows, Kinds, ::testing::ValuesIn(kinds()),
                         [](const auto& row) { return std::string(row.param->name); });

TEST_P(Kinds, SayWhatTheyAreAndAreFoundByName) {
  const KindRow& kind = *GetParam();
  EXPECT_EQ(find_kind(kind.name), &kind);
  EXPECT_FALSE(kind.title.empty());
  EXPECT_FALSE(kind.equation.empty());
  EXPECT_FALSE(kind.source.empty());
  EXPECT_THAT(kind_names(), HasSubstr(std::string(kind.name)));
}

TEST_P(Kinds, NameTheirMetricsAfterTheirSection) {
  std::set<std::string> names;
  for (const MetricRow& row : GetParam()->metrics()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " is there twice";
    const std::string section = row.name.substr(0, row.name.find('.'));
    EXPECT_TRUE(section == GetParam()->name || section == "memory" || section == "cost") << row.name;
    EXPECT_TRUE(metric_unit(row.name).has_value()) << row.name;
  }
  EXPECT_TRUE(names.count(std::string(GetParam()->headline.metric)) == 1);
  EXPECT_TRUE(names.count(std::string(GetParam()->sweep_table().speed)) == 1);
  EXPECT_TRUE(names.count(std::string(GetParam()->sweep_table().price)) == 1);
  EXPECT_TRUE(GetParam()->promise.empty() || names.count(std::string(GetParam()->promise)) == 1);
  for (const SweepColumn& column : GetParam()->sweep_table().columns) {
    EXPECT_TRUE(names.count(std::string(column.metric)) == 1) << column.metric;
  }
}

TEST_P(Kinds, EvaluateOnlyMetricsThatTheyList) {
  const Report report = run_template();
  ASSERT_FALSE(report.metrics.empty());
  for (const MetricValue& value : report.metrics) {
    const auto same = [&](const MetricRow& row) { return row.name == value.name; };
    const std::vector<MetricRow>& rows = GetParam()->metrics();
    EXPECT_TRUE(is_part_metric(value.name) || std::any_of(rows.begin(), rows.end(), same)) << value.name;
  }
}

TEST_P(Kinds, ExplainTheirKeysAndValues) {
  Report report;
  report.scenario = parse_scenario(std::string(GetParam()->scenario_template()), "new.yaml");
  const std::string head = std::string(GetParam()->name) + ".";
  for (const Field& field : GetParam()->fields()) {
    EXPECT_EQ(field.key.rfind(head, 0), 0U) << field.key;
    EXPECT_FALSE(field.help.empty()) << field.key;
  }
  const std::map<std::string_view, std::pair<std::string, std::string>> known = {
      {"training", {"tensor_parallel", "2"}}, {"serving", {"tensor_parallel", "1"}}, {"collective", {"gpus", "32"}}};
  const auto& [key, value] = known.at(GetParam()->name);
  EXPECT_EQ(effective_value(report, head + key), value);
}

TEST_P(Kinds, ShowARunInEveryForm) {
  const Report report = run_template();
  const JobView view = job_views(report).front();
  ASSERT_NE(view.result, nullptr);
  EXPECT_GT(view.result->events(), 0U);
  const Explanation explanation(report);
  EXPECT_EQ(explanation.jobs().size(), 1U);
  EXPECT_FALSE(explanation.of(GetParam()->headline.metric).parts.empty());
  EXPECT_FALSE(GetParam()->memory(*view.result).empty());
  for (const KeyFigure& figure : GetParam()->key_figures(*view.result)) {
    EXPECT_TRUE(view.find_metric(figure.metric).has_value()) << figure.metric;
    EXPECT_TRUE(figure.note_metric.empty() || view.find_metric(figure.note_metric)) << figure.note_metric;
  }
  const sim::Timeline timeline = GetParam()->take_timeline(*report.results.front());
  EXPECT_FALSE(timeline.spans.empty());
  std::ostringstream trace;
  GetParam()->trace(view, timeline, trace);
  EXPECT_FALSE(nlohmann::json::parse(trace.str())["traceEvents"].empty());
  std::ostringstream text;
  write_text(text, report);
  EXPECT_THAT(text.str(), HasSubstr(std::string(GetParam()->title)));
  EXPECT_TRUE(nlohmann::json::parse(to_json({report})).contains(std::string(GetParam()->name)));
}

TEST(KindTable, AreToldApartByTheirTypes) {
  const Scenario scenario = parse_scenario(std::string(find_kind("training")->scenario_template()), "new.yaml");
  EXPECT_NE(find_spec<TrainingSpec>(scenario.jobs[0]), nullptr);
  EXPECT_EQ(find_spec<ServingSpec>(scenario.jobs[0]), nullptr);
  EXPECT_THROW((void)spec_of<ServingSpec>(scenario.jobs[0]), std::bad_cast);
  EXPECT_EQ(find_kind("gardening"), nullptr);
  EXPECT_EQ(kind_names(": or a "), "training: or a serving: or a collective");
}

TEST(KindTable, ACopyOfAReportSharesItsResults) {
  Report report = run_scenario(parse_scenario(std::string(find_kind("training")->scenario_template()), "new.yaml"));
  const Report copy = report;
  EXPECT_EQ(copy.results.front(), report.results.front());
  ASSERT_NE(find_training(copy), nullptr);
  EXPECT_TRUE(find_training(copy)->timeline.spans.empty());  // Keep asked for none
  EXPECT_EQ(find_serving(copy), nullptr);
}

}  // namespace
}  // namespace orrery::scenarios::testing
