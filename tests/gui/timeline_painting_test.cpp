// What the timeline draws and says: ticks, times, why there is none, spans that a link held up, and how long a frame
// takes.
#include <algorithm>
#include <ctime>

#include <QApplication>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_text.hpp"
#include "gui/timeline/timeline_view.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;

/// Two ranks over one second, the first collective of which took 0.1 s longer because of a link.
sim::Timeline held_up_ranks() {
  sim::Timeline timeline = two_ranks();
  timeline.links = {"nvlink (stage 0)", "nic (stage 1)"};
  timeline.held_up = {{2, 1, kSecond / 10}};
  return timeline;
}

TEST(TimelineText, TellsWhichLinkHeldASpanUp) {
  const RunPtr run = run_of(held_up_ranks());
  const QString held = describe_span(run->index, 2), other = describe_span(run->index, 5);
  EXPECT_TRUE(held.contains(QStringLiteral("held up 100")) && held.contains(QStringLiteral("by nic (stage 1)")))
      << held.toStdString();
  EXPECT_FALSE(other.contains(QStringLiteral("held up"))) << other.toStdString();
}

TEST(TimelineView, MarksTheEndOfASpanThatALinkHeldUp) {
  TimelineView view;
  view.resize(900, 400);
  view.set_runs(run_of(two_ranks()), nullptr);
  view.show();
  const TimelineCanvas& canvas = view.canvas();
  // At the lower end of the row of the first collectives, in the view's coordinates.
  const auto below_labels = [&](SimTime time) {
    const CanvasLayout& layout = canvas.layout_rects();
    const TrackRow* const row = canvas.rows().row_of(1);
    const QPointF at(layout.plot.left() + canvas.scale().position(time, layout.plot.width()),
                     layout.plot.top() + row->bottom() - 3.0);
    return canvas.mapTo(&view, at.toPoint());
  };
  const auto warnings = [&](const QImage& image, SimTime from, SimTime to) {
    const QPoint begin = below_labels(from), end = below_labels(to);
    const QColor wanted = warning_color(view.palette());
    int found = 0;
    for (int x = begin.x(); x < end.x(); ++x) found += image.pixelColor(x, begin.y()) == wanted ? 1 : 0;
    return static_cast<double>(found) / (end.x() - begin.x());
  };
  const auto drawn = [&] {
    QApplication::processEvents();
    return view.grab().toImage();
  };
  EXPECT_EQ(warnings(drawn(), kSecond / 4, kSecond / 2), 0.0) << "nothing was held up";
  view.set_runs(run_of(held_up_ranks()), nullptr);
  const QImage marked = drawn();
  EXPECT_EQ(warnings(marked, kSecond / 4, kSecond * 38 / 100), 0.0) << "as long as it would have taken alone";
  EXPECT_GT(warnings(marked, kSecond * 41 / 100, kSecond * 49 / 100), 0.95);
}

TEST(TimelineText, EveryActivityHasItsMetric) {
  EXPECT_EQ(metric_of(Activity::weight_gradient), QStringLiteral("training.compute_s"));
  EXPECT_EQ(metric_of(Activity::optimizer), QStringLiteral("training.optimizer_s"));
  EXPECT_EQ(metric_of(Activity::pipeline), QStringLiteral("training.communication_s"));
  EXPECT_EQ(metric_of(Activity::prefill), QStringLiteral("serving.ttft_s.mean"));
  EXPECT_EQ(metric_of(Activity::mixed), QStringLiteral("serving.tpot_s.mean"));
}

TEST(TimelineView, SaysWhyThereIsNone) {
  TimelineView view;
  view.resize(600, 300);
  for (const RunPtr& run : {RunPtr(), run_of({})}) {
    view.set_runs(run, nullptr);
    view.grab();
    QTest::keyClick(&view.canvas(), Qt::Key_W);
    QTest::mouseDClick(&view.canvas(), Qt::LeftButton, {}, {300, 100});
    view.show_all();
    view.set_range(5, 9);
    EXPECT_FALSE(view.find_next(QStringLiteral("a")));
    EXPECT_EQ(view.csv(), "");
  }
  view.set_runs(run_of(two_ranks()), nullptr);
  view.set_runs(nullptr, nullptr);
  EXPECT_EQ(view.canvas().index(), nullptr);
  view.grab();
}

TEST(TimeScale, TicksAreRoundAndFarEnoughApart) {
  TimeScale scale;
  scale.set_limit(10 * kSecond);
  scale.show_all();
  const Ruler ruler = scale.ruler(1000.0, 80.0);  // 12.5 labels fit: one a second
  std::vector<std::string> labels;
  for (const Tick& tick : ruler.ticks) {
    if (tick.major) labels.push_back(tick.label.toStdString());
  }
  EXPECT_THAT(labels, testing::ElementsAre("0\u00a0s", "1\u00a0s", "2\u00a0s", "3\u00a0s", "4\u00a0s", "5\u00a0s",
                                           "6\u00a0s", "7\u00a0s", "8\u00a0s", "9\u00a0s", "10\u00a0s"));
  EXPECT_EQ(ruler.base, QString());
  scale.set_range(3 * kSecond, 3 * kSecond + 10'000'000);  // 10 µs
  const Ruler close = scale.ruler(1000.0, 80.0);
  EXPECT_EQ(close.base.toStdString(), "3.0000\u00a0s +");
  EXPECT_EQ(close.ticks.front().label.toStdString(), "0\u00a0µs");
  scale.set_range(2'531'700'000'000, 2'538'200'000'000);  // 6.5 ms: counted from 2.5 s in steps of 1 ms
  const Ruler middle = scale.ruler(1000.0, 80.0);
  EXPECT_EQ(middle.base.toStdString(), "2.5\u00a0s +");
  const auto labelled = std::find_if(middle.ticks.begin(), middle.ticks.end(), [](const Tick& t) { return t.major; });
  EXPECT_EQ(labelled->label.toStdString(), "32\u00a0ms");
}

TEST(TimeScale, TimesReadWell) {
  EXPECT_EQ(format_time(0.0).toStdString(), "0\u00a0s");
  EXPECT_EQ(format_time(7.0).toStdString(), "7\u00a0ps");
  EXPECT_EQ(format_time(1234567.0).toStdString(), "1.235\u00a0µs");
  EXPECT_EQ(format_time(99.99e9).toStdString(), "99.99\u00a0ms");
  EXPECT_EQ(format_time(5e11).toStdString(), "500.0\u00a0ms");
  EXPECT_EQ(format_time(13.75e12).toStdString(), "13.75\u00a0s");
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Median CPU time to draw the whole run anew.
double paint_seconds(std::size_t spans) {
  const sim::Timeline timeline = training_like(spans, 8);
  const TimelineIndex index(timeline);
  TimelineCanvas canvas;
  canvas.resize(1200, 600);
  canvas.set_index(&index);
  canvas.set_limit(timeline.makespan);
  canvas.show_all();
  QImage image(1200, 600, QImage::Format_RGB32);
  std::vector<double> times;
  for (int i = 0; i < 15; ++i) {
    canvas.set_match(nullptr);  // the picture is drawn again
    const double start = thread_seconds();
    canvas.render(&image);
    times.push_back(thread_seconds() - start);
  }
  std::nth_element(times.begin(), times.begin() + 7, times.end());
  return times[7];
}

TEST(TimelineCanvas, PaintingDoesNotDependOnTheNumberOfSpans) {
  const double few = paint_seconds(10'000), many = paint_seconds(1'000'000);
  EXPECT_LT(many, 5.0 * few + 0.002) << few << " s for 10,000 spans, " << many << " s for 1,000,000";
}

}  // namespace
}  // namespace orrery::gui
