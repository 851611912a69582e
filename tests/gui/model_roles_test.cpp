// What every table of the window says beside its cells: heads, alignment, words for screen readers, colours.
#include <fstream>

#include <QAbstractItemModelTester>
#include <QColor>
#include <QDir>
#include <QFont>
#include <QTemporaryDir>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/model/comparison_model.hpp"
#include "gui/model/explain_model.hpp"
#include "gui/model/library_model.hpp"
#include "gui/model/links_model.hpp"
#include "gui/model/report_model.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

using scenarios::Unit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> heads(const QAbstractItemModel& model) {
  std::vector<std::string> titles;
  for (int column = 0; column < model.columnCount(); ++column) {
    titles.push_back(model.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString().toStdString());
  }
  return titles;
}

/// Columns whose head and whose cells stand at the right, as numbers do.
std::vector<int> right_columns(const QAbstractItemModel& model, const QModelIndex& parent = {}) {
  std::vector<int> columns;
  for (int column = 0; column < model.columnCount(); ++column) {
    const bool head = (model.headerData(column, Qt::Horizontal, Qt::TextAlignmentRole).toInt() & Qt::AlignRight) != 0;
    const QVariant cell = model.index(0, column, parent).data(Qt::TextAlignmentRole);
    EXPECT_EQ(head, (cell.toInt() & Qt::AlignRight) != 0) << "head and cells of column " << column << " differ";
    if (head) columns.push_back(column);
  }
  return columns;
}

void expect_nothing_outside(const QAbstractItemModel& model) {
  EXPECT_FALSE(model.headerData(99, Qt::Horizontal, Qt::DisplayRole).isValid());
  EXPECT_FALSE(model.headerData(0, Qt::Vertical, Qt::DisplayRole).isValid());
  EXPECT_FALSE(model.index(99, 0).isValid());
  EXPECT_FALSE(model.index(0, 99).isValid());
  EXPECT_FALSE(model.index(-1, 0).isValid());
  EXPECT_FALSE(model.data(QModelIndex(), Qt::DisplayRole).isValid());
  EXPECT_FALSE(model.parent(QModelIndex()).isValid());
}

RunPtr run_at(double step, double mfu) {
  return tests::run_with({{"training.step_time_s", Unit::seconds, step}, {"training.mfu", Unit::ratio, mfu}});
}

TEST(ComparisonRoles, AreThoseOfATable) {
  ComparisonModel model;
  model.set_runs(run_at(10.0, 0.4), run_at(8.0, 0.4));
  EXPECT_THAT(heads(model), ElementsAre("Metric", "A", "B", "B − A", "B / A"));
  EXPECT_THAT(right_columns(model), ElementsAre(1, 2, 3, 4));
  expect_nothing_outside(model);
  const QModelIndex step = model.index(0, ComparisonModel::kDifference);
  EXPECT_EQ(step.data(Qt::AccessibleTextRole).toString(),
            QStringLiteral("step time: 10.00 s → 8.000 s, −2.000 s, better"));
  EXPECT_EQ(step.data(Qt::ForegroundRole).value<QColor>(), better_color(QGuiApplication::palette()));
  EXPECT_FALSE(step.siblingAtColumn(ComparisonModel::kB).data(Qt::ForegroundRole).isValid());
  const QModelIndex same = model.index(1, ComparisonModel::kDifference);
  EXPECT_EQ(same.data().toString(), QStringLiteral("="));
  EXPECT_EQ(same.data(Qt::ForegroundRole).value<QColor>(), QGuiApplication::palette().color(QPalette::PlaceholderText));
  EXPECT_EQ(model.rowCount(step), 0) << "a table has no children";
}

TEST(ComparisonRoles, RatiosKeepTheirDigits) {
  const auto ratio = [](double a, double b) {
    ComparisonModel model;
    model.set_runs(run_at(a, 0.4), run_at(b, 0.4));
    return model.index(0, ComparisonModel::kRatio).data().toString();
  };
  EXPECT_EQ(ratio(1.0, 1234.5), QStringLiteral("1234.500"));
  EXPECT_EQ(ratio(1.0, 0.01), QStringLiteral("0.010"));
  EXPECT_EQ(ratio(1.0, 0.0012345), QStringLiteral("0.00123")) << "three digits below a hundredth";
  EXPECT_EQ(ratio(0.0, 1.0), QStringLiteral("–"));
}

TEST(ComparisonRoles, ARunThatDoesNotFitIsNeverBetter) {
  const auto large = tests::run_with({{"training.step_time_s", Unit::seconds, 8.0}, {"memory.fits", Unit::flag, 0.0}});
  ComparisonModel model;
  model.set_runs(run_at(10.0, 0.4), large);
  for (int row = 0; row < model.rowCount(); ++row) {
    EXPECT_LE(model.index(row, 0).data(ComparisonModel::kVerdictRole).toInt(), 0) << row;
  }
}

TEST(ExplainRoles, AreThoseOfATree) {
  scenarios::ExplainNode root;
  root.title = "step <b>time</b>";
  root.has_value = root.sums = true;
  root.value = 10.0;
  root.unit = Unit::seconds;
  root.equation = "a + b";
  root.parts.resize(2);
  root.parts[0].title = "a";
  root.parts[0].has_value = true;
  root.parts[0].value = 2.5;
  root.parts[0].unit = Unit::seconds;
  root.parts[0].level = "measured";
  root.parts[0].source = "a paper";
  root.parts[1].title = "b";
  ExplainModel model;
  const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
  expect_nothing_outside(model);
  EXPECT_EQ(model.csv(), "");
  model.set_root(root);
  EXPECT_THAT(heads(model), ElementsAre("What", "Value", "Known as", "Equation or source"));
  EXPECT_THAT(right_columns(model), ElementsAre(1));
  const QModelIndex top = model.index(0, 0), part = model.index(0, 0, top);
  EXPECT_TRUE(top.data(Qt::FontRole).value<QFont>().bold());
  EXPECT_FALSE(part.data(Qt::FontRole).isValid());
  // 2.5 of 10 s, padded by a space as wide as a digit.
  EXPECT_EQ(part.siblingAtColumn(1).data().toString(), QStringLiteral("2.500 s  (\u200725.0 %)"));
  EXPECT_EQ(model.index(1, 1, top).data().toString(), QString()) << "it has no value";
  EXPECT_EQ(part.siblingAtColumn(3).data().toString(), QStringLiteral("a paper"));
  EXPECT_EQ(top.siblingAtColumn(3).data().toString(), QStringLiteral("= a + b"));
  EXPECT_THAT(part.data(Qt::ToolTipRole).toString().toStdString(),
              HasSubstr("2.500 s (2.5 s)\nmeasured\nsource: a paper"));
  EXPECT_THAT(top.data(Qt::ToolTipRole).toString().toStdString(), HasSubstr("step &lt;b&gt;time")) << "no markup";
}

TEST(LinksRoles, HaveHintsAndWords) {
  LinksModel model;
  auto run = std::make_shared<gui::Run>();
  run->report.links = {{"nic", 4, BytesPerSecond{5e10}, Bytes{1e9}, 0.25, 1.0, {{"all-reduce", Seconds{0.5}}}}};
  model.set_run(run);
  EXPECT_THAT(heads(model), ElementsAre("Link", "Count", "Capacity", "Carried", "Mean load", "Peak load", "Held up"));
  EXPECT_THAT(right_columns(model), ElementsAre(1, 2, 3, 4, 5, 6));
  expect_nothing_outside(model);
  for (int column = 0; column < LinksModel::kColumns; ++column) {
    EXPECT_FALSE(model.headerData(column, Qt::Horizontal, Qt::ToolTipRole).toString().isEmpty()) << column;
  }
  EXPECT_EQ(model.index(0, LinksModel::kCapacity).data(Qt::AccessibleTextRole).toString(),
            QStringLiteral("Capacity: 50.0 GB/s"));
  EXPECT_EQ(model.index(0, LinksModel::kHeldUp).data().toString(), QStringLiteral("500.0 ms, one operation"));
  EXPECT_EQ(model.index(0, LinksModel::kHeldUp).data(LinksModel::kSortRole).toDouble(), 0.5);
}

TEST(ReportRoles, SayEveryCellInWords) {
  ReportModel model;
  model.set_runs(run_at(8.0, 0.4), run_at(10.0, 0.4));
  EXPECT_THAT(heads(model), ElementsAre("Metric", "Value", "Change", "Previous"));
  EXPECT_THAT(right_columns(model, model.index(0, 0)), ElementsAre(1, 2, 3));
  expect_nothing_outside(model);
  const QModelIndex step = model.index_of("training.step_time_s");
  EXPECT_EQ(step.data(Qt::AccessibleTextRole).toString(), QStringLiteral("step time: 8.000 s"));
  EXPECT_EQ(step.siblingAtColumn(ReportModel::kChange).data(Qt::AccessibleTextRole).toString(),
            QStringLiteral("step time: 10.00 s → 8.000 s, −2.000 s, better"));
  EXPECT_EQ(step.siblingAtColumn(ReportModel::kPrevious).data(Qt::ForegroundRole).value<QColor>(),
            QGuiApplication::palette().color(QPalette::PlaceholderText));
  EXPECT_FALSE(model.index_of("no.such.metric").isValid());
  EXPECT_TRUE(model.index(0, 0).data(ReportModel::kMessageRole).toBool()) << "a group's title takes all columns";
  EXPECT_EQ(model.index(0, 1).data().toString(), QString());
}

class LibraryRoles : public ::testing::Test {
 protected:
  void write(const char* name, const char* text) const {
    std::ofstream(folder_.filePath(QString::fromUtf8(name)).toStdString()) << text;
  }
  QTemporaryDir folder_;
};

TEST_F(LibraryRoles, OfABrokenFileItsTitleIsScanned) {
  write("quoted.yaml", "scenario: \"Half, a\"\nmodel: [\n");
  write("plain.yaml", "model: [\nscenario:   größe  \n");
  write("none.yaml", "model: [\n");
  write("within.yaml", "x: [\n  scenario: no\n");
  const LibraryModel model(folder_.path());
  std::vector<std::string> titles;
  for (int row = 0; row < model.rowCount(); ++row)
    titles.push_back(model.index(row, 0).data().toString().toStdString());
  EXPECT_THAT(titles, ElementsAre("none", "größe", "Half, a", "within"));
}

TEST_F(LibraryRoles, OfOddVariantsThoseWithANameAreListed) {
  write("a.yaml", "scenario: a\nvariants: [{set: {b: 1}}, {name: x}, 7, {name: ''}, {name: [1]}]\n");
  write("b.yaml", "scenario: b\nvariants: 3\n");
  const LibraryModel model(folder_.path());
  const QAbstractItemModelTester tester(const_cast<LibraryModel*>(&model),
                                        QAbstractItemModelTester::FailureReportingMode::Fatal);
  ASSERT_EQ(model.rowCount(model.index(0, 0)), 1);
  const QModelIndex variant = model.index(0, 0, model.index(0, 0));
  EXPECT_EQ(variant.data().toString(), QStringLiteral("x"));
  EXPECT_TRUE(variant.data(Qt::FontRole).value<QFont>().italic());
  EXPECT_THAT(variant.data(Qt::ToolTipRole).toString().toStdString(), HasSubstr("Variant “x” of\n"));
  EXPECT_EQ(model.rowCount(model.index(1, 0)), 0);
}

TEST_F(LibraryRoles, LinksToFoldersAreNotFollowed) {
  ASSERT_TRUE(QDir(folder_.path()).mkdir(QStringLiteral("real")));
  write("real/a.yaml", "scenario: a\n");
  ASSERT_TRUE(QFile::link(folder_.path(), folder_.filePath(QStringLiteral("real/round"))));
  const LibraryModel model(folder_.path());
  EXPECT_EQ(model.rowCount(), 1);
  EXPECT_EQ(model.rowCount(model.index(0, 0)), 1) << "a link round would never end";
}

}  // namespace
}  // namespace orrery::gui
