// More than one scenario in one window: comparing with a file, going back to a run of another one, opening one that is
// broken. Nothing of one file may end up in another, or seem to be of it.
#include <QComboBox>
#include <gtest/gtest.h>

#include "gui/view/compare_view.hpp"
#include "gui/view/runs_view.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class SeveralFiles : public WindowTest {
 protected:
  [[nodiscard]] std::string other_text() const { return replaced(small_training(), "\"small\"", "\"other\""); }
};

TEST_F(SeveralFiles, AComparedFileIsComparedByItsOwnRun) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  const QString other = write(QStringLiteral("b.yaml"), replaced(other_text(), "recompute: none", "recompute: full"));
  window_->compare_with(other);
  ASSERT_TRUE(wait_for([&] { return window_->runs().size() == 2; }));
  EXPECT_NE(window_->runs()[0]->request.number, window_->runs()[1]->request.number);
  auto* compare = qobject_cast<CompareView*>(window_->view(QStringLiteral("compare")));
  ASSERT_NE(compare, nullptr);
  const QModelIndex row = compare->model().index(0, 0);  // training.step_time_s
  EXPECT_NE(row.siblingAtColumn(ComparisonModel::kA).data(), row.siblingAtColumn(ComparisonModel::kB).data())
      << "full recompute takes longer";
}

TEST_F(SeveralFiles, GoingBackToARunOfAnotherFileOpensThatFile) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  const RunPtr first = window_->current_run();
  ASSERT_NO_FATAL_FAILURE(open(other_text(), QStringLiteral("b.yaml")));
  auto* runs = find<RunsView>("runs_view");
  ASSERT_TRUE(settle([&] { emit runs->restore_requested(first); }));
  EXPECT_TRUE(window_->document().path().endsWith(QLatin1String("a.yaml")));
  EXPECT_TRUE(window_->save_file());
  EXPECT_EQ(read_bytes(native(QStringLiteral("b.yaml"))), other_text());
  EXPECT_EQ(read_bytes(native(QStringLiteral("a.yaml"))), small_training());
}

TEST_F(SeveralFiles, ABrokenFileShowsNothingOfTheOneBefore) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  ASSERT_TRUE(settle([&] { window_->open_file(write(QStringLiteral("broken.yaml"), "scenario: [never closed\n")); }));
  const QModelIndex value = form()->model().index_of(QStringLiteral("training.tensor_parallel"));
  EXPECT_FALSE(value.data(FormModel::kGivenRole).toBool());
  EXPECT_EQ(window_->current_run(), nullptr);
}

TEST_F(SeveralFiles, AnotherFileIsNotComparedWithTheOneBefore) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  ASSERT_NO_FATAL_FAILURE(open(other_text(), QStringLiteral("b.yaml")));
  EXPECT_EQ(window_->previous_run(), nullptr);
}

TEST_F(SeveralFiles, EditsThatAreOneStepOfUndoAreNamedFromFirstToLast) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QString key = QStringLiteral("training.tensor_parallel");
  for (const char* value : {"4", "8", "1"}) window_->set_value(key, QString::fromLatin1(value));
  EXPECT_EQ(window_->document().last_change(), QStringLiteral("training.tensor_parallel: 2 → 1"));
  EXPECT_EQ(window_->document().undo_stack().undoText(), QStringLiteral("training.tensor_parallel: 2 → 1"));
  window_->set_value(key, QStringLiteral("2"));  // there and back is no change
  EXPECT_FALSE(window_->document().is_modified());
}

TEST_F(SeveralFiles, ASmallWindowLeavesRoomForTheResult) {
  MainWindow small;
  small.resize(800, 600);
  small.show();
  turn_event_loop(50);
  EXPECT_GE(small.findChild<QWidget*>(QStringLiteral("result_tabs"))->width(), 350);
}

}  // namespace
}  // namespace orrery::gui::testing
