// The report table as a user meets it: keys, double click, copying, the large figures.
#include "gui/view/report_view.hpp"

#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QSignalSpy>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

#include "gui/view/key_figure.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

using scenarios::Unit;

RunPtr made_run(double step, double mfu) {
  return tests::run_with({{"training.step_time_s", Unit::seconds, step}, {"training.mfu", Unit::ratio, mfu}});
}

TEST(ReportView, DoubleClickAndEnterAskWhereAFigureComesFrom) {
  ReportView view;
  view.resize(700, 400);
  view.set_runs(made_run(8.0, 0.5), made_run(10.0, 0.4));
  view.show();
  QSignalSpy asked(&view, &RunView::explain_requested);
  const QModelIndex mfu = view.model().index_of("training.mfu");
  view.table().setCurrentIndex(mfu);
  QTest::keyClick(&view.table(), Qt::Key_Return);
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.takeFirst().at(0).toString(), "training.mfu");
  const QModelIndex step = view.model().index_of("training.step_time_s");
  const QPoint place = view.table().visualRect(step).center();
  QTest::mouseClick(view.table().viewport(), Qt::LeftButton, {}, place);
  QTest::mouseDClick(view.table().viewport(), Qt::LeftButton, {}, place);
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.first().at(0).toString(), "training.step_time_s");
}

TEST(ReportView, ShowsKeyFiguresWithTheirChanges) {
  ReportView view;
  view.set_runs(made_run(8.0, 0.5), made_run(10.0, 0.4));
  ASSERT_EQ(view.figures().size(), 2U);
  EXPECT_EQ(view.figures()[0]->figure().value, "8.000");
  EXPECT_EQ(view.figures()[0]->figure().unit, "s");
  EXPECT_EQ(view.figures()[0]->figure().change, QStringLiteral("▼ −20.0 %"));
  EXPECT_EQ(view.figures()[0]->figure().verdict, 1);
  QSignalSpy asked(&view, &RunView::explain_requested);
  view.figures()[1]->click();
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.first().at(0).toString(), "training.mfu");
  view.set_runs(nullptr, nullptr);
  EXPECT_TRUE(view.figures().empty());
}

TEST(ReportView, CopiesSelectedRowsAsColumns) {
  ReportView view;
  view.set_runs(made_run(8.0, 0.5), made_run(10.0, 0.4));
  view.show();
  view.table().setCurrentIndex(view.model().index_of("training.step_time_s"));
  QTest::keySequence(&view.table(), QKeySequence::Copy);
  EXPECT_EQ(QApplication::clipboard()->text(), QStringLiteral("step time\t8.000 s\t▼ −20.0 %\t10.00 s\n"));
}

TEST(ReportView, KeepsTheLastResultWhileItIsOutOfDate) {
  ReportView view;
  view.resize(700, 400);
  view.set_runs(made_run(8.0, 0.5), nullptr);
  view.show();
  view.set_stale(true);
  const auto* badge = view.findChild<QLabel*>("report_stale");
  ASSERT_NE(badge, nullptr);
  EXPECT_TRUE(badge->isHidden());  // not at once: quick runs would flicker
  EXPECT_TRUE(QTest::qWaitFor([&] { return badge->isVisible(); }, 2000));
  EXPECT_EQ(view.model().index_of("training.step_time_s").data().toString(), "8.000 s");
  view.set_runs(made_run(9.0, 0.5), nullptr);
  EXPECT_TRUE(badge->isHidden());
  EXPECT_FALSE(view.is_stale());
}

TEST(ReportView, KeepsSelectionAndClosedGroupsFromRunToRun) {
  ReportView view;
  const RunPtr first = made_run(8.0, 0.5);
  view.set_runs(first, nullptr);
  view.table().setCurrentIndex(view.model().index_of("training.mfu"));
  const QModelIndex group = view.model().index(0, 0);
  EXPECT_TRUE(view.table().isExpanded(group));
  view.table().collapse(group);
  view.set_runs(made_run(9.0, 0.6), first);
  EXPECT_FALSE(view.table().isExpanded(group));
  view.table().expand(group);
  view.set_runs(made_run(10.0, 0.6), first);
  EXPECT_TRUE(view.table().isExpanded(group));
}

}  // namespace
}  // namespace orrery::gui
