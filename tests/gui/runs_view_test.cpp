// The list of kept runs.
#include "gui/view/runs_view.hpp"

#include <QAction>
#include <QListWidget>
#include <QSignalSpy>
#include <QTest>
#include <gtest/gtest.h>

#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

RunPtr made_run(std::uint64_t number, const std::string& change, double step) {
  const auto run = tests::run_with({{"training.step_time_s", scenarios::Unit::seconds, step}});
  run->request.number = number;
  run->ordinal = run->request.number;
  run->request.change = change;
  return run;
}

TEST(RunsView, ListsRunsNewestFirstWithTheirChange) {
  RunsView view;
  const RunPtr one = made_run(1, "opened", 10.0), two = made_run(2, "training.tensor_parallel: 8 → 4", 8.0);
  view.set_runs({one, two}, two);
  const auto* list = view.findChild<QListWidget*>("runs_list");
  ASSERT_EQ(list->count(), 2);
  // 8 / 10 − 1 = −20 %
  EXPECT_EQ(list->item(0)->text(), QStringLiteral("#2 training.tensor_parallel: 8 → 4 — step 8.000 s (▼ −20.0 %)"));
  EXPECT_EQ(list->item(1)->text(), QStringLiteral("#1 opened — step 10.00 s"));
  EXPECT_TRUE(list->item(0)->font().bold());
  EXPECT_FALSE(list->item(1)->font().bold());
}

// 9 / 10 − 1 = −10 %: of the run of another file, which was 5 s, an edit of this one says nothing.
TEST(RunsView, TellsTheChangeWithinOneFile) {
  const auto of_file = [](std::uint64_t number, const char* file, double step) {
    const auto run = std::const_pointer_cast<gui::Run>(made_run(number, "x", step));
    run->request.file = file;
    return RunPtr(run);
  };
  RunsView view;
  const RunPtr one = of_file(1, "a.yaml", 10.0), other = of_file(2, "b.yaml", 5.0), two = of_file(3, "a.yaml", 9.0);
  view.set_runs({one, other, two}, two);
  const auto* list = view.findChild<QListWidget*>("runs_list");
  EXPECT_EQ(list->item(0)->text(), QStringLiteral("#3 x — step 9.000 s (▼ −10.0 %)"));
  EXPECT_EQ(list->item(1)->text(), QStringLiteral("#2 x — step 5.000 s"));
}

TEST(RunsView, SaysWhatDidNotRun) {
  RunsView view;
  const auto skipped = std::make_shared<gui::Run>();
  skipped->report.scenario.skipped = "no trace here";
  skipped->request.change = "opened";
  const auto unsaid = tests::run_with({});
  unsaid->request.change = "edited";
  view.set_runs({skipped, unsaid}, unsaid);
  const auto* list = view.findChild<QListWidget*>("runs_list");
  EXPECT_EQ(list->item(1)->text(), QStringLiteral("#0 opened — skipped"));
  EXPECT_TRUE(list->item(0)->text().startsWith("#0 edited")) << "without its figure";
}

TEST(RunsView, FollowsTheNewestUntilAnOlderOneIsChosen) {
  RunsView view;
  const RunPtr one = made_run(1, "a", 1.0), two = made_run(2, "b", 1.0), three = made_run(3, "c", 1.0);
  auto* list = view.findChild<QListWidget*>("runs_list");
  view.set_runs({one}, one);
  view.set_runs({one, two}, two);
  EXPECT_EQ(list->currentRow(), 0);
  list->setCurrentRow(1);
  view.set_runs({two, three}, three);  // the chosen one was dropped
  EXPECT_EQ(list->currentRow(), 0);
  QSignalSpy restored(&view, &RunsView::restore_requested), compared(&view, &RunsView::compare_requested);
  list->setCurrentRow(1);
  QTest::keyClick(list, Qt::Key_Return, Qt::ControlModifier);
  EXPECT_EQ(restored.count(), 0);
  ASSERT_EQ(compared.count(), 1);
  EXPECT_EQ(compared.first().at(0).value<RunPtr>(), two);
}

TEST(RunsView, RestoresAndComparesTheSelectedRun) {
  RunsView view;
  const RunPtr one = made_run(1, "opened", 10.0), two = made_run(2, "edited", 8.0), three = made_run(3, "edited", 7.0);
  view.set_runs({one, two}, two);
  view.show();
  auto* list = view.findChild<QListWidget*>("runs_list");
  auto* compare = list->findChild<QAction*>("compare_run");
  EXPECT_FALSE(compare->isEnabled());  // the current run with itself
  QSignalSpy restored(&view, &RunsView::restore_requested), compared(&view, &RunsView::compare_requested);
  list->setCurrentRow(1);
  QTest::keyClick(list, Qt::Key_Return);
  ASSERT_EQ(restored.count(), 1);
  EXPECT_EQ(restored.first().at(0).value<RunPtr>(), one);
  ASSERT_TRUE(compare->isEnabled());
  compare->trigger();
  ASSERT_EQ(compared.count(), 1);
  EXPECT_EQ(compared.first().at(0).value<RunPtr>(), one);
  view.set_runs({one, two, three}, three);
  EXPECT_EQ(list->currentRow(), 2);  // the chosen run, not its place
  view.set_runs({}, nullptr);
  EXPECT_EQ(list->count(), 0);
}

}  // namespace
}  // namespace orrery::gui
