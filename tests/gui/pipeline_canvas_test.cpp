// The pipeline's canvas by itself: where passes stand, how pointer and keys move through them.
#include "gui/view/pipeline_canvas.hpp"

#include <random>

#include <QApplication>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>
#include <QToolTip>
#include <QWheelEvent>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "tests/gui/pipeline_runs.hpp"

namespace orrery::gui {
namespace {

using models::PipelinePass;
using ::testing::HasSubstr;
using ::testing::Not;

class PipelineCanvasTest : public ::testing::Test {
 protected:
  void show(const RunPtr& run, const QSize& size = {1000, 400}) {
    canvas_.resize(size);
    canvas_.set_boxes(pass_boxes(run->timeline), run);
    canvas_.show();
    QTest::qWait(1);
  }
  /// Four stages, eight microbatches: a forward pass takes 1 µs, the phase 33 µs.
  void show_usual() { show(testing::ideal_run("1f1b", {4, 8, 1}, 1'000'000)); }
  [[nodiscard]] QPointF point(double time, std::size_t stage) const {
    const QRectF& plot = canvas_.plot_rect();
    const double rows = static_cast<double>(canvas_.bubbles().size());
    return {plot.left() + (time - canvas_.range_begin()) / (canvas_.range_end() - canvas_.range_begin()) * plot.width(),
            plot.top() + (static_cast<double>(stage) + 0.5) / rows * plot.height()};
  }
  void turn(QPoint angle, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    const QPointF at = canvas_.plot_rect().center();
    QWheelEvent event(at, canvas_.mapToGlobal(at), {}, angle, Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&canvas_, &event);
  }
  void move(QPointF at, Qt::MouseButtons buttons = Qt::NoButton) {
    QMouseEvent event(QEvent::MouseMove, at, canvas_.mapToGlobal(at), Qt::NoButton, buttons, Qt::NoModifier);
    QApplication::sendEvent(&canvas_, &event);
  }
  QColor color_at(QPointF at) {
    const QImage image = canvas_.grab().toImage();
    return image.pixelColor((at * image.devicePixelRatio()).toPoint());
  }
  [[nodiscard]] double length() const { return canvas_.range_end() - canvas_.range_begin(); }

  PipelineCanvas canvas_;
};

TEST_F(PipelineCanvasTest, SaysWhatItIsAndItsKeys) {
  EXPECT_EQ(canvas_.accessibleName(), QStringLiteral("Pipeline schedule"));
  EXPECT_THAT(canvas_.accessibleDescription().toStdString(), HasSubstr("W and S zoom, A and D pan, F shows all"));
  EXPECT_EQ(canvas_.focusPolicy(), Qt::StrongFocus);
}

TEST_F(PipelineCanvasTest, PassesStandInTheRowsOfTheirStages) {
  show_usual();
  const QRectF& plot = canvas_.plot_rect();
  std::vector<double> busy(4);
  for (const PassBox& box : canvas_.boxes()) {
    const QRectF rect = canvas_.box_rect(box);
    EXPECT_GE(rect.top(), plot.top() + box.stage * plot.height() / 4);
    EXPECT_LE(rect.bottom(), plot.top() + (box.stage + 1) * plot.height() / 4);
    EXPECT_NEAR(rect.left(), point(static_cast<double>(box.begin), box.stage).x(), 1e-6);
    busy[box.stage] += rect.width();
  }
  // Of 33 µs a stage works 8 · 3 µs.
  for (std::size_t stage = 0; stage < 4; ++stage) {
    EXPECT_NEAR(busy[stage] / plot.width(), 24.0 / 33.0, 1e-9);
    EXPECT_NEAR(canvas_.bubbles()[stage], 9.0 / 33.0, 1e-9);
  }
}

TEST_F(PipelineCanvasTest, PassesAreFoundAsALoopFindsThem) {
  show(testing::ideal_run("interleaved_1f1b", {4, 8, 2}, 1'000'000));
  std::mt19937 random(3);
  for (const double share : {1.0, 0.4, 0.05}) {
    const double whole = length();
    canvas_.set_range(0.3 * whole, (0.3 + share) * whole);
    int found = 0;
    for (int i = 0; i < 400; ++i) {
      const std::size_t stage = random() % 4;
      const double time = canvas_.range_begin() + length() * (static_cast<double>(random() % 10'000) + 0.5) / 10'000.0;
      const PassBox* expected = nullptr;
      for (const PassBox& box : canvas_.boxes()) {
        const bool here = static_cast<double>(box.begin) <= time && time < static_cast<double>(box.end);
        if (box.stage == stage && here) expected = &box;
      }
      EXPECT_EQ(canvas_.box_at(point(time, stage)), expected) << time << " on stage " << stage;
      found += expected != nullptr ? 1 : 0;
    }
    EXPECT_GT(found, 50);
    canvas_.show_all();
  }
}

TEST_F(PipelineCanvasTest, TellsWaitingOnlyWhereAStageWaited) {
  show(testing::ideal_run("interleaved_1f1b", {2, 2, 2}, 1'000'000));
  const auto told = [&](std::size_t box) { return canvas_.describe(canvas_.boxes()[box]).toStdString(); };
  EXPECT_THAT(told(0), HasSubstr("stage 0: forward of microbatch 0, chunk 0\nstarts at "));
  EXPECT_THAT(told(0), HasSubstr(", takes 1.000 us"));
  EXPECT_THAT(told(0), Not(HasSubstr("waited")));
  EXPECT_THAT(told(2), HasSubstr("forward of microbatch 0, chunk 1"));
  EXPECT_THAT(told(canvas_.boxes().size() - 1), HasSubstr("backward"));
}

// Stage 0 runs its first kernels again before it goes back: a quarter of that pass.
TEST_F(PipelineCanvasTest, ShowsRecomputationAtTheFootOfAPass) {
  auto run = std::make_shared<gui::Run>();
  run->timeline = testing::two_stages();
  show(run);
  ASSERT_EQ(canvas_.boxes().size(), 4u);
  const QRectF back = canvas_.box_rect(canvas_.boxes()[1]);
  const double foot = back.bottom() - 3, middle = back.top() + 4;
  const QColor redo = activity_color(sim::Activity::recompute), passed = pass_color(PipelinePass::backward, 0, 1);
  EXPECT_EQ(color_at({point(425, 0).x(), foot}), redo);
  EXPECT_EQ(color_at({point(425, 0).x(), middle}), passed);
  EXPECT_EQ(color_at({point(550, 0).x(), foot}), passed) << "what follows is the pass itself";
  EXPECT_EQ(color_at({point(300, 1).x(), canvas_.box_rect(canvas_.boxes()[3]).bottom() - 3}), passed);
}

TEST_F(PipelineCanvasTest, WheelSidewaysAndShiftPanATenthOfTheRange) {
  show_usual();
  canvas_.set_range(10e6, 20e6);
  turn({0, -120}, Qt::ShiftModifier);
  EXPECT_NEAR(canvas_.range_begin(), 11e6, 1.0);
  turn({120, 0});
  EXPECT_NEAR(canvas_.range_begin(), 10e6, 1.0);
  EXPECT_NEAR(length(), 10e6, 1.0) << "panning does not zoom";
}

TEST_F(PipelineCanvasTest, KeysMoveByATenthAndZoomByAQuarter) {
  show_usual();
  canvas_.set_range(10e6, 20e6);
  for (const Qt::Key key : {Qt::Key_Right, Qt::Key_D}) QTest::keyClick(&canvas_, key);
  EXPECT_NEAR(canvas_.range_begin(), 12e6, 1.0);
  for (const Qt::Key key : {Qt::Key_Left, Qt::Key_A}) QTest::keyClick(&canvas_, key);
  EXPECT_NEAR(canvas_.range_begin(), 10e6, 1.0);
  QTest::keyClick(&canvas_, Qt::Key_Plus);
  EXPECT_NEAR(length(), 8e6, 1.0);
  EXPECT_NEAR(canvas_.range_begin() + length() / 2, 15e6, 1.0) << "the middle stays";
  QTest::keyClick(&canvas_, Qt::Key_Minus);
  EXPECT_NEAR(length(), 10e6, 1.0);
}

// Ctrl+A, Ctrl+F and the like belong to the window, as in the timeline.
TEST_F(PipelineCanvasTest, LettersWithCtrlOrAltAreNotThePipelines) {
  show_usual();
  canvas_.set_range(10e6, 20e6);
  QSignalSpy asked(&canvas_, &PipelineCanvas::explain_requested);
  for (const auto modifier : {Qt::ControlModifier, Qt::AltModifier, Qt::MetaModifier}) {
    for (const Qt::Key key : {Qt::Key_W, Qt::Key_S, Qt::Key_A, Qt::Key_D, Qt::Key_F, Qt::Key_Left, Qt::Key_Return}) {
      QTest::keyClick(&canvas_, key, modifier);
      EXPECT_NEAR(canvas_.range_begin(), 10e6, 1.0) << key;
      EXPECT_NEAR(canvas_.range_end(), 20e6, 1.0) << key;
    }
  }
  EXPECT_EQ(asked.count(), 0);
  QTest::keyClick(&canvas_, Qt::Key_Plus, Qt::ShiftModifier);  // as it is typed
  EXPECT_NEAR(length(), 8e6, 1.0);
}

TEST_F(PipelineCanvasTest, ARangeNeverLeavesThePhase) {
  show_usual();
  std::mt19937 random(9);
  for (int i = 0; i < 500; ++i) {
    const auto any = [&random] { return (static_cast<double>(random() % 9000) - 2000.0) * 1e4; };
    const double a = any(), b = any();
    switch (random() % 4) {
      case 0:
        canvas_.set_range(a, b);
        break;
      case 1:
        turn({0, static_cast<int>(random() % 2400) - 1200});
        break;
      case 2:
        turn({static_cast<int>(random() % 4800) - 2400, 0});
        break;
      default:
        QTest::keyClick(&canvas_, random() % 2 == 0 ? Qt::Key_Home : Qt::Key_End);
    }
    ASSERT_GE(canvas_.range_begin(), 0.0);
    ASSERT_LE(canvas_.range_end(), 33e6 + 1e-3);
    ASSERT_GE(length(), 1000.0 - 1e-3) << "a nanosecond at least";
  }
}

TEST_F(PipelineCanvasTest, AShorterRunTakesTheRangeIntoItsPhase) {
  show_usual();
  canvas_.set_range(25e6, 33e6);
  show(testing::ideal_run("1f1b", {4, 8, 1}, 500'000));
  EXPECT_NEAR(length(), 8e6, 1.0);
  EXPECT_NEAR(canvas_.range_end(), 16.5e6, 1.0);
}

TEST_F(PipelineCanvasTest, DragsWithTheLeftButtonAlone) {
  show_usual();
  canvas_.set_range(10e6, 20e6);
  const QPoint from = canvas_.plot_rect().center().toPoint();
  QTest::mousePress(&canvas_, Qt::RightButton, {}, from);
  move(from - QPoint(100, 0), Qt::RightButton);
  QTest::mouseRelease(&canvas_, Qt::RightButton, {}, from - QPoint(100, 0));
  EXPECT_NEAR(canvas_.range_begin(), 10e6, 1.0);
  QTest::mousePress(&canvas_, Qt::LeftButton, {}, from);
  move(from - QPoint(100, 0), Qt::LeftButton);
  EXPECT_EQ(canvas_.cursor().shape(), Qt::ClosedHandCursor);
  EXPECT_NEAR(canvas_.range_begin(), 10e6 + 100.0 / canvas_.plot_rect().width() * 10e6, 1.0);
  QTest::mouseRelease(&canvas_, Qt::LeftButton, {}, from - QPoint(100, 0));
  EXPECT_EQ(canvas_.cursor().shape(), Qt::ArrowCursor);
}

TEST_F(PipelineCanvasTest, ThePassUnderThePointerHasAFrame) {
  show_usual();
  const QRectF box = canvas_.box_rect(canvas_.boxes()[0]);
  const QPointF edge(box.center().x(), box.top() + 1.0);
  const QColor plain = color_at(edge);
  move(box.center());
  EXPECT_EQ(color_at(edge), canvas_.palette().color(QPalette::WindowText));
  QEvent leave(QEvent::Leave);
  QApplication::sendEvent(&canvas_, &leave);
  EXPECT_EQ(color_at(edge), plain);
}

TEST_F(PipelineCanvasTest, TellsAPassInATooltip) {
  show_usual();
  const auto ask = [&](QPointF at) {
    QHelpEvent event(QEvent::ToolTip, at.toPoint(), canvas_.mapToGlobal(at.toPoint()));
    QApplication::sendEvent(&canvas_, &event);
  };
  ask(canvas_.box_rect(canvas_.boxes()[0]).center());
  EXPECT_EQ(QToolTip::text(), canvas_.describe(canvas_.boxes()[0]));
}

TEST_F(PipelineCanvasTest, OfNothingIsEmptyAndTakesEveryKey) {
  canvas_.resize(400, 200);
  canvas_.set_boxes({}, nullptr);
  canvas_.show();
  for (const Qt::Key key : {Qt::Key_W, Qt::Key_S, Qt::Key_A, Qt::Key_D, Qt::Key_F, Qt::Key_Home, Qt::Key_End}) {
    QTest::keyClick(&canvas_, key);
  }
  turn({0, 120});
  EXPECT_EQ(canvas_.box_at(canvas_.plot_rect().center()), nullptr);
  EXPECT_TRUE(canvas_.bubbles().empty());
  EXPECT_LE(canvas_.range_begin(), canvas_.range_end());
  show_usual();
  EXPECT_EQ(canvas_.range_begin(), 0.0) << "the first run is shown whole";
  EXPECT_NEAR(canvas_.range_end(), 33e6, 1.0);
}

TEST_F(PipelineCanvasTest, DrawsAtAnySizeAndFont) {
  show_usual();
  for (const QSize& size : {QSize(1, 1), QSize(40, 900), QSize(1500, 30), QSize(300, 120)}) {
    canvas_.resize(size);
    EXPECT_GE(canvas_.plot_rect().width(), 1.0);
    EXPECT_GE(canvas_.plot_rect().height(), 1.0);
    canvas_.grab();
  }
  canvas_.resize(1000, 400);
  const double left = canvas_.plot_rect().left();
  QFont font = canvas_.font();
  font.setPointSizeF(2.0 * font.pointSizeF());
  canvas_.setFont(font);
  EXPECT_GT(canvas_.plot_rect().left(), 1.5 * left) << "names take more room";
}

}  // namespace
}  // namespace orrery::gui
