#include "gui/view/latency_view.hpp"

#include <algorithm>
#include <vector>

#include <QHelpEvent>
#include <QToolTip>
#include <QtTest>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/look/theme.hpp"
#include "gui/view/latency_labels.hpp"
#include "gui/view/plot_style.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

void show(LatencyView& view, const RunPtr& current, const RunPtr& previous = nullptr) {
  view.resize(1000, 640);
  view.set_runs(current, previous);
  view.show();
  QTest::qWait(30);
}

TEST(LatencyCurves, AreInverted) {
  LatencyCurve curve;
  curve.quantiles = {1.0, 2.0, 2.0, 6.0, 10.0};  // at 0, 1/4, 1/2, 3/4, 1
  EXPECT_DOUBLE_EQ(share_within(curve, 0.5), 0.0);
  EXPECT_DOUBLE_EQ(share_within(curve, 1.5), 0.125);
  EXPECT_DOUBLE_EQ(share_within(curve, 2.0), 0.5);
  EXPECT_DOUBLE_EQ(share_within(curve, 4.0), 0.625);
  EXPECT_DOUBLE_EQ(share_within(curve, 11.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile_of(curve, 0.5), 2.0);
  EXPECT_DOUBLE_EQ(quantile_of(curve, 0.9), 6.0 + 0.6 * 4.0);  // 3.6 steps of 4
}

TEST(PlotUnits, ReadWell) {
  const QString space(QChar(0xa0));
  EXPECT_EQ(readable_value(AxisUnit::seconds, 0.0213), "21.3" + space + "ms");
  EXPECT_EQ(readable_value(AxisUnit::seconds, 7e-6), "7.00" + space + "µs");
  EXPECT_EQ(readable_value(AxisUnit::bytes, 80.0 * 1024 * 1024 * 1024), "80.0" + space + "GiB");
  EXPECT_EQ(readable_value(AxisUnit::bytes_per_second, 450e9), "450" + space + "GB/s");
  EXPECT_EQ(readable_value(AxisUnit::share, 1.0), "100" + space + "%");
  EXPECT_EQ(readable_value(AxisUnit::count, 12.0), "12");
}

TEST(PlotUnits, TicksStandAtOneTwoOrFive) {
  EXPECT_DOUBLE_EQ(round_step(0.9), 1.0);
  EXPECT_DOUBLE_EQ(round_step(1.1), 2.0);
  EXPECT_DOUBLE_EQ(round_step(2.1), 5.0);
  EXPECT_DOUBLE_EQ(round_step(5.1), 10.0);
  EXPECT_DOUBLE_EQ(round_step(0.03), 0.05);
  UnitTicker ticker(AxisUnit::bytes);
  QVector<double> ticks;
  QVector<QString> labels;
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  ticker.generate(QCPRange(0.0, 90.0 * kGiB), QLocale::c(), 'g', 6, ticks, nullptr, &labels);
  ASSERT_GE(ticks.size(), 4);
  for (int i = 1; i < ticks.size(); ++i) EXPECT_NEAR(ticks[i] - ticks[i - 1], 20.0 * kGiB, 1.0);
  EXPECT_TRUE(labels.contains("40" + QString(QChar(0xa0)) + "GiB"));
}

TEST(LatencyView, HasAPanelPerLatency) {
  LatencyView view;
  show(view, tests::serving_run());
  EXPECT_TRUE(view.message().isEmpty());
  EXPECT_EQ(view.plot().axisRectCount(), 4);
}

TEST(LatencyView, TellsTheReportsPercentilesInWords) {
  LatencyView view;
  const tests::MadeRun run = tests::serving_run();
  view.set_runs(run, nullptr);  // hidden: the words are there all the same
  const QString p50 = readable_value(AxisUnit::seconds, quantile_of(run->series.latencies[0], 0.5));
  EXPECT_TRUE(view.accessibleDescription().contains("p50 " + p50));
  EXPECT_TRUE(view.accessibleDescription().contains("within the SLO's 500"));
  EXPECT_NEAR(quantile_of(run->series.latencies[0], 0.5), run->report.metric("serving.ttft_s.p50"), 0.003);
}

// Over each panel its own figures: rects are not numbered as the panels are laid out.
TEST(LatencyView, TellsThePanelThatThePointerIsOver) {
  LatencyView view;
  show(view, tests::serving_run());
  const std::vector<QString> names = {"TTFT", "TPOT", "E2E", "queue"};  // row by row
  std::vector<QRect> rects;
  for (QCPAxisRect* rect : view.plot().axisRects()) rects.push_back(rect->rect());
  std::sort(rects.begin(), rects.end(), [](const QRect& a, const QRect& b) {
    return a.center().y() != b.center().y() ? a.center().y() < b.center().y() : a.center().x() < b.center().x();
  });
  ASSERT_EQ(rects.size(), names.size());
  for (std::size_t i = 0; i < rects.size(); ++i) {
    const QPoint at = rects[i].center();
    QHelpEvent event(QEvent::ToolTip, at, view.plot().mapToGlobal(at));
    QApplication::sendEvent(&view.plot(), &event);
    EXPECT_TRUE(QToolTip::text().startsWith(names[i] + ":")) << QToolTip::text().toStdString() << " over " << i;
  }
}

// At every size, and wherever the limit lies against the curve.
TEST(LatencyView, TheNameOfALimitHidesNeitherTheCurveNorAPercentile) {
  for (const char* ttft : {"20 ms", "40 ms", "100 ms", "5 s"}) {
    LatencyView view;
    const tests::MadeRun run = tests::serving_run({{"serving.slo.ttft", ttft}});
    for (const QSize& size : {QSize(1000, 640), QSize(700, 420), QSize(594, 330), QSize(1400, 900)}) {
      SCOPED_TRACE(std::string(ttft) + " at " + std::to_string(size.width()));
      view.resize(size);
      view.set_runs(run, nullptr);
      view.show();
      view.plot().replot(QCustomPlot::rpImmediateRefresh);
      int names = 0;
      for (int i = 0; i < view.plot().itemCount(); ++i) {
        const auto* limit = qobject_cast<QCPItemText*>(view.plot().item(i));
        if (limit == nullptr || !limit->text().startsWith("SLO")) continue;
        const QRectF place = text_rect(*limit);
        const LatencyCurve& curve = run->series.latencies[names++];  // TTFT, TPOT
        EXPECT_EQ(hidden_by(place, *limit->clipAxisRect(), curve), 0) << curve.name;
        EXPECT_TRUE(QRectF(limit->clipAxisRect()->rect()).contains(place)) << curve.name;
        for (int other = 0; other < view.plot().itemCount(); ++other) {
          const auto* name = qobject_cast<QCPItemText*>(view.plot().item(other));
          if (name == nullptr || name == limit || name->clipAxisRect() != limit->clipAxisRect()) continue;
          EXPECT_FALSE(text_rect(*name).intersects(place)) << curve.name << " " << name->text().toStdString();
        }
      }
      EXPECT_EQ(names, 2);
    }
  }
}

TEST(LatencyView, DrawsTheRunBeforeToo) {
  LatencyView view;
  show(view, tests::serving_run());
  const int alone = view.plot().plottableCount();
  show(view, tests::serving_run({{"serving.load.rate", "20"}}), tests::serving_run());
  EXPECT_EQ(view.plot().plottableCount(), alone + 4);  // a dashed curve in each of the four panels
  EXPECT_NE(view.csv().find("previous,TPOT,"), std::string::npos);
}

TEST(LatencyView, SaysWhyThereIsNothing) {
  LatencyView view;
  show(view, nullptr);
  EXPECT_TRUE(view.message().contains("first run"));
  show(view, tests::training_run());
  EXPECT_TRUE(view.message().contains("a run that serves none has none"));
  show(view, tests::serving_run({{"serving.gpu_memory_utilization", "0.2"}}));
  EXPECT_TRUE(view.message().contains("did not start"));
  show(view, tests::serving_run());
  EXPECT_TRUE(view.message().isEmpty());
}

TEST(LatencyView, FollowsThePalette) {
  LatencyView view;
  show(view, tests::serving_run());
  apply_theme(Theme::dark);
  QTest::qWait(30);
  const QImage dark = view.grab().toImage();
  apply_theme(Theme::light);
  QTest::qWait(30);
  const QImage light = view.grab().toImage();
  EXPECT_LT(dark.pixelColor(2, 2).lightness(), 80);
  EXPECT_GT(light.pixelColor(2, 2).lightness(), 200);
}

}  // namespace
}  // namespace orrery::gui
