// Rows of the report: messages take the lines that they need, and old figures are pale.
#include "gui/view/report_delegate.hpp"

#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QTest>
#include <QTreeView>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/view/report_view.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

using scenarios::Unit;

RunPtr noted(const std::string& note) {
  auto run = tests::run_with({{"training.step_time_s", Unit::seconds, 2.0}, {"training.mfu", Unit::ratio, 0.4}});
  run->report.notes = {note, "short"};
  return run;
}

class Rows : public ::testing::Test {
 protected:
  void show(const RunPtr& run, int width = 600) {
    view_.resize(width, 500);
    view_.set_runs(run, nullptr);
    view_.show();
    QTest::qWait(1);
  }
  /// A row of text; the first of its group.
  [[nodiscard]] QModelIndex note(int row = 0) const {
    const ReportModel& model = view_.model();
    for (int group = 0; group < model.rowCount(); ++group) {
      const QModelIndex parent = model.index(group, 0);
      if (parent.data().toString() == QStringLiteral("Notes")) return model.index(row, 0, parent);
    }
    return {};
  }
  [[nodiscard]] int height(const QModelIndex& index) const { return view_.table().visualRect(index).height(); }
  [[nodiscard]] int ink_in(const QModelIndex& index) const {
    const QRect place = view_.table().visualRect(index).intersected(view_.table().viewport()->rect());
    const QImage image = view_.table().viewport()->grab(place).toImage();
    int darkest = 255;
    for (int y = 0; y < image.height(); ++y) {
      for (int x = 0; x < image.width(); ++x) darkest = std::min(darkest, qGray(image.pixel(x, y)));
    }
    return darkest;
  }

  mutable ReportView view_;
};

TEST_F(Rows, ALongMessageIsWrappedAndAShortOneIsALine) {
  show(noted(std::string(40, 'w') + ' ' + std::string(40, 'w') + ' ' + std::string(40, 'w')));
  ASSERT_TRUE(note().isValid());
  const int line = view_.fontMetrics().lineSpacing();
  EXPECT_LT(height(note(1)), 2 * line);
  EXPECT_GE(height(note()), 2 * line);
}

TEST_F(Rows, AMessageTakesMoreLinesInANarrowerTable) {
  std::string words;
  for (int i = 0; i < 40; ++i) words += "wording ";
  show(noted(words), 900);
  const int wide = height(note());
  view_.resize(350, 500);
  QTest::qWait(1);
  EXPECT_GT(height(note()), 1.6 * wide);
  view_.resize(900, 500);
  QTest::qWait(1);
  EXPECT_EQ(height(note()), wide);
}

TEST_F(Rows, AMessageDoesNotWidenTheColumnsOfNumbers) {
  show(noted("short"));
  const int before = view_.table().columnWidth(ReportModel::kValue);
  show(noted(std::string(3000, 'w')));
  EXPECT_EQ(view_.table().columnWidth(ReportModel::kValue), before);
  EXPECT_EQ(view_.table().header()->length(), view_.table().viewport()->width());
}

TEST_F(Rows, AMessageTakesAllColumns) {
  show(noted("a note"));
  EXPECT_TRUE(view_.table().isFirstColumnSpanned(0, note().parent()));
  const QModelIndex step = view_.model().index_of(QStringLiteral("training.step_time_s"));
  EXPECT_FALSE(view_.table().isFirstColumnSpanned(step.row(), step.parent()));
  EXPECT_FALSE(view_.table().visualRect(step).isEmpty());
}

// After a moment, so that quick runs don't flicker; at once again when the result is there.
TEST_F(Rows, ArePaleWhileTheResultIsOutOfDate) {
  show(noted("a note"));
  const QModelIndex step = view_.model().index_of(QStringLiteral("training.step_time_s"));
  const int fresh = ink_in(step);
  view_.set_stale(true);
  EXPECT_EQ(ink_in(step), fresh);
  auto* badge = view_.findChild<QLabel*>(QStringLiteral("report_stale"));
  EXPECT_FALSE(badge->isVisible());
  QTest::qWait(400);
  EXPECT_GT(ink_in(step), fresh + 30);
  EXPECT_TRUE(badge->isVisible());
  EXPECT_TRUE(view_.table().viewport()->geometry().contains(badge->geometry()));
  view_.set_stale(false);
  EXPECT_EQ(ink_in(step), fresh);
  EXPECT_FALSE(badge->isVisible());
}

TEST_F(Rows, TheBadgeStaysInItsCorner) {
  show(noted("a note"));
  view_.set_stale(true);
  QTest::qWait(400);
  auto* badge = view_.findChild<QLabel*>(QStringLiteral("report_stale"));
  for (const int width : {400, 1000}) {
    view_.resize(width, 420);
    QTest::qWait(1);
    const QRect area = view_.table().viewport()->geometry();
    EXPECT_NEAR(area.right() - badge->geometry().right(), 4, 2) << width;
    EXPECT_NEAR(area.bottom() - badge->geometry().bottom(), 4, 2) << width;
  }
}

}  // namespace
}  // namespace orrery::gui
