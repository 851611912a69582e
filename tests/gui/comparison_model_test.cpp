// The table of differences between two runs.
#include "gui/model/comparison_model.hpp"

#include <QAbstractItemModelTester>
#include <QColor>
#include <QSignalSpy>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

using scenarios::Unit;

RunPtr made_run(std::vector<scenarios::MetricValue> metrics) {
  auto run = std::make_shared<Run>();
  run->report.metrics = std::move(metrics);
  return run;
}

QString text(const ComparisonModel& model, int row, int column) { return model.index(row, column).data().toString(); }

TEST(ComparisonModel, ShowsDifferenceAndRatio) {
  ComparisonModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.set_runs(made_run({{"training.step_time_s", Unit::seconds, 10.0}, {"training.mfu", Unit::ratio, 0.4}}),
                 made_run({{"training.step_time_s", Unit::seconds, 8.0}, {"training.mfu", Unit::ratio, 0.5}}));
  ASSERT_EQ(model.rowCount(), 2);
  EXPECT_EQ(text(model, 0, ComparisonModel::kMetric), "training.step_time_s");
  EXPECT_EQ(text(model, 0, ComparisonModel::kA), "10.00 s");
  EXPECT_EQ(text(model, 0, ComparisonModel::kB), "8.000 s");
  EXPECT_EQ(text(model, 0, ComparisonModel::kDifference), QStringLiteral("−2.000 s"));
  EXPECT_EQ(text(model, 0, ComparisonModel::kRatio), "0.800");
  EXPECT_EQ(text(model, 1, ComparisonModel::kDifference), "+10.00 points");
  EXPECT_EQ(model.index(0, 0).data(ComparisonModel::kVerdictRole).toInt(), 1);
  EXPECT_EQ(model.csv(),
            "metric,unit,a,b,difference,ratio\ntraining.step_time_s,s,10,8,-2,0.8\n"
            "training.mfu,ratio,0.4,0.5,0.09999999999999998,1.25\n");
}

TEST(ComparisonModel, ListsWhatOnlyOneRunHas) {
  ComparisonModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  model.set_runs(made_run({{"training.mfu", Unit::ratio, 0.4}}),
                 made_run({{"serving.ttft_s.p99", Unit::seconds, 0.2}}));
  ASSERT_EQ(model.rowCount(), 2);
  EXPECT_EQ(text(model, 0, ComparisonModel::kB), QStringLiteral("–"));
  EXPECT_EQ(text(model, 1, ComparisonModel::kA), QStringLiteral("–"));
  EXPECT_EQ(model.index(0, 0).data(ComparisonModel::kVerdictRole).toInt(), 0);
  model.set_runs(nullptr, made_run({{"training.mfu", Unit::ratio, 0.4}}));
  EXPECT_EQ(model.rowCount(), 0);
  EXPECT_EQ(model.csv(), "");
}

TEST(ComparisonModel, KeepsItsRowsWhileTheMetricsAreTheSame) {
  ComparisonModel model;
  const RunPtr a = made_run({{"training.mfu", Unit::ratio, 0.4}}), b = made_run({{"training.mfu", Unit::ratio, 0.3}});
  model.set_runs(a, b);
  QSignalSpy resets(&model, &QAbstractItemModel::modelReset);
  QSignalSpy changes(&model, &QAbstractItemModel::dataChanged);
  const QColor worse = model.index(0, ComparisonModel::kRatio).data(Qt::ForegroundRole).value<QColor>();
  model.set_runs(b, a);
  EXPECT_EQ(resets.count(), 0);
  EXPECT_EQ(changes.count(), 1);
  EXPECT_NE(model.index(0, ComparisonModel::kRatio).data(Qt::ForegroundRole).value<QColor>(), worse);
}

}  // namespace
}  // namespace orrery::gui
