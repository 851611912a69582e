// The report table's model: figures as the text report writes them, changes with their verdicts, stable rows.
#include "gui/model/report_model.hpp"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <gtest/gtest.h>

#include "gui/model/metric_text.hpp"
#include "scenarios/format.hpp"
#include "tests/gui/made_runs.hpp"
#include "tests/places.hpp"

namespace orrery::gui {
namespace {

using scenarios::Unit;

std::string scenario_file(const std::string& name) {
  return orrery::tests::source_root() + "/scenarios/library/" + name;
}

/// A run of a library scenario with one key changed.
RunPtr run_of(const std::string& name, std::uint64_t number, const std::string& key = {},
              const std::string& value = {}) {
  RunRequest request;
  request.number = number;
  request.file = scenario_file(name);
  request.text = hardware::read_text_file(request.file);
  if (!key.empty()) request.text = hardware::set_value(request.text, request.file, key, value);
  request.change = key.empty() ? "opened" : key + ": " + value;
  return make_run(std::move(request));
}

RunPtr training_run() { return run_of("training/gpt2-124m-8xa100.yaml", 1); }
RunPtr smaller_batch() { return run_of("training/gpt2-124m-8xa100.yaml", 2, "training.global_batch_size", "1024"); }
RunPtr serving_run() { return run_of("serving/qwen2.5-32b-awq-load-test.yaml", 3); }

/// A run with figures given by hand.
std::shared_ptr<Run> made_run(std::vector<scenarios::MetricValue> metrics) {
  return tests::run_with(std::move(metrics));
}

QModelIndex cell(const ReportModel& model, const QString& metric, int column) {
  return model.index_of(metric).siblingAtColumn(column);
}

QString group_title(const ReportModel& model, int row) { return model.index(row, 0).data().toString(); }

TEST(ReportModel, SurvivesEveryKindOfRunInTurn) {
  ReportModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  const RunPtr training = training_run(), serving = serving_run();
  auto skipped = std::make_shared<gui::Run>();  // a test has a Run() of its own
  skipped->report.scenario.skipped = "the trace is not on this machine";
  model.set_runs(training, nullptr);
  model.set_runs(training, training);
  EXPECT_GT(model.rowCount(), 3);
  model.set_runs(serving, training);
  EXPECT_TRUE(model.index_of("serving.ttft_s.p99").isValid());
  EXPECT_FALSE(model.index_of("training.mfu").isValid());
  model.set_runs(skipped, serving);
  ASSERT_EQ(model.rowCount(), 1);
  EXPECT_TRUE(model.index(0, 0, model.index(0, 0)).data().toString().contains("not on this machine"));
  model.set_runs(nullptr, nullptr);
  EXPECT_EQ(model.rowCount(), 0);
  EXPECT_EQ(model.csv(), "");
  model.set_runs(training, serving);
  EXPECT_TRUE(model.index_of("training.mfu").isValid());
}

TEST(ReportModel, WritesValuesAsTheTextReportDoes) {
  ReportModel model;
  const RunPtr run = training_run();
  model.set_runs(run, nullptr);
  ASSERT_FALSE(run->report.metrics.empty());
  for (const scenarios::MetricValue& metric : run->report.metrics) {
    const QModelIndex index = model.index_of(to_qstring(metric.name));
    ASSERT_TRUE(index.isValid()) << metric.name;
    EXPECT_EQ(index.column(), ReportModel::kValue);
    EXPECT_EQ(index.data().toString().toStdString(), scenarios::readable(metric.value, metric.unit)) << metric.name;
    EXPECT_EQ(index.data(ReportModel::kMetricRole).toString().toStdString(), metric.name);
    EXPECT_EQ(cell(model, to_qstring(metric.name), ReportModel::kChange).data().toString(), "") << metric.name;
  }
}

TEST(ReportModel, ColoursAChangeByWhetherItIsGood) {
  // 10 s → 8 s is −20 %, and a shorter step is better; 40 % → 30 % is −25 %, and a lower MFU is worse.
  const RunPtr before = made_run({{"training.step_time_s", Unit::seconds, 10.0}, {"training.mfu", Unit::ratio, 0.4}});
  const RunPtr after = made_run({{"training.step_time_s", Unit::seconds, 8.0}, {"training.mfu", Unit::ratio, 0.3}});
  ReportModel model;
  model.set_runs(after, before);
  const QModelIndex step = cell(model, "training.step_time_s", ReportModel::kChange);
  const QModelIndex mfu = cell(model, "training.mfu", ReportModel::kChange);
  EXPECT_EQ(step.data().toString(), QStringLiteral("▼ −20.0 %"));
  EXPECT_EQ(step.data(ReportModel::kVerdictRole).toInt(), 1);
  EXPECT_EQ(mfu.data().toString(), QStringLiteral("▼ −25.0 %"));
  EXPECT_EQ(mfu.data(ReportModel::kVerdictRole).toInt(), -1);
  EXPECT_NE(step.data(Qt::ForegroundRole).value<QColor>(), mfu.data(Qt::ForegroundRole).value<QColor>());
  EXPECT_EQ(cell(model, "training.mfu", ReportModel::kPrevious).data().toString(), "40.00 %");
  EXPECT_TRUE(mfu.data(Qt::ToolTipRole).toString().contains("worse"));
}

TEST(ReportModel, CallsTinyChangesEqualAndNewFiguresNew) {
  // 10 s → 10.004 s is +0.04 %, below 0.05 %; 10 s → 10.006 s is +0.06 %.
  ReportModel model;
  const RunPtr before = made_run({{"training.step_time_s", Unit::seconds, 10.0}});
  model.set_runs(made_run({{"training.step_time_s", Unit::seconds, 10.004}}), before);
  EXPECT_EQ(cell(model, "training.step_time_s", ReportModel::kChange).data().toString(), "=");
  EXPECT_EQ(cell(model, "training.step_time_s", ReportModel::kChange).data(ReportModel::kVerdictRole).toInt(), 0);
  model.set_runs(made_run({{"training.step_time_s", Unit::seconds, 10.006}, {"training.mfu", Unit::ratio, 0.4}}),
                 before);
  EXPECT_EQ(cell(model, "training.step_time_s", ReportModel::kChange).data().toString(), QStringLiteral("▲ +0.1 %"));
  EXPECT_EQ(cell(model, "training.mfu", ReportModel::kChange).data().toString(), "new");
}

TEST(ReportModel, KeepsRowsOfRunsOfOneKind) {
  ReportModel model;
  const RunPtr first = training_run(), second = smaller_batch();
  model.set_runs(first, nullptr);
  const QPersistentModelIndex step = model.index_of("training.step_time_s");
  const QPersistentModelIndex cost = model.index_of("cost.usd");
  const QString before = step.data().toString();
  QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
  QSignalSpy changes(&model, &QAbstractItemModel::dataChanged);
  model.set_runs(second, first);
  EXPECT_EQ(resets.count(), 0);
  EXPECT_GT(changes.count(), 0);
  ASSERT_TRUE(step.isValid());
  EXPECT_EQ(QModelIndex(step), model.index_of("training.step_time_s"));
  EXPECT_NE(step.data().toString(), before);
  // A group that comes above others moves them, not what points into them.
  auto failing = made_run(first->report.metrics);
  failing->report.findings.push_back({"out_of_memory", "stage 0 needs 90 GiB of 74 GiB", false});
  model.set_runs(failing, first);
  EXPECT_EQ(group_title(model, 0), "Findings");
  ASSERT_TRUE(cost.isValid());
  EXPECT_EQ(QModelIndex(cost), model.index_of("cost.usd"));
  EXPECT_EQ(cost.data(ReportModel::kMetricRole).toString(), "cost.usd");
  EXPECT_EQ(resets.count(), 0);
}

TEST(ReportModel, SaysAFindingInOneLine) {
  auto run = made_run({{"training.mfu", Unit::ratio, 0.5}});
  run->report.findings = {{"expectation_missed", "training.mfu: expected 0.4", false},
                          {"out_of_memory", "stage 0 needs 90 GiB\n  stage 1: too", false},
                          {"saturated", "the queue grows", true}};
  ReportModel model;
  model.set_runs(run, nullptr);
  const QModelIndex group = model.index(0, 0);
  ASSERT_EQ(model.rowCount(group), 2);  // the expectation is marked in its own group
  const QModelIndex memory = model.index(0, 0, group);
  EXPECT_EQ(memory.data().toString(), QStringLiteral("⚠ stage 0 needs 90 GiB"));
  EXPECT_TRUE(memory.data(Qt::ToolTipRole).toString().contains("stage 1: too"));
  EXPECT_EQ(memory.data(ReportModel::kMetricRole).toString(), "memory.peak_bytes");
  EXPECT_EQ(model.index(1, 0, group).data().toString(), QStringLiteral("✓ expected: the queue grows"));
}

TEST(ReportModel, ShowsExpectationsWithTheirSources) {
  auto run = made_run({{"training.mfu", Unit::ratio, 0.5}});
  scenarios::ExpectationOutcome outcome;
  outcome.expectation.metric = "training.mfu";
  outcome.expectation.value = 0.4;
  outcome.expectation.tolerance = 0.1;
  outcome.expectation.source = "a paper, table 3";
  outcome.predicted = 0.5;
  outcome.outcome = scenarios::Outcome::miss;
  run->report.expectations.push_back(outcome);
  ReportModel model;
  model.set_runs(run, nullptr);
  const QModelIndex group = model.index(1, 0);
  EXPECT_EQ(group.data().toString(), "Expectations, 1 not met");
  const QModelIndex row = model.index(0, 0, group);
  EXPECT_TRUE(row.data().toString().contains("MFU"));
  EXPECT_TRUE(row.data(Qt::ToolTipRole).toString().contains("a paper, table 3"));
  EXPECT_EQ(row.data(ReportModel::kVerdictRole).toInt(), -1);
  // 0.5 / 0.4 − 1 = +25 %
  EXPECT_EQ(row.siblingAtColumn(ReportModel::kChange).data().toString(), "+25.0 %");
}

TEST(ReportModel, WritesCsvWithRatios) {
  ReportModel model;
  model.set_runs(made_run({{"training.step_time_s", Unit::seconds, 8.0}}),
                 made_run({{"training.step_time_s", Unit::seconds, 10.0}}));
  EXPECT_EQ(model.csv(), "metric,unit,value,previous,ratio\ntraining.step_time_s,s,8,10,0.8\n");
}

TEST(MetricText, ReadsNames) {
  EXPECT_EQ(metric_label("training.tokens_per_s_per_gpu"), "tokens/s per GPU");
  EXPECT_EQ(metric_label("training.exposed_communication_s"), "exposed communication");
  EXPECT_EQ(metric_label("serving.ttft_s.p99"), "TTFT p99");
  EXPECT_EQ(metric_label("memory.stages.3.peak_bytes"), "stage 3 peak");
  EXPECT_EQ(metric_label("cost.usd_per_million_tokens"), "USD per million tokens");
}

TEST(ReportModel, KeepsJobsApartByTheirNames) {
  ReportModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  const auto two = [](double a, double b) {
    auto run = made_run({{"jobs.a.training.mfu", Unit::ratio, a},
                         {"jobs.a.memory.stages.0.peak_bytes", Unit::bytes, 1.0},
                         {"jobs.b.training.mfu", Unit::ratio, b}});
    run->report.scenario.jobs.push_back(run->report.scenario.jobs.front());
    run->report.scenario.jobs[0].name = "a";
    run->report.scenario.jobs[1].name = "b";
    run->report.results.push_back(run->report.results.front());
    return run;
  };
  model.set_runs(two(0.4, 0.5), nullptr);
  model.set_runs(two(0.3, 0.5), two(0.4, 0.5));
  ASSERT_EQ(model.rowCount(), 3);
  EXPECT_EQ(group_title(model, 0), "a: Training");
  EXPECT_EQ(group_title(model, 1), "a: Memory per stage");
  EXPECT_EQ(group_title(model, 2), "b: Training");
  ASSERT_TRUE(model.index_of("jobs.b.training.mfu").isValid());
  EXPECT_EQ(model.index_of("jobs.b.training.mfu").parent(), model.index(2, 0));
  // Without a job of their own they are nobody's.
  model.set_runs(made_run({{"jobs.a.training.mfu", Unit::ratio, 0.4}}), nullptr);
  EXPECT_EQ(model.rowCount(), 0);
}

}  // namespace
}  // namespace orrery::gui
