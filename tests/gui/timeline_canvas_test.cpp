// The timeline's canvas by itself: its layout, and every way in which a pointer acts on it.
#include "gui/timeline/timeline_canvas.hpp"

#include <QApplication>
#include <QHelpEvent>
#include <QMouseEvent>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QToolTip>
#include <QWheelEvent>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/timeline/timeline_view.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::SimTime;
using ::testing::HasSubstr;

/// Two ranks over one second (timeline_samples.hpp): "warm" to 0.25 s, an all-reduce to 0.5 s, "cold" to the end.
class TimelineCanvasTest : public ::testing::Test {
 protected:
  TimelineCanvasTest() {
    canvas_.resize(900, 300);
    show(two_ranks());
  }
  void show(sim::Timeline timeline) {
    const RunPtr before = run_;  // until the canvas has let go of its index
    run_ = run_of(std::move(timeline));
    canvas_.set_index(&run_->index);
    canvas_.set_limit(run_->timeline.makespan);
    canvas_.show_all();
    canvas_.show();
    QTest::qWait(1);
  }
  [[nodiscard]] const CanvasLayout& layout() const { return canvas_.layout_rects(); }
  [[nodiscard]] QScrollBar& bar() const { return *canvas_.findChild<QScrollBar*>(); }
  [[nodiscard]] QPoint point(SimTime time, std::size_t track = 0) const {
    const TrackRow* const row = canvas_.rows().row_of(track);
    return QPointF(layout().plot.left() + canvas_.scale().position(time, layout().plot.width()),
                   layout().plot.top() + row->top + row->height / 2 - bar().value())
        .toPoint();
  }
  void move(QPoint at, Qt::MouseButtons buttons = Qt::NoButton) {
    QMouseEvent event(QEvent::MouseMove, at, canvas_.mapToGlobal(at), Qt::NoButton, buttons, Qt::NoModifier);
    QApplication::sendEvent(&canvas_, &event);
  }
  void turn(QPoint at, QPoint angle, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QWheelEvent event(at, canvas_.mapToGlobal(at), {}, angle, Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&canvas_, &event);
  }
  void click(QPoint at, Qt::MouseButton button = Qt::LeftButton) { QTest::mouseClick(&canvas_, button, {}, at); }
  [[nodiscard]] std::size_t selected() const { return canvas_.marks().selected; }

  RunPtr run_;
  TimelineCanvas canvas_;
};

TEST_F(TimelineCanvasTest, PartsItselfIntoGutterRulerAndTracks) {
  for (const QSize& size : {QSize(900, 300), QSize(200, 300), QSize(400, 90)}) {
    canvas_.resize(size);
    EXPECT_LE(layout().gutter.width(), size.width() / 3.0 + 1.0) << "names take a third at most";
    EXPECT_EQ(layout().gutter.right(), layout().plot.left());
    EXPECT_EQ(layout().ruler.left(), layout().plot.left());
    EXPECT_EQ(layout().ruler.bottom(), layout().plot.top());
    EXPECT_EQ(layout().plot.bottom(), size.height());
    const int width = bar().isVisible() ? bar().width() : 0;
    EXPECT_EQ(layout().plot.right() + width, size.width());
  }
}

TEST_F(TimelineCanvasTest, SaysWhyItIsEmptyToEyesAndToScreenReaders) {
  EXPECT_EQ(canvas_.accessibleName(), QStringLiteral("Timeline of the run"));
  EXPECT_EQ(canvas_.accessibleDescription(), QString());
  const QString why = QStringLiteral("No timeline: nothing ran.");
  canvas_.set_index(nullptr, why);
  EXPECT_EQ(canvas_.accessibleDescription(), why);
  const QImage picture = canvas_.grab().toImage();
  int ink = 0;
  for (int x = 0; x < picture.width(); ++x) {
    for (int y = 0; y < picture.height(); ++y) {
      ink += picture.pixelColor(x, y) != canvas_.palette().color(QPalette::Window) ? 1 : 0;
    }
  }
  EXPECT_GT(ink, 50) << "the sentence";
  for (const Qt::Key key : {Qt::Key_W, Qt::Key_F, Qt::Key_End, Qt::Key_Return}) QTest::keyClick(&canvas_, key);
  turn({450, 150}, {0, 120});
  click({450, 150});
  EXPECT_EQ(selected(), TimelineIndex::kNone);
  show(two_ranks());
  EXPECT_EQ(canvas_.accessibleDescription(), QString());
}

TEST_F(TimelineCanvasTest, HoveringTellsASpanAndLeavingNothing) {
  QSignalSpy hovered(&canvas_, &TimelineCanvas::hovered);
  move(point(kSecond / 8));
  EXPECT_THAT(hovered.last()[0].toString().toStdString(), HasSubstr("warm"));
  EXPECT_EQ(canvas_.marks().hovered, 0u);
  move(point(kSecond / 8 * 3, 1));
  EXPECT_THAT(hovered.last()[0].toString().toStdString(), HasSubstr("all-reduce"));
  move(point(kSecond / 8 * 3));
  EXPECT_THAT(hovered.last()[0].toString().toStdString(), HasSubstr("idle")) << "an idle moment of a track";
  EXPECT_EQ(canvas_.marks().hovered, TimelineIndex::kNone);
  move({3, static_cast<int>(layout().gutter.center().y())});
  EXPECT_EQ(hovered.last()[0].toString(), QString()) << "a name is no moment";
  move(point(kSecond / 8));
  QEvent leave(QEvent::Leave);
  QApplication::sendEvent(&canvas_, &leave);
  EXPECT_EQ(hovered.last()[0].toString(), QString());
}

// What was under the pointer in the run before is not in this one.
TEST_F(TimelineCanvasTest, ANewRunForgetsWhatWasUnderThePointer) {
  TimelineView view;
  view.resize(900, 400);
  view.set_runs(run_of(two_ranks()), nullptr);
  view.show();
  QTest::qWait(1);
  const CanvasLayout& places = view.canvas().layout_rects();
  const QPoint at = (places.plot.topLeft() + QPointF(20, 10)).toPoint();
  QMouseEvent event(QEvent::MouseMove, at, view.canvas().mapToGlobal(at), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
  QApplication::sendEvent(&view.canvas(), &event);
  ASSERT_THAT(view.status().toStdString(), HasSubstr("warm"));
  view.set_runs(run_of(two_ranks(kSecond / 10 * 9)), nullptr);
  EXPECT_THAT(view.status().toStdString(), HasSubstr("Wheel: zoom")) << "until the pointer moves";
  QApplication::sendEvent(&view.canvas(), &event);
  view.set_runs(nullptr, nullptr);
  EXPECT_EQ(view.status(), QString());
}

TEST_F(TimelineCanvasTest, AClickSelectsOrLetsGo) {
  QSignalSpy changed(&canvas_, &TimelineCanvas::selection_changed);
  click(point(kSecond / 4 * 3));
  EXPECT_EQ(selected(), 1u);
  click(point(kSecond / 8 * 3));
  EXPECT_EQ(selected(), TimelineIndex::kNone) << "nothing runs there";
  EXPECT_EQ(changed.count(), 2);
  canvas_.select_range(0, kSecond / 2);
  click(point(kSecond / 8), Qt::RightButton);
  EXPECT_TRUE(canvas_.marks().has_range) << "the other button does nothing";
  EXPECT_EQ(selected(), TimelineIndex::kNone);
  click(point(kSecond / 8));
  EXPECT_FALSE(canvas_.marks().has_range);
  EXPECT_EQ(selected(), 0u);
}

TEST_F(TimelineCanvasTest, ADoubleClickOnASpanAlone) {
  QSignalSpy activated(&canvas_, &TimelineCanvas::activated);
  QTest::mouseDClick(&canvas_, Qt::RightButton, {}, point(kSecond / 8));
  QTest::mouseDClick(&canvas_, Qt::LeftButton, {}, point(kSecond / 8 * 3));
  QTest::mouseDClick(&canvas_, Qt::LeftButton, {}, QPoint(5, 5));
  EXPECT_EQ(activated.count(), 0);
  QTest::mouseDClick(&canvas_, Qt::LeftButton, {}, point(kSecond / 8, 2));
  ASSERT_EQ(activated.count(), 1);
  EXPECT_EQ(activated[0][0].value<std::size_t>(), 3u);
}

TEST_F(TimelineCanvasTest, AShakyClickIsNoDrag) {
  canvas_.set_range(kSecond / 8, kSecond / 4 * 3);
  const QPoint at = point(kSecond / 8 * 5);
  QTest::mousePress(&canvas_, Qt::LeftButton, {}, at);
  move(at + QPoint(QApplication::startDragDistance() - 1, 0), Qt::LeftButton);
  EXPECT_EQ(canvas_.scale().begin(), kSecond / 8);
  QTest::mouseRelease(&canvas_, Qt::LeftButton, {}, at + QPoint(1, 0));
  EXPECT_EQ(selected(), 1u);
  QTest::mousePress(&canvas_, Qt::LeftButton, {}, at);
  move(at + QPoint(60, 0), Qt::LeftButton);
  EXPECT_EQ(canvas_.cursor().shape(), Qt::ClosedHandCursor);
  EXPECT_LT(canvas_.scale().begin(), kSecond / 8);
  QTest::mouseRelease(&canvas_, Qt::LeftButton, {}, at + QPoint(60, 0));
  EXPECT_EQ(canvas_.cursor().shape(), Qt::ArrowCursor);
  EXPECT_EQ(selected(), 1u) << "a drag selects nothing else";
}

TEST_F(TimelineCanvasTest, ADragUpwardsScrollsToTheTracksBelow) {
  canvas_.set_stretch(8.0);
  ASSERT_TRUE(bar().isVisible());
  const QPoint at = layout().plot.center().toPoint();
  QTest::mousePress(&canvas_, Qt::LeftButton, {}, at);
  move(at - QPoint(0, 40), Qt::LeftButton);
  EXPECT_EQ(bar().value(), 40);
  move(at - QPoint(0, 15), Qt::LeftButton);
  EXPECT_EQ(bar().value(), 15) << "from where the drag began";
  QTest::mouseRelease(&canvas_, Qt::LeftButton, {}, at - QPoint(0, 15));
}

TEST_F(TimelineCanvasTest, TheWheelActsOnWhatIsUnderIt) {
  canvas_.set_stretch(8.0);
  const SimTime end = canvas_.scale().end();
  turn({3, static_cast<int>(layout().gutter.center().y())}, {0, -120});
  EXPECT_EQ(bar().value(), 3 * bar().singleStep()) << "over the names it scrolls";
  EXPECT_EQ(canvas_.scale().end(), end);
  canvas_.set_range(kSecond / 4, kSecond / 2);
  turn(layout().plot.center().toPoint(), {0, -120}, Qt::ShiftModifier);
  EXPECT_NEAR(static_cast<double>(canvas_.scale().begin()), (0.25 + 0.15 * 0.25) * kSecond, 2.0);
  turn(layout().plot.center().toPoint(), {120, 0});
  EXPECT_NEAR(static_cast<double>(canvas_.scale().begin()), 0.25 * kSecond, 4.0) << "sideways it moves too";
  turn(layout().plot.center().toPoint(), {0, 120});
  EXPECT_NEAR(static_cast<double>(canvas_.scale().length()), 0.25 * kSecond / 1.25, 4.0);
}

TEST_F(TimelineCanvasTest, CtrlWheelKeepsTheTrackUnderThePointer) {
  canvas_.set_stretch(10.0);
  const QPoint at = point(kSecond / 8, 2);
  const double share = (at.y() - layout().plot.top() + bar().value()) / canvas_.rows().height();
  turn(at, {0, 240}, Qt::ControlModifier);
  EXPECT_NEAR(canvas_.rows().stretch(), 10.0 * 1.25 * 1.25, 1e-9);
  EXPECT_NEAR((at.y() - layout().plot.top() + bar().value()) / canvas_.rows().height(), share, 0.01);
}

TEST_F(TimelineCanvasTest, NamesCollapseTheirGroupWhereverItIsScrolledTo) {
  canvas_.set_stretch(8.0);
  bar().setValue(bar().maximum());
  click({8, static_cast<int>(layout().gutter.bottom()) - 12});
  EXPECT_FALSE(canvas_.rows().groups()[0].collapsed);
  EXPECT_TRUE(canvas_.rows().groups()[1].collapsed) << "the last is at the foot";
  click({8, 4});
  EXPECT_FALSE(canvas_.rows().groups()[0].collapsed) << "the corner above the names is none of them";
}

TEST_F(TimelineCanvasTest, ACollapsedGroupAnswersForTheTrackThatRuns) {
  canvas_.set_all_collapsed(true);
  click(point(kSecond / 8 * 3));
  EXPECT_EQ(selected(), 2u) << "the all-reduce, while the compute stream is idle";
  click(point(kSecond / 8));
  EXPECT_EQ(selected(), 0u);
}

TEST_F(TimelineCanvasTest, AFoundSpanIsScrolledIntoView) {
  canvas_.set_stretch(TrackRows::kMostStretch);
  ASSERT_GT(bar().maximum(), 0);
  canvas_.select_span(4, true);  // "cold" of the second rank
  const TrackRow* const row = canvas_.rows().row_of(2);
  EXPECT_LT(row->top, bar().value() + layout().plot.height());
  EXPECT_GT(row->bottom(), bar().value());
  const int value = bar().value();
  canvas_.select_span(3, false);
  EXPECT_EQ(bar().value(), value);
  canvas_.select_span(1000, true);
  EXPECT_EQ(selected(), TimelineIndex::kNone) << "there are six";
}

TEST_F(TimelineCanvasTest, TellsTheRangeOnlyWhenItChanges) {
  QSignalSpy ranges(&canvas_, &TimelineCanvas::range_changed);
  canvas_.set_range(0, kSecond);
  canvas_.show_all();
  canvas_.pan(1.0);
  EXPECT_EQ(ranges.count(), 0) << "all is shown already";
  canvas_.set_range(0, kSecond / 2);
  canvas_.set_range(0, kSecond / 2);
  EXPECT_EQ(ranges.count(), 1);
}

TEST_F(TimelineCanvasTest, TellsASpanInATooltipOfSeveralLines) {
  const QPoint at = point(kSecond / 8);
  QHelpEvent event(QEvent::ToolTip, at, canvas_.mapToGlobal(at));
  QApplication::sendEvent(&canvas_, &event);
  const QStringList lines = QToolTip::text().split(u'\n');
  ASSERT_GE(lines.size(), 4);
  EXPECT_EQ(lines[0], QStringLiteral("warm"));
  EXPECT_EQ(lines[1], QStringLiteral("forward"));
}

}  // namespace
}  // namespace orrery::gui
