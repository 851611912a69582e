// How panels and results share a window of any width, and what a user finds there.
#include <gmock/gmock.h>

#include "gui/look/elided_label.hpp"
#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_view.hpp"
#include "gui/view/explain_view.hpp"
#include "gui/view/key_figure.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class Panels : public WindowTest {
 protected:
  void resize(int width, int height) const {
    window_->resize(width, height);
    turn_event_loop(50);
  }
  [[nodiscard]] QDockWidget* dock(const char* name) const { return find<QDockWidget>(name); }
  [[nodiscard]] int results_width() const { return find<ReportView>("report_view")->width(); }

  void expect_whole_figures() const {
    const auto& figures = find<ReportView>("report_view")->figures();
    ASSERT_FALSE(figures.empty());
    for (const KeyFigure* figure : figures) {
      EXPECT_GE(figure->width(), figure->sizeHint().width()) << figure->figure().title.toStdString();
      EXPECT_TRUE(figure->parentWidget()->rect().contains(figure->geometry())) << figure->figure().title.toStdString();
    }
  }

  static std::string title_line(std::string text, const std::string& title) {
    return replaced(std::move(text), "\"small\"", '"' + title + '"');
  }
};

TEST_F(Panels, ShareTheWidthWithTheResultsAndTakeItBack) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  resize(1600, 1000);
  expect_whole_figures();
  const int runs = dock("runs_dock")->height(), form = dock("form_dock")->width(), yaml = dock("yaml_dock")->width(),
            results = results_width();
  resize(1366, 768);
  expect_whole_figures();
  EXPECT_NEAR(dock("form_dock")->width(), form * 1366 / 1600, 8);
  EXPECT_NEAR(results_width(), results * 1366 / 1600, 30);
  resize(900, 620);
  EXPECT_EQ(window_->size(), QSize(900, 620));
  EXPECT_GE(results_width(), 500);
  expect_whole_figures();
  resize(1600, 1000);
  EXPECT_NEAR(dock("form_dock")->width(), form, 4);
  EXPECT_NEAR(dock("yaml_dock")->width(), yaml, 4);
  EXPECT_NEAR(dock("runs_dock")->height(), runs, 8);
  EXPECT_NEAR(results_width(), results, 8);
  expect_whole_figures();
}

TEST_F(Panels, KeepTheSharesThatTheUserGaveThem) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const int before = dock("yaml_dock")->width();
  // The border between the text and the results, dragged to the right.
  const QRect text = dock("yaml_dock")->geometry();
  const QPoint border(text.right() + 2, text.center().y());
  QTest::mousePress(window_.get(), Qt::LeftButton, {}, border);
  for (int step = 1; step <= 10; ++step) {
    const QPoint at = border + QPoint(10 * step, 0);
    QMouseEvent move(QEvent::MouseMove, at, window_->mapToGlobal(at), Qt::NoButton, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(window_.get(), &move);
    turn_event_loop(10);
  }
  turn_event_loop(50);
  QTest::mouseRelease(window_.get(), Qt::LeftButton, {}, border + QPoint(100, 0));
  const int dragged = dock("yaml_dock")->width();
  ASSERT_GT(dragged, before + 20);  // the columns beside it take their part
  resize(1400, 900);
  EXPECT_NEAR(dock("yaml_dock")->width(), dragged * 1400 / 1600, 8);
  resize(1600, 1000);
  EXPECT_NEAR(dock("yaml_dock")->width(), dragged, 4);
}

TEST_F(Panels, AServingRunsFiguresStandWholeToo) {
  ASSERT_NO_FATAL_FAILURE(open(chat(200, 10)));
  for (const QSize& size : {QSize(1600, 1000), QSize(1366, 768), QSize(900, 620)}) {
    resize(size.width(), size.height());
    expect_whole_figures();
  }
}

TEST_F(Panels, ALongMessageDoesNotWidenTheWindow) {
  ASSERT_NO_FATAL_FAILURE(open(title_line(small_training(), std::string(60, 'w'))));
  resize(900, 620);
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("model"), QString(300, u'm')); }));
  resize(900, 620);
  EXPECT_EQ(window_->width(), 900);
  const auto* status = find<ElidedLabel>("window_status");
  EXPECT_TRUE(status->line().contains(QString(300, u'm')));
  EXPECT_TRUE(status->text().endsWith(QChar(0x2026)));
  EXPECT_EQ(status->toolTip(), status->line());
}

TEST_F(Panels, NothingOfOneFileIsLeftInTheNext) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  find<QLineEdit>("form_filter")->setText(QStringLiteral("batch"));
  auto* timeline = find<TimelineView>("timeline_view");
  ASSERT_TRUE(window_->show_view(QStringLiteral("timeline")));
  timeline->findChild<QLineEdit*>(QStringLiteral("timeline_search"))->setText(QStringLiteral("qkv"));
  timeline->set_range(0, window_->current_run()->timeline.makespan / 10);
  window_->explain(QStringLiteral("training.mfu"));
  ASSERT_NO_FATAL_FAILURE(
      open(replaced(title_line(small_training(), "other"), "sequence_length: 4096", "sequence_length: 2048"),
           QStringLiteral("other.yaml")));
  EXPECT_EQ(find<QLineEdit>("form_filter")->text(), QString());
  EXPECT_EQ(timeline->findChild<QLineEdit*>(QStringLiteral("timeline_search"))->text(), QString());
  EXPECT_EQ(timeline->range_begin(), 0u);
  EXPECT_EQ(timeline->range_end(), window_->current_run()->timeline.makespan);
  EXPECT_EQ(find<ExplainView>("explain_view")->metric(), QStringLiteral("training.step_time_s"));
  // An edit of the same file keeps them.
  find<QLineEdit>("form_filter")->setText(QStringLiteral("batch"));
  window_->explain(QStringLiteral("training.mfu"));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  EXPECT_EQ(find<QLineEdit>("form_filter")->text(), QStringLiteral("batch"));
  EXPECT_EQ(find<ExplainView>("explain_view")->metric(), QStringLiteral("training.mfu"));
}

TEST_F(Panels, ASearchDoesNotMoveTheTimeline) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->show_view(QStringLiteral("timeline")));
  auto* timeline = find<TimelineView>("timeline_view");
  for (const int width : {1600, 1250, 900}) {
    resize(width, 700);
    turn_event_loop(200);  // the legend's lines are laid out
    const QRect before = timeline->canvas().geometry();
    timeline->findChild<QLineEdit*>(QStringLiteral("timeline_search"))->setText(QStringLiteral("a"));
    turn_event_loop(50);
    EXPECT_EQ(timeline->canvas().geometry(), before) << width;
    timeline->findChild<QLineEdit*>(QStringLiteral("timeline_search"))->clear();
    turn_event_loop(20);
  }
}

TEST_F(Panels, RunsAreNumberedWithoutGaps) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(settle([&] {
    for (const int batch : {72, 80, 88, 96, 104}) {
      window_->set_value(QStringLiteral("training.global_batch_size"), QString::number(batch));
    }
  }));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  const std::vector<RunPtr>& runs = window_->runs();
  ASSERT_EQ(runs.size(), 3u);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(runs[i]->label().rfind("#" + std::to_string(i + 1) + " ", 0), 0u) << runs[i]->label();
  }
}

TEST_F(Panels, F1SaysWhatIsWhereAndItsKeys) {
  answer_.stop();  // its dialog is expected
  press(Qt::Key_F1);
  auto* text = find<QTextBrowser>("help_text");
  ASSERT_NE(text, nullptr);
  EXPECT_TRUE(text->isVisible());
  const std::string words = text->toPlainText().toStdString();
  for (const char* part : {"Timeline", "Memory", "Ctrl+O", "F5", "search labels"}) {
    EXPECT_THAT(words, ::testing::HasSubstr(part));
  }
  text->window()->close();
}

}  // namespace
}  // namespace orrery::gui::testing
