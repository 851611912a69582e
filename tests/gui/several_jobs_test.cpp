// A scenario of several jobs, with events, in the window.
#include <QTreeView>
#include <gmock/gmock.h>

#include "gui/view/explain_view.hpp"
#include "gui/view/key_figure.hpp"
#include "gui/view/memory_view.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string two_jobs() {
  return "scenario: two\n"
         "cluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
         "jobs:\n"
         "  - name: learn   # by day\n"
         "    model: llama-3-8b\n"
         "    training: {sequence_length: 4096, global_batch_size: 32, tensor_parallel: 2, data_parallel: 4, zero: "
         "optimizer, sequence_parallel: true, attention: flash}\n"
         "  - name: chat\n"
         "    model: llama-3-8b\n"
         "    placement: {first_node: 1}\n"
         "    serving:\n"
         "      load: {rate: 20, requests: 100, input: 256, output: 64}\n";
}

class SeveralJobs : public WindowTest {
 protected:
  [[nodiscard]] std::vector<std::string> groups() const {
    std::vector<std::string> titles;
    for (int row = 0; row < report().rowCount(); ++row) {
      titles.push_back(report().index(row, 0).data().toString().toStdString());
    }
    return titles;
  }
};

TEST_F(SeveralJobs, HaveGroupsAndKeyFiguresByTheirNames) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  EXPECT_THAT(groups(), Contains("learn: Training"));
  EXPECT_THAT(groups(), Contains("chat: Serving"));
  std::vector<std::string> titles;
  for (const KeyFigure* figure : find<ReportView>("report_view")->figures()) {
    titles.push_back(figure->figure().title.toStdString());
  }
  EXPECT_THAT(titles, Contains(StartsWith("learn: ")));
  EXPECT_THAT(titles, Contains(StartsWith("chat: ")));
}

TEST_F(SeveralJobs, ShowTheViewsOfBothKinds) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  const auto* tabs = find<QTabWidget>("result_tabs");
  std::vector<std::string> hidden;
  for (int i = 0; i < tabs->count(); ++i) {
    if (!tabs->isTabVisible(i)) hidden.push_back(tabs->tabText(i).toStdString());
  }
  EXPECT_TRUE(hidden.empty());
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("one.yaml")));
  for (int i = 0; i < tabs->count(); ++i) {
    if (!tabs->isTabVisible(i)) hidden.push_back(tabs->tabText(i).toStdString());
  }
  EXPECT_THAT(hidden, ElementsAre("Latency", "Load"));
}

TEST_F(SeveralJobs, AreEditedByTheFormInTheirOwnText) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  ASSERT_TRUE(settle([&] { type(QStringLiteral("jobs.1.serving.load.rate"), QStringLiteral("30")); }));
  EXPECT_EQ(text(), replaced(two_jobs(), "rate: 20", "rate: 30"));
  EXPECT_EQ(window_->current_run()->request.change, "jobs.1.serving.load.rate: 20 → 30");
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("jobs.learn.training.zero"), QStringLiteral("none")); }));
  EXPECT_THAT(text(), HasSubstr("zero: none"));
}

TEST_F(SeveralJobs, AskForTheSourceOfAJobsFigure) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  for (KeyFigure* figure : find<ReportView>("report_view")->figures()) {
    if (!figure->figure().metric.startsWith(QStringLiteral("jobs.chat."))) continue;
    QTest::mouseClick(figure, Qt::LeftButton);
    auto* explain = qobject_cast<ExplainView*>(window_->view(QStringLiteral("explain")));
    EXPECT_EQ(explain->metric(), figure->figure().metric);
    EXPECT_TRUE(explain->isVisible());
    EXPECT_GT(explain->model().rowCount(explain->model().index(0, 0)), 0) << "it has parts";
    return;
  }
  ADD_FAILURE() << "no figure of that job";
}

TEST_F(SeveralJobs, HaveTheirMemoryByName) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  const std::string table = window_->view(QStringLiteral("memory"))->csv();
  EXPECT_THAT(table, HasSubstr("\ncurrent,learn "));
  EXPECT_THAT(table, HasSubstr("\ncurrent,chat "));
  EXPECT_THAT(table, HasSubstr(",jobs.chat.memory.weights_bytes\n"));
}

TEST_F(SeveralJobs, DrawTheScheduleOfTheFirstThatTrains) {
  const std::string piped = replaced(two_jobs(), "data_parallel: 4", "data_parallel: 2, pipeline_parallel: 2");
  ASSERT_NO_FATAL_FAILURE(open(piped));
  ASSERT_TRUE(window_->show_view(QStringLiteral("pipeline")));
  EXPECT_TRUE(
      window_->view(QStringLiteral("pipeline"))->findChild<QWidget*>(QStringLiteral("pipeline_canvas"))->isVisible());
  const std::string table = window_->view(QStringLiteral("pipeline"))->csv();
  // 32 sequences of a batch on two replicas: 16 microbatches through two stages, forward and backward.
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 1 + 16 * 2 * 2);
}

TEST_F(SeveralJobs, AMistakeInOneIsAtItsPlace) {
  const std::string wrong = replaced(two_jobs(), "rate: 20", "rate: -2");
  ASSERT_TRUE(settle([&] { window_->open_file(write(QStringLiteral("w.yaml"), wrong)); }));
  EXPECT_FALSE(
      form()->model().index_of(QStringLiteral("jobs.1.serving.load.rate")).data(FormModel::kProblemRole).isNull());
  const auto& problems = editor()->problems();
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems.front().span.line, 11);
}

TEST_F(SeveralJobs, AJobThatIsTakenOutTakesItsSectionAlong) {
  ASSERT_NO_FATAL_FAILURE(open(two_jobs()));
  ASSERT_TRUE(form()->model().index_of(QStringLiteral("jobs.1.serving.load.rate")).isValid());
  const std::string one = two_jobs().substr(0, two_jobs().find("  - name: chat"));
  ASSERT_TRUE(settle([&] { window_->document().set_text(QString::fromStdString(one)); }));
  EXPECT_FALSE(form()->model().index_of(QStringLiteral("jobs.1.serving.load.rate")).isValid());
  EXPECT_TRUE(form()->model().index_of(QStringLiteral("jobs.0.training.zero")).isValid());
  window_->document().undo_stack().undo();
  EXPECT_TRUE(form()->model().index_of(QStringLiteral("jobs.1.serving.load.rate")).isValid());
}

}  // namespace
}  // namespace orrery::gui::testing
