// Asking where figures come from.
#include "gui/view/explain_view.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QLineEdit>
#include <QTest>
#include <QTreeView>
#include <gtest/gtest.h>

#include "gui/look/text.hpp"
#include "gui/timeline/timeline_text.hpp"
#include "hardware/config/config.hpp"
#include "tests/places.hpp"

namespace orrery::gui {
namespace {

RunPtr training_run(const std::string& batch) {
  RunRequest request;
  request.number = 1;
  request.file = orrery::tests::source_root() + "/scenarios/library/training/gpt2-124m-8xa100.yaml";
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

// Every span of the step leads to the row of its own kernel, collective or transfer, open on its terms.
TEST(ExplainView, OpensTheOperationThatIsAskedFor) {
  ExplainView view;
  view.resize(700, 400);
  const RunPtr run = training_run("512");
  view.set_runs(run, nullptr);
  view.show();
  const auto* tree = view.findChild<QTreeView*>("explain_tree");
  std::set<std::pair<std::string, sim::Activity>> seen;
  for (const sim::Span& span : run->timeline.spans) {
    const std::string& label = run->timeline.labels[span.label.index()];
    if (!seen.emplace(label, span.activity).second) continue;
    const QString name = to_qstring(std::string(sim::name(span.activity)) + ": " + label);
    view.explain(metric_of(span.activity), name);
    const QModelIndex current = tree->currentIndex().siblingAtColumn(0);
    ASSERT_TRUE(current.isValid()) << name.toStdString();
    const QStringList operations = current.data(ExplainModel::kOperationsRole).toStringList();
    EXPECT_TRUE(std::any_of(operations.begin(), operations.end(),
                            [&](const QString& operation) { return operation.startsWith(name); }))
        << name.toStdString() << " leads to " << current.data().toString().toStdString();
    // Its shape is the title; below stand the terms of its time.
    EXPECT_TRUE(tree->isExpanded(current) || view.model().rowCount(current) == 0);
  }
  EXPECT_GT(seen.size(), 10u);
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

TEST(ExplainView, AnExactNameThatIsTypedIsTakenAndNothingElse) {
  ExplainView view;
  view.set_runs(training_run("512"), nullptr);
  view.show();
  auto* choice = view.findChild<QComboBox*>("explain_choice");
  const auto leave_with = [&](const char* text) {
    choice->setEditText(text);
    emit choice->lineEdit()->editingFinished();
  };
  leave_with(" TRAINING.MFU ");
  EXPECT_EQ(view.metric(), "training.mfu") << "whatever its case, without the spaces";
  leave_with("training.m");
  EXPECT_EQ(view.metric(), "training.mfu");
  EXPECT_EQ(choice->currentText(), "training.mfu") << "the line shows what is explained";
}

TEST(ExplainView, AFigureThatTheRunLacksStaysChosen) {
  ExplainView view;
  view.set_runs(training_run("512"), nullptr);
  view.show();
  view.explain("serving.ttft_s.mean");
  EXPECT_EQ(view.metric(), "serving.ttft_s.mean");
  EXPECT_EQ(view.findChild<QComboBox*>("explain_choice")->currentText(), "serving.ttft_s.mean");
  view.forget();
  view.set_runs(training_run("1024"), nullptr);
  EXPECT_EQ(view.metric(), "training.step_time_s") << "another scenario begins at the first figure";
}

TEST(ExplainView, CopiesTheChosenRowsInTheirOrder) {
  ExplainView view;
  view.resize(700, 400);
  view.set_runs(training_run("512"), nullptr);
  view.show();
  auto* tree = view.findChild<QTreeView*>("explain_tree");
  const QModelIndex root = tree->model()->index(0, 0), first = tree->model()->index(0, 0, root);
  tree->setCurrentIndex(first);
  tree->selectionModel()->select(root, QItemSelectionModel::Select | QItemSelectionModel::Rows);
  QTest::keySequence(tree, QKeySequence::Copy);
  const QStringList lines = QApplication::clipboard()->text().split('\n');
  ASSERT_EQ(lines.size(), 3) << "two rows, each with its line end";
  EXPECT_TRUE(lines[0].startsWith(root.data().toString() + '\t'));
  EXPECT_TRUE(lines[1].startsWith(first.data().toString() + '\t'));
  EXPECT_EQ(lines[0].count('\t'), ExplainModel::kColumns - 1);
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
