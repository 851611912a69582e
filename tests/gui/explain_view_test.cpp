// Asking where figures come from.
#include "gui/view/explain_view.hpp"

#include <QComboBox>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"

namespace orrery::gui {
namespace {

RunPtr training_run(const std::string& batch) {
  RunRequest request;
  request.number = 1;
  request.file = std::string(ORRERY_SOURCE_ROOT) + "/scenarios/library/training/gpt2-124m-8xa100.yaml";
  request.text =
      hardware::set_value(hardware::read_text_file(request.file), request.file, "training.global_batch_size", batch);
  return make_run(std::move(request));
}

QString root_title(ExplainView& view) { return view.model().index(0, 0).data().toString(); }

TEST(ExplainView, ShowsTheChosenFigureOfTheNewestRun) {
  ExplainView view;
  view.resize(700, 400);
  view.set_runs(training_run("512"), nullptr);
  view.explain("training.mfu");
  EXPECT_EQ(view.model().rowCount(), 0);  // nothing is computed while nobody looks
  EXPECT_NE(view.csv(), "");
  view.show();
  EXPECT_EQ(view.metric(), "training.mfu");
  EXPECT_TRUE(root_title(view).contains("mfu"));
  const QString before = view.model().index(0, ExplainModel::kValue).data().toString();
  view.set_runs(training_run("1024"), nullptr);
  EXPECT_EQ(view.metric(), "training.mfu");
  EXPECT_NE(view.model().index(0, ExplainModel::kValue).data().toString(), before);
}

TEST(ExplainView, SelectsThePartThatIsAskedFor) {
  ExplainView view;
  view.resize(700, 400);
  view.set_runs(training_run("512"), nullptr);
  view.show();
  view.explain("training.step_time_s", "GEMM");
  const QModelIndex current = view.findChild<QTreeView*>("explain_tree")->currentIndex();
  ASSERT_TRUE(current.isValid());
  EXPECT_TRUE(current.siblingAtColumn(0).data().toString().contains("gemm", Qt::CaseInsensitive));
}

TEST(ExplainView, TakesFiguresFromItsMenu) {
  ExplainView view;
  view.set_runs(training_run("512"), nullptr);
  view.show();
  auto* choice = view.findChild<QComboBox*>("explain_choice");
  ASSERT_NE(choice, nullptr);
  EXPECT_GT(choice->count(), 20);
  choice->setEditText("memory.peak_bytes");
  emit choice->textActivated("memory.peak_bytes");
  EXPECT_EQ(view.metric(), "memory.peak_bytes");
  EXPECT_TRUE(root_title(view).contains("peak_bytes"));
}

TEST(ExplainView, SaysThatThereIsNothingYet) {
  ExplainView view;
  view.set_runs(nullptr, nullptr);
  view.show();
  EXPECT_EQ(view.model().rowCount(), 1);
  EXPECT_TRUE(root_title(view).contains("no result"));
}

}  // namespace
}  // namespace orrery::gui
