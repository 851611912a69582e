// The tracks as pixels: what share of a column has which colour.
#include "gui/timeline/timeline_raster.hpp"

#include <QApplication>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;

/// One compute stream on which forward passes of `busy` of each 100 ps follow each other.
sim::Timeline striped(SimTime busy, std::size_t stripes) {
  sim::Timeline timeline;
  timeline.labels = {"k"};
  timeline.ranks = {{"stage 0", {0}, 0}};
  add_stream(timeline, 0, models::lanes::kCompute);
  for (SimTime i = 0; i < stripes; ++i) add_span(timeline, 100 * i, 100 * i + busy, 0, Activity::forward);
  timeline.makespan = 100 * stripes;
  return timeline;
}

class Raster : public ::testing::Test {
 protected:
  /// Draws the whole timeline into a picture of that size.
  QImage draw(const sim::Timeline& timeline, int width, int height, bool collapsed = false, const char* match = nullptr,
              double ratio = 1.0) {
    index_ = TimelineIndex(timeline);
    rows_ = TrackRows();
    rows_.set_tracks(index_.tracks());
    if (collapsed) rows_.set_all_collapsed(true);
    rows_.lay_out(height);
    TimeScale scale;
    scale.set_limit(timeline.makespan);
    scale.show_all();
    QImage image(static_cast<int>(width * ratio), static_cast<int>(height * ratio), QImage::Format_RGB32);
    image.setDevicePixelRatio(ratio);
    const LabelMatch found = match != nullptr ? index_.match(match) : LabelMatch{};
    TimelineRaster().draw(image, {&index_, &rows_, &scale, match != nullptr ? &found : nullptr, 0.0}, colors_);
    return image;
  }
  /// Share of the first row's pixels in a column that have an activity's colour; mixtures count by their red.
  [[nodiscard]] double share(const QImage& image, int x, Activity activity) const {
    const double lane = qRed(colors_.lane), full = qRed(colors_.activity[static_cast<std::size_t>(activity)]);
    const int bottom = static_cast<int>(rows_.rows()[0].bottom()) - 1;  // a gap between rows
    double sum = 0.0;
    for (int y = 0; y < bottom; ++y) sum += (qRed(image.pixel(x, y)) - lane) / (full - lane);
    return sum / bottom;
  }

  TimelineIndex index_;
  TrackRows rows_;
  RasterColors colors_{QApplication::palette()};
};

// 10,000 stripes in 100 columns: each column is filled as high as its time is busy.
TEST_F(Raster, AColumnIsFilledByTheShareOfItsTime) {
  for (const SimTime busy : {SimTime{10}, SimTime{25}, SimTime{50}, SimTime{75}, SimTime{100}}) {
    const QImage image = draw(striped(busy, 10'000), 100, 60);
    for (const int x : {1, 37, 98}) {
      EXPECT_NEAR(share(image, x, Activity::forward), static_cast<double>(busy) / 100.0, 0.02) << busy << " at " << x;
    }
  }
}

TEST_F(Raster, ALowRowHasTheSameShares) {
  for (const SimTime busy : {SimTime{20}, SimTime{60}}) {
    const QImage image = draw(striped(busy, 10'000), 100, 12);
    ASSERT_LE(rows_.rows()[0].height, 12.0);
    EXPECT_NEAR(share(image, 50, Activity::forward), static_cast<double>(busy) / 100.0, 0.06) << busy;
  }
}

TEST_F(Raster, ASpanOfManyPixelsStandsAlone) {
  const QImage image = draw(striped(50, 4), 400, 60);  // 50 pixels busy, 50 idle
  const QRgb forward = colors_.activity[static_cast<std::size_t>(Activity::forward)];
  for (int stripe = 0; stripe < 4; ++stripe) {
    EXPECT_EQ(image.pixel(100 * stripe + 25, 20), forward);
    EXPECT_EQ(image.pixel(100 * stripe + 75, 20), colors_.lane);
    EXPECT_NE(image.pixel(100 * stripe, 20), forward) << "its edge tells it from the one before";
  }
}

TEST_F(Raster, BetweenTheRowsIsTheGround) {
  const QImage image = draw(two_ranks(), 100, 90);
  const int gap = static_cast<int>(rows_.groups()[1].top) - 2;
  for (int x = 0; x < 100; x += 9) EXPECT_EQ(image.pixel(x, gap), colors_.ground);
}

TEST_F(Raster, WhatASearchDidNotFindIsFaded) {
  const QImage image = draw(two_ranks(), 400, 90, false, "cold");
  const auto warm = static_cast<std::size_t>(Activity::forward), cold = static_cast<std::size_t>(Activity::backward);
  EXPECT_EQ(image.pixel(50, 10), colors_.faded[warm]);
  EXPECT_EQ(image.pixel(300, 10), colors_.activity[cold]);
  EXPECT_LT(contrast(QColor(colors_.faded[warm]), QColor(colors_.lane)),
            contrast(QColor(colors_.activity[warm]), QColor(colors_.lane)));
}

// A collapsed group shows its compute streams, and in the time that they leave, the others.
TEST_F(Raster, ACollapsedGroupShowsCommunicationWhereNothingHidesIt) {
  const QImage image = draw(two_ranks(), 400, 90, true);
  const auto pixel = [&](int x) { return image.pixel(x, 10); };
  EXPECT_EQ(pixel(50), colors_.activity[static_cast<std::size_t>(Activity::forward)]);
  EXPECT_EQ(pixel(150), colors_.activity[static_cast<std::size_t>(Activity::tensor_parallel)]);
  EXPECT_EQ(pixel(300), colors_.activity[static_cast<std::size_t>(Activity::backward)]);
}

TEST_F(Raster, AFineScreenHasTwiceThePixelsOfTheSamePicture) {
  const QImage coarse = draw(striped(50, 4), 400, 60), fine = draw(striped(50, 4), 400, 60, false, nullptr, 2.0);
  ASSERT_EQ(fine.size(), 2 * coarse.size());
  for (int x = 6; x < 400; x += 13) EXPECT_EQ(fine.pixel(2 * x + 1, 41), coarse.pixel(x, 20)) << x;
}

TEST_F(Raster, WithoutATimelineAllIsGround) {
  QImage image(20, 20, QImage::Format_RGB32);
  image.fill(Qt::red);
  TimelineRaster().draw(image, {}, colors_);
  EXPECT_EQ(image.pixel(10, 10), colors_.ground);
  QImage none;
  TimelineRaster().draw(none, {}, colors_);
  EXPECT_TRUE(none.isNull());
}

}  // namespace
}  // namespace orrery::gui
