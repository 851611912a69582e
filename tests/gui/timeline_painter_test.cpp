// What the painter draws around and on the tracks, by its pixels.
#include "gui/timeline/timeline_painter.hpp"

#include <QApplication>
#include <QFontMetricsF>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::SimTime;

constexpr QRgb kGround = 0xff123456;  // no colour of either theme

/// Tracks of two_ranks() in a plot of 400 x 160 pixels at (100, 30), below a ruler, beside a gutter.
class Painter : public ::testing::Test {
 protected:
  Painter() : timeline_(two_ranks()) {
    painter_.set_font(QApplication::font());
    layout_.ruler = {100, 0, 400, 30};
    layout_.gutter = {0, 30, 100, 160};
    layout_.plot = {100, 30, 400, 160};
    layout_.group_width = 60;
    index_ = TimelineIndex(timeline_);
    rows_.set_tracks(index_.tracks());
    rows_.lay_out(160);
    scale_.set_limit(timeline_.makespan);
    scale_.show_all();
  }
  template <class Draw>
  QImage draw(const Draw& draw_on) {
    QImage image(510, 190, QImage::Format_RGB32);
    image.fill(kGround);
    QPainter painter(&image);
    draw_on(painter);
    return image;
  }
  QImage draw_marks(const CanvasMarks& marks) {
    return draw([&](QPainter& painter) { painter_.draw_marks(painter, palette_, layout_, scene_, marks); });
  }
  QImage draw_labels() {
    return draw([&](QPainter& painter) { painter_.draw_labels(painter, layout_, scene_, colors_); });
  }
  /// Pixels within a part that something was drawn on.
  static int drawn(const QImage& image, const QRectF& part) {
    int count = 0;
    const QRect all = part.toAlignedRect().intersected(image.rect());
    for (int y = all.top(); y <= all.bottom(); ++y) {
      for (int x = all.left(); x <= all.right(); ++x) count += image.pixel(x, y) != kGround ? 1 : 0;
    }
    return count;
  }
  [[nodiscard]] QRectF place(std::size_t track, SimTime begin, SimTime end) const {
    const TrackRow& row = *rows_.row_of(track);
    const double left = scale_.position(begin, 400), right = scale_.position(end, 400);
    return {100 + left, 30 + row.top, right - left, row.height};
  }

  sim::Timeline timeline_;
  TimelineIndex index_;
  TrackRows rows_;
  TimeScale scale_;
  QPalette palette_ = QApplication::palette();
  RasterColors colors_{palette_};
  CanvasLayout layout_;
  RasterScene scene_{&index_, &rows_, &scale_, nullptr, 0.0};
  TimelinePainter painter_;
};

TEST_F(Painter, NamesHaveRoomForTheLongest) {
  const auto [group, track] = painter_.name_widths(rows_, index_.tracks());
  QFont bold = QApplication::font();
  bold.setBold(true);
  EXPECT_GT(group, QFontMetricsF(bold).horizontalAdvance(QStringLiteral("stage 0 (8 GPUs)")));
  const auto [nothing, no_track] = painter_.name_widths(TrackRows(), {});
  EXPECT_LT(nothing, group);
  EXPECT_LT(no_track, track);
}

TEST_F(Painter, TheRulerShowsWhichPartIsInView) {
  const auto draw_ruler = [&] {
    return draw([&](QPainter& painter) { painter_.draw_ruler(painter, palette_, layout_, scale_); });
  };
  const QRgb accent = palette_.color(QPalette::Highlight).rgb();
  scale_.set_range(kSecond / 4, kSecond / 2);
  const QImage part = draw_ruler();
  for (const int x : {202, 250, 298}) EXPECT_EQ(part.pixel(x, 1), accent) << x;
  for (const int x : {105, 196, 304, 490}) EXPECT_NE(part.pixel(x, 1), accent) << x;
  scale_.set_range(kSecond / 2, kSecond / 2 + kSecond / 10'000);
  const QImage narrow = draw_ruler();
  int width = 0;
  for (int x = 100; x < 500; ++x) width += narrow.pixel(x, 1) == accent ? 1 : 0;
  EXPECT_GE(width, 3) << "however small the part is";
  EXPECT_LE(width, 5);
}

TEST_F(Painter, TheRulersTicksStandAtTheirTimes) {
  const QImage image = draw([&](QPainter& painter) { painter_.draw_ruler(painter, palette_, layout_, scale_); });
  const Ruler ruler =
      scale_.ruler(400, QFontMetricsF(QApplication::font()).horizontalAdvance(QStringLiteral("+000.000 ms")));
  int majors = 0;
  for (const Tick& tick : ruler.ticks) {
    if (!tick.major) continue;
    ++majors;
    const double x = 100 + scale_.position(tick.time, 400);
    EXPECT_GT(drawn(image, {x - 1, 26, 3, 3}), 0) << tick.label.toStdString();
  }
  EXPECT_GE(majors, 2);
}

TEST_F(Painter, ALabelStaysWithinItsSpan) {
  const QImage image = draw_labels();
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_GT(drawn(image, place(2 * rank, 0, kSecond / 4)), 20) << "warm";
    EXPECT_GT(drawn(image, place(2 * rank, kSecond / 2, kSecond)), 20) << "cold";
    EXPECT_EQ(drawn(image, place(2 * rank, kSecond / 4, kSecond / 2).adjusted(0, 0, -1, 0)), 0) << "an idle moment";
  }
  EXPECT_EQ(drawn(image, layout_.gutter) + drawn(image, layout_.ruler), 0);
}

TEST_F(Painter, ANarrowSpanHasNoLabel) {
  scale_.set_range(0, kSecond);
  scale_.set_limit(40 * kSecond);
  scale_.set_range(0, 20 * kSecond);  // "warm" takes five pixels, "cold" ten
  EXPECT_EQ(drawn(draw_labels(), layout_.plot), 0);
}

TEST_F(Painter, ALabelOfASpanThatBeginsEarlierStandsInView) {
  scale_.set_range(kSecond / 4 * 3, kSecond);  // the second half of "cold"
  const QImage image = draw_labels();
  const QRectF row = place(0, kSecond / 4 * 3, kSecond);
  EXPECT_GT(drawn(image, row.adjusted(150, 0, -150, 0)), 20) << "in the middle of what is in view";
}

TEST_F(Painter, AWideSpanTellsItsDurationWhereTheRowHasTwoLines) {
  rows_.set_stretch(4.0);
  rows_.lay_out(160);
  const QRectF cold = place(0, kSecond / 2, kSecond);
  ASSERT_GT(cold.height(), 2 * painter_.line_height());
  const QImage image = draw_labels();
  const QRectF upper(cold.left(), cold.top(), cold.width(), cold.height() / 2 - 1),
      lower = upper.translated(0, cold.height() / 2);
  EXPECT_GT(drawn(image, upper), 20);
  EXPECT_GT(drawn(image, lower), 20) << "500.0 ms";
}

TEST_F(Painter, WhatASearchDidNotFindHasAFainterLabel) {
  const LabelMatch match = index_.match("cold");
  const auto darkest = [&](const QImage& image, const QRectF& part) {
    int least = 255;
    const QRect all = part.toAlignedRect();
    for (int y = all.top(); y <= all.bottom(); ++y) {
      for (int x = all.left(); x <= all.right(); ++x) {
        if (image.pixel(x, y) != kGround) least = std::min(least, qGray(image.pixel(x, y)));
      }
    }
    return least;
  };
  const QRectF warm = place(0, 0, kSecond / 4);
  const int found = darkest(draw_labels(), warm);
  scene_.match = &match;
  EXPECT_GT(darkest(draw_labels(), warm), found + 20);
}

TEST_F(Painter, ASelectedSpanHasAFrameAndANarrowOneAPointer) {
  CanvasMarks marks;
  marks.selected = 1;  // "cold" of the first rank
  const QRectF cold = place(0, kSecond / 2, kSecond);
  const QImage framed = draw_marks(marks);
  const QRgb ink = palette_.color(QPalette::Text).rgb();
  EXPECT_EQ(framed.pixel(static_cast<int>(cold.left()), static_cast<int>(cold.center().y())), ink);
  EXPECT_EQ(drawn(framed, cold.adjusted(5, 5, -5, -5)), 0) << "what it frames is to be seen";
  scale_.set_limit(400 * kSecond);
  scale_.show_all();
  marks.selected = 4;  // of the second rank: there is room above it
  const QRectF narrow = place(2, kSecond / 2, kSecond);
  ASSERT_LT(narrow.width(), 8.0);
  EXPECT_GT(drawn(draw_marks(marks), {narrow.center().x() - 3, narrow.top() - 8, 6, 6}), 10);
}

TEST_F(Painter, AHoveredSpanHasAFrameWhereItIsWideEnough) {
  CanvasMarks marks;
  marks.hovered = 1;
  EXPECT_GT(drawn(draw_marks(marks), layout_.plot), 100);
  marks.selected = 1;
  const int selected = drawn(draw_marks(marks), layout_.plot);
  marks.hovered = TimelineIndex::kNone;
  EXPECT_EQ(drawn(draw_marks(marks), layout_.plot), selected) << "one frame is enough";
  marks = {};
  marks.hovered = 1;
  scale_.set_limit(4000 * kSecond);
  scale_.show_all();
  EXPECT_EQ(drawn(draw_marks(marks), layout_.plot), 0);
}

TEST_F(Painter, ARangeIsABandFromBeginToEnd) {
  CanvasMarks marks;
  marks.has_range = true;
  marks.range_begin = kSecond / 4;
  marks.range_end = kSecond / 2;
  const QImage image = draw_marks(marks);
  EXPECT_NE(image.pixel(250, 100), kGround);
  EXPECT_NE(image.pixel(250, 10), kGround) << "on the ruler too";
  EXPECT_EQ(image.pixel(190, 100), kGround);
  EXPECT_EQ(image.pixel(310, 100), kGround);
  scale_.set_range(kSecond / 4 * 3, kSecond);
  EXPECT_EQ(drawn(draw_marks(marks), layout_.plot.adjusted(2, 0, 0, 0)), 0) << "it lies before what is in view";
}

TEST_F(Painter, TheGutterNamesGroupsAndTracks) {
  const auto draw_gutter = [&] {
    return draw([&](QPainter& painter) { painter_.draw_gutter(painter, palette_, layout_, scene_); });
  };
  const auto ink = [&](const QImage& image, const QRectF& part) {
    int count = 0;
    const QRect all = part.toAlignedRect();
    for (int y = all.top(); y < all.bottom(); ++y) {
      for (int x = all.left(); x < all.right(); ++x) {
        count += qGray(image.pixel(x, y)) < 128 ? 1 : 0;  // of the light theme: dark letters
      }
    }
    return count;
  };
  const QImage open = draw_gutter();
  const TrackGroup& second = rows_.groups()[1];
  EXPECT_GT(ink(open, {0, 30 + second.top, 60, painter_.line_height()}), 20);
  EXPECT_GT(ink(open, {60, 30 + rows_.row_of(0)->top, 40, rows_.row_of(0)->height}), 5);
  EXPECT_EQ(drawn(open, layout_.plot), 0);
  rows_.set_all_collapsed(true);
  rows_.lay_out(160);
  EXPECT_EQ(ink(draw_gutter(), {62, 30, 38, rows_.rows()[0].height}), 0) << "a row of all tracks has no track's name";
}

}  // namespace
}  // namespace orrery::gui
