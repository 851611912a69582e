// The visible range of a timeline: how it moves, what it never does, and where its ticks stand.
#include "gui/timeline/time_scale.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

constexpr sim::SimTime kEnd = std::numeric_limits<sim::SimTime>::max();

TimeScale scale_of(sim::SimTime limit) {
  TimeScale scale;
  scale.set_limit(limit);
  scale.show_all();
  return scale;
}

std::string plain(QString text) { return text.replace(QChar(0xa0), QLatin1Char(' ')).toStdString(); }

TEST(FormatTime, HasSignificantDigitsInAUnitThatReadsWell) {
  EXPECT_EQ(plain(format_time(1.234e9)), "1.234 ms");
  EXPECT_EQ(plain(format_time(12.34e9)), "12.34 ms");
  EXPECT_EQ(plain(format_time(2.5e6, 2)), "2.5 µs");
  EXPECT_EQ(plain(format_time(7e3)), "7.000 ns");
  EXPECT_EQ(plain(format_time(7.0)), "7 ps") << "there is nothing below it";
  EXPECT_EQ(plain(format_time(0.99996e12)), "1.000 s") << "not 1000.0 ms";
  EXPECT_EQ(plain(format_time(0.0)), "0 s");
  EXPECT_EQ(plain(format_time(-1.0)), "0 s");
}

TEST(TimeScaleMoves, ZoomKeepsTheTimeUnderThePointer) {
  TimeScale scale = scale_of(1'000'000);
  scale.set_range(200'000, 600'000);
  scale.zoom(0.5, 0.5);  // half of 400 000, and half of what it loses at the left
  EXPECT_EQ(scale.begin(), 300'000u);
  EXPECT_EQ(scale.end(), 500'000u);
  scale.zoom(2.0, 0.25);  // a quarter of the 200 000 that come to it
  EXPECT_EQ(scale.begin(), 250'000u);
  EXPECT_EQ(scale.end(), 650'000u);
}

TEST(TimeScaleMoves, PanStopsAtTheEnds) {
  TimeScale scale = scale_of(1'000'000);
  scale.set_range(300'000, 700'000);
  scale.pan(0.5);
  EXPECT_EQ(scale.begin(), 500'000u);
  scale.pan(1.0);
  EXPECT_EQ(scale.end(), 1'000'000u);
  EXPECT_EQ(scale.length(), 400'000u);
  scale.pan(-9.0);
  EXPECT_EQ(scale.begin(), 0u);
  EXPECT_EQ(scale.length(), 400'000u);
}

TEST(TimeScaleMoves, ARangeIsNeverNarrowerThanCanBeSeen) {
  TimeScale scale = scale_of(1'000'000);
  scale.zoom(1e-12, 0.5);
  EXPECT_EQ(scale.length(), TimeScale::kNarrowest);
  scale.set_range(500, 500);
  EXPECT_EQ(scale.length(), TimeScale::kNarrowest);
  TimeScale tiny = scale_of(3);
  tiny.zoom(0.1, 0.0);
  EXPECT_EQ(tiny.length(), 3u) << "shorter than that there is no more";
}

TEST(TimeScaleMoves, ARangeMayBeGivenTheOtherWayRoundAndBeyondTheEnd) {
  TimeScale scale = scale_of(10'000);
  scale.set_range(8'000, 2'000);
  EXPECT_EQ(scale.begin(), 2'000u);
  EXPECT_EQ(scale.end(), 8'000u);
  scale.set_range(5'000, 20'000);
  EXPECT_EQ(scale.limit(), 20'000u);
  scale.set_limit(10'000);
  EXPECT_EQ(scale.end(), 10'000u);
  EXPECT_TRUE(scale.is_all());
}

TEST(TimeScaleMoves, RevealingASpanShowsItAtAVisibleSize) {
  TimeScale scale = scale_of(1'000'000);
  scale.reveal(500'000, 500'100);  // twenty times as long around its middle
  EXPECT_EQ(scale.begin(), 499'050u);
  EXPECT_EQ(scale.end(), 501'050u);
  scale.show_all();
  scale.reveal(100'000, 300'000);
  EXPECT_TRUE(scale.is_all()) << "it was in view at a good size";
  scale.set_range(0, 10'000);
  scale.reveal(700'000, 701'000);  // a tenth of the range: only moved, its middle in the middle
  EXPECT_EQ(scale.begin(), 695'500u);
  EXPECT_EQ(scale.length(), 10'000u);
}

TEST(TimeScaleMoves, NeverLeaveTheRunWhateverIsAsked) {
  std::mt19937_64 random(5);  // NOLINT: the same cases each time
  for (const sim::SimTime limit : {sim::SimTime{1}, sim::SimTime{999}, sim::SimTime{1'000'000}, kEnd}) {
    TimeScale scale = scale_of(limit);
    for (int i = 0; i < 2000; ++i) {
      const double share = static_cast<double>(random() % 2001) / 1000.0 - 0.5;
      const sim::SimTime a = limit == kEnd ? random() : random() % (limit + 1);
      switch (random() % 4) {
        case 0:
          scale.zoom(std::exp2(share * 10.0), share);
          break;
        case 1:
          scale.pan(share * 3.0);
          break;
        case 2:
          scale.set_range(a, limit - a);
          break;
        default:
          scale.reveal(a, a);
      }
      ASSERT_LT(scale.begin(), scale.end());
      ASSERT_LE(scale.end(), scale.limit());
      ASSERT_EQ(scale.limit(), limit);
      ASSERT_GE(scale.length(), std::min(limit, TimeScale::kNarrowest));
    }
  }
}

TEST(TimeScalePixels, LeadToTimesAndBack) {
  TimeScale scale = scale_of(1'000'000);
  scale.set_range(200'000, 600'000);
  EXPECT_DOUBLE_EQ(scale.position(400'000, 100.0), 50.0);
  EXPECT_DOUBLE_EQ(scale.position(0, 100.0), -50.0) << "left of it";
  EXPECT_EQ(scale.time_at(50.0, 100.0), 400'000u);
  EXPECT_EQ(scale.time_at(-3.0, 100.0), 200'000u);
  EXPECT_EQ(scale.time_at(101.0, 100.0), 600'000u);
  EXPECT_EQ(scale.time_at(50.0, 0.0), 200'000u) << "no width";
  for (double x = 0.0; x <= 100.0; x += 0.5) EXPECT_NEAR(scale.position(scale.time_at(x, 100.0), 100.0), x, 1e-3);
}

TEST(TimeRuler, StandsAtRoundTimes) {
  const TimeScale scale = scale_of(1'000'000'000'000);  // 1 s
  const Ruler ruler = scale.ruler(1000.0, 100.0);       // 100 pixels are 100 ms: a step; fifths of it between
  ASSERT_EQ(ruler.ticks.size(), 51u);
  EXPECT_EQ(ruler.base, QString());
  EXPECT_EQ(plain(ruler.ticks[0].label), "0.0 s");
  EXPECT_EQ(plain(ruler.ticks[5].label), "0.1 s");
  EXPECT_FALSE(ruler.ticks[1].major);
  EXPECT_EQ(ruler.ticks[1].time, 20'000'000'000u);
  EXPECT_EQ(plain(ruler.ticks[50].label), "1.0 s");
}

TEST(TimeRuler, CountsFromARoundTimeWhereLabelsWouldBeLong) {
  TimeScale scale = scale_of(10'000'000'000'000);
  scale.set_range(5'000'000'000'000, 5'001'000'000'000);  // a millisecond, five seconds in
  const Ruler ruler = scale.ruler(1000.0, 100.0);
  EXPECT_EQ(plain(ruler.base), "5.00 s +");
  EXPECT_EQ(plain(ruler.ticks.front().label), "0.0 ms");
  EXPECT_EQ(plain(ruler.ticks.back().label), "1.0 ms");
}

TEST(TimeRuler, KeepsLabelsApartAtEveryZoom) {
  TimeScale scale = scale_of(kEnd);
  for (int i = 0; i < 200; ++i) {
    const Ruler ruler = scale.ruler(800.0, 90.0);
    double before = -1e9;
    for (const Tick& tick : ruler.ticks) {
      ASSERT_GE(tick.time, scale.begin());
      ASSERT_LE(tick.time, scale.end());
      if (!tick.major) continue;
      const double x = scale.position(tick.time, 800.0);
      ASSERT_GE(x - before, 89.0) << "at zoom " << i;
      before = x;
    }
    scale.zoom(0.8, 0.37);
  }
  EXPECT_TRUE(scale.ruler(0.5, 90.0).ticks.empty()) << "no room for any";
}

}  // namespace
}  // namespace orrery::gui
