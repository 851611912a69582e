// The memory view under the pointer and by keys: which part, what it tells, what it asks.
#include <QHelpEvent>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QToolTip>
#include <QtTest>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/view/memory_view.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MemoryInput : public ::testing::Test {
 protected:
  void show(const RunPtr& current, const RunPtr& previous = nullptr) {
    view_.resize(900, 500);
    view_.set_runs(current, previous);
    view_.show();
    QTest::qWait(30);
  }
  [[nodiscard]] QPoint middle(std::size_t stack, std::size_t part) const {
    return view_.part_rect(stack, part).center().toPoint();
  }
  [[nodiscard]] Qt::CursorShape cursor_over(QPoint at) {
    QMouseEvent event(QEvent::MouseMove, at, view_.plot().mapToGlobal(at), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
    QApplication::sendEvent(&view_.plot(), &event);
    return view_.plot().cursor().shape();
  }
  [[nodiscard]] std::string tip_over(QPoint at) {
    QHelpEvent event(QEvent::ToolTip, at, view_.plot().mapToGlobal(at));
    QApplication::sendEvent(&view_.plot(), &event);
    return QToolTip::text().toStdString();
  }
  [[nodiscard]] std::string told() { return view_.plot().accessibleDescription().toStdString(); }

  MemoryView view_;
};

const tests::MadeRun& eight_stages() {
  static const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100");
  return run;
}

TEST_F(MemoryInput, PartsStandOnEachOtherAsHighAsTheirBytes) {
  show(eight_stages());
  const std::vector<MemoryStack> stacks = memory_stacks(eight_stages()->report);
  const QCPAxis* bytes = view_.plot().axisRect(0)->axis(QCPAxis::atLeft);
  constexpr double kMany = 1e11;  // one byte is less than rounding
  const double per_byte = (bytes->coordToPixel(0.0) - bytes->coordToPixel(kMany)) / kMany;
  for (std::size_t s = 0; s < stacks.size(); ++s) {
    double foot = bytes->coordToPixel(0.0);
    for (std::size_t p = 0; p < stacks[s].parts.size(); ++p) {
      const QRectF rect = view_.part_rect(s, p);
      EXPECT_NEAR(rect.bottom(), foot, 1e-6);
      EXPECT_NEAR(rect.height(), stacks[s].parts[p].bytes * per_byte, 1e-6);
      foot = rect.top();
    }
    EXPECT_TRUE(view_.part_rect(s, stacks[s].parts.size()).isNull());
    const double before = s == 0 ? 0.0 : view_.part_rect(s - 1, 0).right();
    EXPECT_LT(before, view_.part_rect(s, 0).left()) << "stacks stand apart";
  }
  EXPECT_TRUE(view_.part_rect(stacks.size(), 0).isNull());
}

TEST_F(MemoryInput, APointingHandIsOverWhatCanBeAsked) {
  show(tests::training_run(), tests::training_run());
  const QRectF part = view_.part_rect(0, 0);
  EXPECT_EQ(cursor_over(part.center().toPoint()), Qt::PointingHandCursor);
  EXPECT_EQ(cursor_over((part.center() - QPointF(part.width(), 0)).toPoint()), Qt::ArrowCursor) << "the run before";
  EXPECT_EQ(cursor_over({2, 2}), Qt::ArrowCursor);
  EXPECT_EQ(cursor_over(part.center().toPoint()), Qt::PointingHandCursor);
}

TEST_F(MemoryInput, TheTooltipSaysWhatTheKeysSay) {
  show(eight_stages());
  const std::string tip = tip_over(middle(1, 0));
  EXPECT_THAT(tip, StartsWith("stage 1: weights "));
  EXPECT_THAT(tip, HasSubstr(" % of the peak of "));
  QTest::keyClick(&view_.plot(), Qt::Key_Right);
  EXPECT_EQ(told(), tip);
}

TEST_F(MemoryInput, TheRunBeforeIsToldAsSuch) {
  show(tests::training_run(), tests::training_run());
  const QRectF part = view_.part_rect(0, 0);
  const std::string now = tip_over(part.center().toPoint());
  EXPECT_EQ(tip_over((part.center() - QPointF(part.width(), 0)).toPoint()), "run before, " + now);
}

TEST_F(MemoryInput, WhatDoesNotFitIsToldWithEachPart) {
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100", {}, "no recompute");
  show(run);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  ASSERT_TRUE(stacks[0].overflows());
  EXPECT_THAT(tip_over(middle(0, 0)), HasSubstr("; needs "));
  std::size_t fits = 0;
  for (std::size_t s = 0; s < stacks.size(); ++s) {
    const bool tells = tip_over(middle(s, 0)).find("; needs ") != std::string::npos;
    EXPECT_EQ(tells, stacks[s].overflows()) << s;
    fits += tells ? 0 : 1;
  }
  EXPECT_LT(fits, stacks.size());
}

TEST_F(MemoryInput, TheLeftButtonAndThreeKeysAsk) {
  show(eight_stages());
  QSignalSpy asked(&view_, &RunView::explain_requested);
  QTest::mouseClick(&view_.plot(), Qt::RightButton, {}, middle(2, 0));
  EXPECT_EQ(asked.count(), 0);
  QTest::mouseClick(&view_.plot(), Qt::LeftButton, {}, middle(2, 0));
  EXPECT_EQ(asked.count(), 1);
  for (const Qt::Key key : {Qt::Key_Return, Qt::Key_Enter, Qt::Key_Space}) QTest::keyClick(&view_.plot(), key);
  ASSERT_EQ(asked.count(), 4);
  EXPECT_EQ(asked.last()[0].toString(), QStringLiteral("memory.stages.0.weights_bytes")) << "where the keys are";
  QTest::keyClick(&view_.plot(), Qt::Key_X);
  EXPECT_EQ(asked.count(), 4);
}

TEST_F(MemoryInput, ANewRunBeginsAtItsFirstPart) {
  show(eight_stages());
  for (int i = 0; i < 5; ++i) QTest::keyClick(&view_.plot(), Qt::Key_Right);
  EXPECT_THAT(told(), StartsWith("stage 5: "));
  show(tests::training_run());
  QTest::keyClick(&view_.plot(), Qt::Key_Left);
  EXPECT_THAT(told(), StartsWith("stage 0: weights"));
}

TEST_F(MemoryInput, WithoutARunKeysAndClicksDoNothing) {
  show(nullptr);
  QSignalSpy asked(&view_, &RunView::explain_requested);
  for (const Qt::Key key : {Qt::Key_Return, Qt::Key_Up, Qt::Key_Right}) QTest::keyClick(&view_.plot(), key);
  QTest::mouseClick(&view_.plot(), Qt::LeftButton, {}, QPoint(400, 200));
  EXPECT_EQ(asked.count(), 0);
  EXPECT_TRUE(view_.part_rect(0, 0).isNull());
}

// Of several jobs: the metrics are each job's own, and the run has them.
TEST_F(MemoryInput, EachPartOfEachJobAsksForItsFigure) {
  const tests::MadeRun run = tests::run_of("cluster/training-beside-serving");
  show(run);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  QSignalSpy asked(&view_, &RunView::explain_requested);
  for (std::size_t s = 0; s < stacks.size(); ++s) {
    for (std::size_t p = 0; p < stacks[s].parts.size(); ++p) {
      if (view_.part_rect(s, p).height() < 3.0) continue;  // too low to be clicked
      QTest::mouseClick(&view_.plot(), Qt::LeftButton, {}, middle(s, p));
      const std::string metric = asked.last()[0].toString().toStdString();
      EXPECT_THAT(metric, StartsWith(s == 0 ? "jobs.learn.memory." : "jobs.chat.memory."));
      EXPECT_TRUE(run->report.find_metric(metric)) << metric;
    }
  }
  EXPECT_GE(asked.count(), 4);
}

}  // namespace
}  // namespace orrery::gui
