// Two runs side by side.
#include "gui/view/compare_view.hpp"

#include <QAbstractButton>
#include <QComboBox>
#include <QLabel>
#include <QSignalSpy>
#include <QTableView>
#include <QTest>
#include <gtest/gtest.h>

#include "gui/timeline/timeline_view.hpp"
#include "hardware/config/config.hpp"
#include "tests/places.hpp"

namespace orrery::gui {
namespace {

RunPtr training_run(std::uint64_t number, const std::string& batch) {
  RunRequest request;
  request.number = number;
  request.file = orrery::tests::source_root() + "/scenarios/library/training/gpt2-124m-8xa100.yaml";
  request.text =
      hardware::set_value(hardware::read_text_file(request.file), request.file, "training.global_batch_size", batch);
  request.change = "training.global_batch_size: " + batch;
  return make_run(std::move(request));
}

struct Runs {
  RunPtr one = training_run(1, "512"), two = training_run(2, "1024"), three = training_run(3, "1536");
};

QString label(CompareView& view, const char* choice) { return view.findChild<QComboBox*>(choice)->currentText(); }

TEST(CompareView, ComparesTheLastEditUntilOthersAreChosen) {
  const Runs runs;
  CompareView view;
  view.resize(800, 600);
  view.show();
  view.set_choices({runs.one});
  view.set_runs(runs.one, nullptr);
  EXPECT_EQ(view.model().rowCount(), 0);
  view.set_choices({runs.one, runs.two});
  view.set_runs(runs.two, runs.one);
  EXPECT_GT(view.model().rowCount(), 10);
  EXPECT_TRUE(label(view, "compare_a").startsWith("#1"));
  EXPECT_TRUE(label(view, "compare_b").startsWith("#2"));
  EXPECT_TRUE(view.choose(2, 1));
  EXPECT_FALSE(view.choose(2, 9));
  view.set_choices({runs.one, runs.two, runs.three});
  view.set_runs(runs.three, runs.two);
  EXPECT_TRUE(label(view, "compare_a").startsWith("#2"));
  EXPECT_TRUE(label(view, "compare_b").startsWith("#1"));
  view.set_choices({runs.two, runs.three});  // the first run was dropped
  EXPECT_TRUE(label(view, "compare_a").startsWith("#2"));
  EXPECT_TRUE(label(view, "compare_b").startsWith("#3"));
  EXPECT_NE(view.csv(), "");
}

TEST(CompareView, SwapsAndGoesBackToTheLastEdit) {
  const Runs runs;
  CompareView view;
  view.show();
  view.set_choices({runs.one, runs.two});
  view.set_runs(runs.two, runs.one);
  const std::string before = view.csv();
  view.findChild<QAbstractButton*>("compare_swap")->click();
  EXPECT_TRUE(label(view, "compare_a").startsWith("#2"));
  EXPECT_NE(view.csv(), before);
  view.findChild<QAbstractButton*>("compare_follow")->click();
  EXPECT_EQ(view.csv(), before);
  QSignalSpy opened(&view, &CompareView::open_requested);
  view.findChild<QAbstractButton*>("compare_open")->click();
  EXPECT_EQ(opened.count(), 1);
}

TEST(CompareView, ListsChoicesNewestFirstAndTakesOne) {
  const Runs runs;
  CompareView view;
  view.show();
  view.set_choices({runs.one, runs.two, runs.three});
  view.set_runs(runs.three, runs.two);
  auto* choice = view.findChild<QComboBox*>("compare_a");
  ASSERT_EQ(choice->count(), 3);
  EXPECT_TRUE(choice->itemText(0).startsWith("#3"));
  EXPECT_EQ(choice->currentIndex(), 1);
  choice->setCurrentIndex(2);
  emit choice->activated(2);
  EXPECT_TRUE(label(view, "compare_a").startsWith("#1"));
  EXPECT_FALSE(view.findChild<QAbstractButton*>("compare_follow")->isChecked()) << "it is the user's choice now";
  // A pair that is not among the kept runs yet is a choice all the same.
  CompareView early;
  early.set_runs(runs.two, runs.one);
  EXPECT_EQ(early.findChild<QComboBox*>("compare_b")->count(), 2);
}

TEST(CompareView, WritesItsTableWithoutBeingShown) {
  const Runs runs;
  CompareView hidden, shown;
  for (CompareView* view : {&hidden, &shown}) {
    view->set_choices({runs.one, runs.two});
    view->set_runs(runs.two, runs.one);
  }
  shown.show();
  EXPECT_EQ(hidden.model().rowCount(), 0) << "nothing is filled while nobody looks";
  EXPECT_EQ(hidden.csv(), shown.csv());
}

TEST(CompareView, AsksOnlyWhereAFigureOfTheCurrentRunComesFrom) {
  const Runs runs;
  CompareView view;
  view.resize(900, 700);
  view.show();
  view.set_choices({runs.one, runs.two, runs.three});
  view.set_runs(runs.three, runs.two);
  QSignalSpy asked(&view, &RunView::explain_requested);
  auto* table = view.findChild<QTableView*>("compare_table");
  emit table->doubleClicked(table->model()->index(0, 2));
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.last().at(0).toString(), "training.step_time_s");
  ASSERT_TRUE(view.choose(1, 2));
  emit table->doubleClicked(table->model()->index(0, 2));
  EXPECT_EQ(asked.count(), 1) << "explanations are of the third run";
}

TEST(CompareView, SaysThatThereIsNothingToCompareWith) {
  CompareView view;
  view.show();
  view.set_runs(training_run(1, "512"), nullptr);
  EXPECT_TRUE(view.findChild<QLabel*>("compare_hint")->isVisible());
  EXPECT_FALSE(view.findChild<QTableView*>("compare_table")->isVisible());
  EXPECT_EQ(view.csv(), "");
}

TEST(CompareView, ShowsBothTimelinesOnOneAxis) {
  const Runs runs;
  CompareView view;
  view.resize(800, 600);
  view.set_choices({runs.one, runs.two});
  view.set_runs(runs.two, runs.one);
  view.show();
  const sim::SimTime longest = std::max(runs.one->timeline.makespan, runs.two->timeline.makespan);
  EXPECT_EQ(view.timeline_a().range_begin(), view.timeline_b().range_begin());
  EXPECT_EQ(view.timeline_a().range_end(), view.timeline_b().range_end());
  EXPECT_GE(view.timeline_a().range_end(), longest);
  view.timeline_a().set_range(longest / 4, longest / 2);
  EXPECT_EQ(view.timeline_b().range_begin(), view.timeline_a().range_begin());
  EXPECT_EQ(view.timeline_b().range_end(), view.timeline_a().range_end());
  view.timeline_b().set_range(0, longest / 3);
  EXPECT_EQ(view.timeline_a().range_end(), view.timeline_b().range_end());
}

}  // namespace
}  // namespace orrery::gui
