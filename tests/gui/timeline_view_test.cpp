// The timeline view as its user moves through it.
#include "gui/timeline/timeline_view.hpp"

#include <algorithm>

#include <QApplication>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <QWheelEvent>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_text.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;

class TimelineViewTest : public testing::Test {
 protected:
  TimelineViewTest() {
    view_.resize(900, 400);
    view_.set_runs(run_of(two_ranks()), nullptr);
    view_.show();
    QApplication::processEvents();
  }

  TimelineCanvas& canvas() { return view_.canvas(); }
  /// Where a time is drawn on a track.
  QPoint point(SimTime time, std::size_t track = 0) {
    const CanvasLayout& layout = canvas().layout_rects();
    const TrackRow* const row = canvas().rows().row_of(track);
    return QPointF(layout.plot.left() + canvas().scale().position(time, layout.plot.width()),
                   layout.plot.top() + row->top + row->height / 2)
        .toPoint();
  }
  /// The same at the lower end of the row, below its labels, in the view's coordinates.
  QPoint below_labels(SimTime time, std::size_t track = 0) {
    const TrackRow* const row = canvas().rows().row_of(track);
    return canvas().mapTo(&view_, point(time, track) + QPoint(0, static_cast<int>(row->height / 2) - 3));
  }
  SimTime time_at(int x) {
    const CanvasLayout& layout = canvas().layout_rects();
    return canvas().scale().time_at(x - layout.plot.left(), layout.plot.width());
  }
  void wheel(const QPoint& at, int delta, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QWheelEvent event(at, canvas().mapToGlobal(at), {}, {0, delta}, Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
    QApplication::sendEvent(&canvas(), &event);
  }
  void drag(const QPoint& from, const QPoint& to, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QTest::mousePress(&canvas(), Qt::LeftButton, modifiers, from);
    for (int step = 1; step <= 4; ++step) {
      const QPoint at = from + (to - from) * step / 4;
      QMouseEvent move(QEvent::MouseMove, at, canvas().mapToGlobal(at), Qt::NoButton, Qt::LeftButton, modifiers);
      QApplication::sendEvent(&canvas(), &move);
    }
    QTest::mouseRelease(&canvas(), Qt::LeftButton, modifiers, to);
  }
  QLabel* label(const char* name) { return view_.findChild<QLabel*>(QLatin1String(name)); }

  TimelineView view_;
};

TEST_F(TimelineViewTest, ShowsTheWholeRunFirst) {
  EXPECT_EQ(view_.objectName(), QStringLiteral("timeline_view"));
  EXPECT_EQ(view_.range_begin(), 0u);
  EXPECT_EQ(view_.range_end(), kSecond);
  EXPECT_TRUE(label("timeline_legend")->text().contains(QStringLiteral("backward")));
  EXPECT_FALSE(label("timeline_legend")->text().contains(QStringLiteral("optimizer")));
}

TEST_F(TimelineViewTest, DrawsEachActivityInItsColour) {
  const QImage image = view_.grab().toImage();
  const auto color_at = [&](SimTime time, std::size_t track) {
    return image.pixelColor(below_labels(time, track) * image.devicePixelRatio());
  };
  EXPECT_EQ(color_at(kSecond / 10, 0), activity_color(Activity::forward));
  EXPECT_EQ(color_at(kSecond / 10 * 9, 2), activity_color(Activity::backward));
  EXPECT_EQ(color_at(kSecond / 10 * 3, 1), activity_color(Activity::tensor_parallel));
  EXPECT_EQ(color_at(kSecond / 10 * 3, 0), view_.palette().color(QPalette::Base));
}

TEST_F(TimelineViewTest, WheelZoomsAtThePointer) {
  const QPoint at = point(kSecond / 4 * 3);
  const SimTime before = time_at(at.x());
  wheel(at, 120);
  wheel(at, 240);
  EXPECT_LT(canvas().scale().length(), kSecond * 6 / 10);  // 1.25^-3 = 0.512
  EXPECT_NEAR(difference(time_at(at.x()), before), 0.0, 1e-9 * static_cast<double>(kSecond));
  wheel(at, -1200);
  EXPECT_EQ(view_.range_begin(), 0u);
  EXPECT_EQ(view_.range_end(), kSecond);
}

TEST_F(TimelineViewTest, DraggingPans) {
  view_.set_range(kSecond / 2, kSecond / 4 * 3);
  const QPoint from = point(kSecond / 10 * 6);
  const SimTime grabbed = time_at(from.x());
  drag(from, from + QPoint(100, 0));
  EXPECT_EQ(canvas().scale().length(), kSecond / 4);
  EXPECT_LT(view_.range_begin(), kSecond / 2);
  EXPECT_NEAR(difference(time_at(from.x() + 100), grabbed), 0.0, 1e-9 * static_cast<double>(kSecond));
  drag(from, from + QPoint(-20000, 0));
  EXPECT_EQ(view_.range_end(), kSecond);
}

TEST_F(TimelineViewTest, KeysZoomPanAndShowAll) {
  canvas().setFocus();
  QTest::keyClick(&canvas(), Qt::Key_W);
  const SimTime length = canvas().scale().length();
  EXPECT_LT(length, kSecond);
  const SimTime begin = view_.range_begin();
  QTest::keyClick(&canvas(), Qt::Key_D);
  EXPECT_GT(view_.range_begin(), begin);
  QTest::keyClick(&canvas(), Qt::Key_A);
  EXPECT_EQ(view_.range_begin(), begin);
  QTest::keyClick(&canvas(), Qt::Key_End);
  EXPECT_EQ(view_.range_end(), kSecond);
  EXPECT_EQ(canvas().scale().length(), length);
  QTest::keyClick(&canvas(), Qt::Key_Home);
  EXPECT_EQ(view_.range_begin(), 0u);
  QTest::keyClick(&canvas(), Qt::Key_S);
  QTest::keyClick(&canvas(), Qt::Key_W);
  QTest::keyClick(&canvas(), Qt::Key_F);
  EXPECT_EQ(canvas().scale().length(), kSecond);
}

TEST_F(TimelineViewTest, RangesNeverInvertNorLeaveTheRun) {
  for (const auto& [begin, end] : std::vector<std::pair<SimTime, SimTime>>{{7, 3}, {5, 5}, {0, 0}}) {
    view_.set_range(begin, end);
    EXPECT_LT(view_.range_begin(), view_.range_end());
    EXPECT_LE(view_.range_end(), kSecond);
  }
  view_.show_all();
  for (int i = 0; i < 200; ++i) wheel(point(view_.range_begin()), 120);
  EXPECT_EQ(canvas().scale().length(), TimeScale::kNarrowest);
  for (int i = 0; i < 20; ++i) canvas().pan(-1.0);
  EXPECT_EQ(view_.range_begin(), 0u);
  for (int i = 0; i < 200; ++i) canvas().zoom(1.25, 1.0);
  EXPECT_EQ(view_.range_end(), kSecond);
  view_.set_range(~SimTime{0} - 5, ~SimTime{0});  // aligned with a run that is longer
  EXPECT_EQ(view_.range_end(), ~SimTime{0});
  canvas().pan(1.0);
  canvas().zoom(1e30, 0.5);
  EXPECT_EQ(view_.range_begin(), 0u);
  EXPECT_EQ(view_.range_end(), ~SimTime{0});
  view_.grab();
  view_.show_all();
  EXPECT_EQ(view_.range_end(), kSecond);
}

TEST_F(TimelineViewTest, ShiftDragSumsUpARange) {
  const QPoint from = point(kSecond / 8), to = point(kSecond / 8 * 7);
  drag(from, to, Qt::ShiftModifier);
  const CanvasMarks& marks = canvas().marks();
  ASSERT_TRUE(marks.has_range);
  EXPECT_EQ(marks.range_begin, time_at(from.x()));
  EXPECT_EQ(marks.range_end, time_at(to.x()));
  EXPECT_EQ(view_.range_begin(), 0u);  // it does not pan
  const ActivityTimes busy = canvas().index()->busy(0, 4, marks.range_begin, marks.range_end);
  const QString text = label("timeline_selection")->text();
  // Two ranks: forward to 0.25 s, tensor parallel for 0.25 s, backward from 0.5 s.
  EXPECT_EQ(busy[static_cast<std::size_t>(Activity::tensor_parallel)], static_cast<double>(kSecond) / 2);
  EXPECT_TRUE(text.contains(QStringLiteral("tensor parallel ") + format_time(5e11))) << text.toStdString();
  const auto forward = busy[static_cast<std::size_t>(Activity::forward)];
  EXPECT_TRUE(text.contains(QStringLiteral("forward ") + format_time(forward))) << text.toStdString();
  QTest::keyClick(&canvas(), Qt::Key_Escape);
  EXPECT_FALSE(canvas().marks().has_range);
}

TEST_F(TimelineViewTest, SearchCountsAndStepsThroughMatches) {
  auto* const field = view_.findChild<QLineEdit*>(QStringLiteral("timeline_search"));
  canvas().setFocus();
  QTest::keyClick(&canvas(), Qt::Key_Slash);
  QApplication::processEvents();
  view_.focus_search();
  QTest::keyClicks(field, QStringLiteral("COLD"));
  EXPECT_EQ(label("timeline_matches")->text(), QStringLiteral("2 matches"));
  QTest::keyClick(field, Qt::Key_Return);
  EXPECT_EQ(canvas().marks().selected, 1u);
  view_.findChild<QToolButton*>(QStringLiteral("timeline_next"))->click();
  EXPECT_EQ(canvas().marks().selected, 4u);
  view_.findChild<QToolButton*>(QStringLiteral("timeline_next"))->click();
  EXPECT_EQ(canvas().marks().selected, 1u);
  view_.findChild<QToolButton*>(QStringLiteral("timeline_previous"))->click();
  EXPECT_EQ(canvas().marks().selected, 4u);
  EXPECT_FALSE(view_.find_next(QStringLiteral("tepid")));
  EXPECT_EQ(label("timeline_matches")->text(), QStringLiteral("no match"));
  EXPECT_TRUE(view_.find_next(QStringLiteral("warm")));
}

TEST_F(TimelineViewTest, SearchFadesWhatDoesNotMatch) {
  view_.find_next(QStringLiteral("warm"));
  canvas().clear_selection();
  const QImage image = view_.grab().toImage();
  const auto color_at = [&](SimTime time) { return image.pixelColor(below_labels(time) * image.devicePixelRatio()); };
  EXPECT_EQ(color_at(kSecond / 10), activity_color(Activity::forward));
  EXPECT_NE(color_at(kSecond / 10 * 9), activity_color(Activity::backward));
}

TEST_F(TimelineViewTest, FoundSpanComesIntoView) {
  view_.set_range(0, kSecond / 100);
  ASSERT_TRUE(view_.find_next(QStringLiteral("cold")));
  EXPECT_LE(view_.range_begin(), kSecond / 2);
  EXPECT_GE(view_.range_end(), kSecond);
}

TEST_F(TimelineViewTest, ClickSelectsAndDoubleClickAsksWhere) {
  QSignalSpy asked(&view_, &RunView::explain_requested);
  QTest::mouseClick(&canvas(), Qt::LeftButton, {}, point(kSecond / 10 * 9));
  EXPECT_EQ(canvas().marks().selected, 1u);
  EXPECT_TRUE(label("timeline_selection")->text().contains(QStringLiteral("cold")));
  EXPECT_EQ(asked.count(), 0);
  QTest::mouseDClick(&canvas(), Qt::LeftButton, {}, point(kSecond / 10 * 9));
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked[0][0].toString(), QStringLiteral("training.compute_s"));
  EXPECT_EQ(asked[0][1].toString(), QStringLiteral("backward: cold"));
  QTest::mouseDClick(&canvas(), Qt::LeftButton, {}, point(kSecond / 10 * 3, 1));
  EXPECT_EQ(asked.last()[0].toString(), QStringLiteral("training.communication_s"));
  QTest::mouseDClick(&canvas(), Qt::LeftButton, {}, point(kSecond / 10 * 3, 0));  // idle
  EXPECT_EQ(asked.count(), 2);
}

TEST_F(TimelineViewTest, HoverTellsWhatRunsAndForHowManyGpus) {
  QTest::mouseMove(&canvas(), point(kSecond / 10 * 9));
  QMouseEvent move(QEvent::MouseMove, point(kSecond / 10 * 9), canvas().mapToGlobal(point(kSecond / 10 * 9)),
                   Qt::NoButton, Qt::NoButton, Qt::NoModifier);
  QApplication::sendEvent(&canvas(), &move);
  for (const char* part : {"cold", "backward", "500", "8 GPUs", "compute"}) {
    EXPECT_TRUE(view_.status().contains(QLatin1String(part))) << part << " in " << view_.status().toStdString();
  }
}

TEST_F(TimelineViewTest, TwoViewsAlignWithoutEndlessSignals) {
  TimelineView other;
  other.set_runs(run_of(two_ranks(kSecond / 10 * 7)), nullptr);
  QObject::connect(&view_, &TimelineView::range_changed, &other, &TimelineView::set_range);
  QObject::connect(&other, &TimelineView::range_changed, &view_, &TimelineView::set_range);
  QSignalSpy here(&view_, &TimelineView::range_changed), there(&other, &TimelineView::range_changed);
  view_.set_range(kSecond / 4, kSecond / 2);
  EXPECT_EQ(other.range_begin(), kSecond / 4);
  EXPECT_EQ(other.range_end(), kSecond / 2);
  EXPECT_EQ(here.count(), 1);
  EXPECT_EQ(there.count(), 1);
  view_.show_all();
  EXPECT_EQ(other.range_end(), kSecond);
  other.show_all();
  EXPECT_EQ(view_.range_end(), kSecond / 10 * 7);
  EXPECT_EQ(here.count(), 3);
  EXPECT_EQ(there.count(), 3);
}

TEST_F(TimelineViewTest, RangeStaysForASimilarRunAndOpensForAnother) {
  view_.set_range(kSecond / 4, kSecond / 2);
  view_.set_runs(run_of(two_ranks(kSecond / 10 * 8)), nullptr);
  EXPECT_EQ(view_.range_begin(), kSecond / 4);
  EXPECT_EQ(view_.range_end(), kSecond / 2);
  view_.set_runs(run_of(two_ranks(kSecond * 3)), nullptr);
  EXPECT_EQ(view_.range_begin(), 0u);
  EXPECT_EQ(view_.range_end(), kSecond * 3);
  view_.set_runs(run_of(two_ranks(kSecond * 2)), nullptr);  // all was shown: all is shown
  EXPECT_EQ(view_.range_end(), kSecond * 2);
}

TEST_F(TimelineViewTest, GroupsCollapseIntoOneRow) {
  EXPECT_EQ(canvas().rows().rows().size(), 4u);
  const CanvasLayout& layout = canvas().layout_rects();
  const QPoint name(10, static_cast<int>(layout.gutter.top() + canvas().rows().groups()[1].top + 6));
  QTest::mouseClick(&canvas(), Qt::LeftButton, {}, name);
  EXPECT_EQ(canvas().rows().rows().size(), 3u);
  view_.set_runs(run_of(two_ranks()), nullptr);  // stays so in the next run
  EXPECT_EQ(canvas().rows().rows().size(), 3u);
  // The mixed row shows communication where nothing computes.
  const QImage image = view_.grab().toImage();
  const QPoint at = below_labels(kSecond / 10 * 3, 2);
  EXPECT_EQ(image.pixelColor(at * image.devicePixelRatio()), activity_color(Activity::tensor_parallel));
  view_.findChild<QToolButton*>(QStringLiteral("timeline_collapse"))->click();
  EXPECT_EQ(canvas().rows().rows().size(), 2u);
  view_.findChild<QToolButton*>(QStringLiteral("timeline_collapse"))->click();
  EXPECT_EQ(canvas().rows().rows().size(), 4u);
}

TEST_F(TimelineViewTest, CtrlWheelMakesTracksHigherAndTheyScroll) {
  auto* const bar = canvas().findChild<QScrollBar*>();
  EXPECT_FALSE(bar->isVisibleTo(&canvas()));
  wheel(point(kSecond / 2), 1200, Qt::ControlModifier);
  EXPECT_EQ(view_.range_end(), kSecond);
  EXPECT_TRUE(bar->isVisibleTo(&canvas()));
  view_.findChild<QToolButton*>(QStringLiteral("timeline_fit"))->click();
  EXPECT_FALSE(bar->isVisibleTo(&canvas()));
}

TEST_F(TimelineViewTest, DrawsAtAnySize) {
  for (const QSize size : {QSize(1, 1), QSize(3000, 30), QSize(40, 2000), QSize(500, 300)}) {
    canvas().setMinimumSize(0, 0);
    canvas().setFixedSize(size);
    canvas().grab();
    wheel({0, 0}, 120);
    canvas().setMaximumSize(QWIDGETSIZE_MAX, QWIDGETSIZE_MAX);
  }
}

TEST_F(TimelineViewTest, FollowsThePalette) {
  const QImage light = view_.grab().toImage();
  apply_theme(Theme::dark);
  QApplication::processEvents();
  const QImage dark = view_.grab().toImage();
  const QPoint idle = below_labels(kSecond / 10 * 3);
  EXPECT_LT(dark.pixelColor(idle).lightness(), light.pixelColor(idle).lightness());
  apply_theme(Theme::light);
}

TEST_F(TimelineViewTest, CsvSumsTheVisibleRange) {
  view_.set_range(0, kSecond / 2);
  EXPECT_EQ(view_.csv(),
            "group,track,activity,begin_s,end_s,busy_s,share\n"
            "stage 0 (8 GPUs),compute,forward,0,0.5,0.25,0.5\n"
            "stage 0 (8 GPUs),compute,backward,0,0.5,0,0\n"
            "stage 0 (8 GPUs),tensor parallel,tensor_parallel,0,0.5,0.25,0.5\n"
            "stage 1 (8 GPUs),compute,forward,0,0.5,0.25,0.5\n"
            "stage 1 (8 GPUs),compute,backward,0,0.5,0,0\n"
            "stage 1 (8 GPUs),tensor parallel,tensor_parallel,0,0.5,0.25,0.5\n");
}

}  // namespace
}  // namespace orrery::gui
