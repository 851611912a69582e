#include "gui/view/load_view.hpp"

#include <chrono>

#include <QWheelEvent>
#include <QtTest>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/look/theme.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

void show(LoadView& view, const RunPtr& current, const RunPtr& previous = nullptr) {
  view.resize(1000, 640);
  view.set_runs(current, previous);
  view.show();
  QTest::qWait(30);
}

void turn_wheel(LoadView& view, QPoint at, int notches) {
  QWheelEvent event(at, view.plot().mapToGlobal(at), {}, {0, 120 * notches}, Qt::NoButton, Qt::NoModifier,
                    Qt::NoScrollPhase, false);
  QApplication::sendEvent(&view.plot(), &event);
}

TEST(LoadView, ShowsTheWholeRunAtFirst) {
  LoadView view;
  const tests::MadeRun run = tests::serving_run();
  show(view, run);
  EXPECT_DOUBLE_EQ(view.range_begin(), 0.0);
  EXPECT_DOUBLE_EQ(view.range_end(), run->series.duration);
  EXPECT_GE(view.plot().axisRectCount(), 2);
}

TEST(LoadView, ZoomsAtThePointer) {
  LoadView view;
  const tests::MadeRun run = tests::serving_run();
  show(view, run);
  const QCPAxisRect* rect = view.plot().axisRect(0);
  const QPoint at(rect->left() + rect->width() / 4, rect->top() + 20);
  const double before = rect->axis(QCPAxis::atBottom)->pixelToCoord(at.x());
  turn_wheel(view, at, 2);
  EXPECT_LT(view.range_end() - view.range_begin(), 0.7 * run->series.duration);
  EXPECT_NEAR(rect->axis(QCPAxis::atBottom)->pixelToCoord(at.x()), before, 0.01 * before);
}

TEST(LoadView, ZoomsAllPanelsTogether) {
  LoadView view;
  show(view, tests::serving_run());
  QTest::keyClick(&view.plot(), Qt::Key_Plus);
  for (const QCPAxisRect* rect : view.plot().axisRects()) {
    EXPECT_DOUBLE_EQ(rect->axis(QCPAxis::atBottom)->range().lower, view.range_begin());
    EXPECT_DOUBLE_EQ(rect->axis(QCPAxis::atBottom)->range().upper, view.range_end());
  }
  // A panel that was dragged takes the others along.
  const double shift = 0.1 * view.range_end();
  view.plot().axisRect(1)->axis(QCPAxis::atBottom)->setRange(view.range_begin() + shift, view.range_end() + shift);
  EXPECT_DOUBLE_EQ(view.plot().axisRect(0)->axis(QCPAxis::atBottom)->range().lower, view.range_begin());
}

TEST(LoadView, MovesByKeysAndStaysWithinTheRun) {
  LoadView view;
  const tests::MadeRun run = tests::serving_run();
  show(view, run);
  QTest::keyClick(&view.plot(), Qt::Key_Plus);
  const double size = view.range_end() - view.range_begin(), begin = view.range_begin();
  EXPECT_NEAR(size, 0.7 * run->series.duration, 1e-9);
  QTest::keyClick(&view.plot(), Qt::Key_Left);
  EXPECT_LT(view.range_begin(), begin);
  for (int i = 0; i < 20; ++i) QTest::keyClick(&view.plot(), Qt::Key_Right);
  EXPECT_NEAR(view.range_end(), run->series.duration, 1e-9);
  EXPECT_NEAR(view.range_end() - view.range_begin(), size, 1e-9);
  QTest::keyClick(&view.plot(), Qt::Key_Minus);
  QTest::keyClick(&view.plot(), Qt::Key_Home);
  EXPECT_DOUBLE_EQ(view.range_begin(), 0.0);
  EXPECT_DOUBLE_EQ(view.range_end(), run->series.duration);
  QTest::keyClick(&view.plot(), Qt::Key_Plus);
  QTest::mouseDClick(&view.plot(), Qt::LeftButton, {}, view.plot().rect().center());
  EXPECT_DOUBLE_EQ(view.range_end(), run->series.duration);
}

TEST(LoadView, KeepsTheRangeForASimilarRun) {
  LoadView view;
  show(view, tests::serving_run());
  view.set_range(5.0, 10.0);
  view.set_runs(tests::serving_run({{"serving.max_num_seqs", "100"}}), nullptr);
  EXPECT_DOUBLE_EQ(view.range_begin(), 5.0);
  EXPECT_DOUBLE_EQ(view.range_end(), 10.0);
  const tests::MadeRun faster = tests::serving_run({{"serving.load.rate", "40"}});
  view.set_runs(faster, nullptr);
  EXPECT_DOUBLE_EQ(view.range_end(), faster->series.duration);
}

// A run that ends before what was in view moves the range, and leaves it as long as it was.
TEST(LoadView, KeepsALengthWhereTheRunEndsEarlier) {
  const auto of_length = [](double seconds) {
    auto run = tests::serving_run();
    run->series.duration = seconds;
    return run;
  };
  LoadView view;
  show(view, of_length(100.0));
  view.set_range(95.0, 100.0);
  view.set_runs(of_length(85.0), nullptr);
  EXPECT_DOUBLE_EQ(view.range_begin(), 80.0);
  EXPECT_DOUBLE_EQ(view.range_end(), 85.0);
  view.set_range(10.0, 84.0);  // most of it
  view.set_runs(of_length(70.0), nullptr);
  EXPECT_DOUBLE_EQ(view.range_begin(), 0.0);
  EXPECT_DOUBLE_EQ(view.range_end(), 70.0);
}

TEST(LoadView, TellsTheValuesUnderThePointer) {
  LoadView view;
  show(view, tests::serving_run());
  const QCPAxisRect* rect = view.plot().axisRect(0);
  QTest::mouseMove(&view.plot(), rect->center());
  QString told;
  for (QCPLayoutElement* element : view.plot().plotLayout()->elements(true)) {
    const auto* text = qobject_cast<QCPTextElement*>(element);
    if (text != nullptr && text->text().startsWith("at ")) told = text->text();
  }
  for (const char* state : {"running ", "waiting ", "KV cache "})
    EXPECT_TRUE(told.contains(state)) << told.toStdString();
}

TEST(LoadView, SaysWhyThereIsNothing) {
  LoadView view;
  show(view, nullptr);
  EXPECT_FALSE(view.message().isEmpty());
  show(view, tests::training_run());
  EXPECT_TRUE(view.message().contains("A run that serves no requests"));
  show(view, tests::serving_run());
  EXPECT_TRUE(view.message().isEmpty());
  EXPECT_TRUE(view.accessibleDescription().contains("running: mean"));
  EXPECT_NE(view.csv().find("current,KV cache,share,"), std::string::npos);
  QTest::keyClick(&view.plot(), Qt::Key_Plus);
  show(view, nullptr);
  QTest::mouseMove(&view.plot(), view.plot().rect().center());
}

TEST(LoadView, DrawsWithinAFrame) {
  LoadView view;
  show(view, tests::serving_run());
  const auto start = std::chrono::steady_clock::now();
  constexpr int kTimes = 10;
  for (int i = 0; i < kTimes; ++i) view.plot().replot(QCustomPlot::rpImmediateRefresh);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", static_cast<int>(taken.count() / kTimes));
  EXPECT_LT(taken.count() / kTimes, 100.0);  // some 10 ms on a quiet machine
}

TEST(LoadView, FollowsThePalette) {
  LoadView view;
  show(view, tests::serving_run());
  view.set_range(5.0, 10.0);
  apply_theme(Theme::dark);
  QTest::qWait(30);
  const QImage dark = view.grab().toImage();
  EXPECT_DOUBLE_EQ(view.range_begin(), 5.0);
  apply_theme(Theme::light);
  QTest::qWait(30);
  EXPECT_LT(dark.pixelColor(2, 2).lightness(), 80);
  EXPECT_GT(view.grab().toImage().pixelColor(2, 2).lightness(), 200);
}

}  // namespace
}  // namespace orrery::gui
