// The pyramid of busy times against sums over all spans.
#include "gui/run/busy_pyramid.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/gui/span_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;
using tests::back_to_back;
using tests::random_spans;

TrackSpans track_of(const std::vector<sim::Span>& spans) { return {spans.data(), spans.data() + spans.size()}; }

std::vector<float> shares_of(const TrackSpans& track, const BusyPyramid& pyramid, const Columns& columns) {
  std::vector<float> out(columns.count * track.activities.size(), -1.0f);
  pyramid.shares(columns, out.data());
  return out;
}

/// Share of an activity in a column, from every span.
double brute_share(const TrackSpans& track, const Columns& columns, std::size_t column, std::size_t slot) {
  const double from = columns.width() * static_cast<double>(column), to = from + columns.width();
  double busy = 0.0;
  for (const sim::Span* span = track.first; span != track.last; ++span) {
    if (track.slot(*span) != slot) continue;
    const double start = difference(span->start, columns.begin), end = difference(span->end, columns.begin);
    busy += std::max(0.0, std::min(end, to) - std::max(start, from));
  }
  return busy / columns.width();
}

double worst_error(const TrackSpans& track, const BusyPyramid& pyramid, const Columns& columns) {
  const std::vector<float> shares = shares_of(track, pyramid, columns);
  const std::size_t width = track.activities.size();
  double worst = 0.0;
  for (std::size_t c = 0; c < columns.count; ++c) {
    for (std::size_t a = 0; a < width; ++a) {
      worst = std::max(worst, std::abs(shares[c * width + a] - brute_share(track, columns, c, a)));
    }
  }
  return worst;
}

TEST(Difference, IsSignedForTimesBeyondHalfOfTheirRange) {
  constexpr SimTime kLast = ~SimTime{0};
  EXPECT_EQ(difference(7, 5), 2.0);
  EXPECT_EQ(difference(5, 7), -2.0);
  EXPECT_EQ(difference(kLast, kLast - 3), 3.0);
  EXPECT_EQ(difference(0, kLast), -18446744073709551615.0);
}

TEST(BusyPyramid, OfNothingHasNoBins) {
  EXPECT_EQ(BusyPyramid().bin_width(), 0.0);
  EXPECT_EQ(BusyPyramid(TrackSpans()).bin_width(), 0.0);
  const std::vector<sim::Span> moments(5, {700, 700, StreamId(0), sim::LabelId(0), Activity::forward});
  const BusyPyramid pyramid(track_of(moments));
  EXPECT_EQ(pyramid.bin_width(), 0.0) << "five spans at one moment have no extent";
  EXPECT_EQ(pyramid.bytes(), 0u);
}

TEST(BusyPyramid, HasABinForTwoSpans) {
  const std::vector<sim::Span> hundred = back_to_back(100, 10, 0);  // 1000 ps in 50 bins
  EXPECT_EQ(BusyPyramid(track_of(hundred)).bin_width(), 20.0);
  const std::vector<sim::Span> three = back_to_back(3, 100, 40);  // one bin of all
  EXPECT_EQ(BusyPyramid(track_of(three)).bin_width(), 300.0);
  // 70 ps in 3 bins are 24 ps each: the last reaches beyond the end.
  const std::vector<sim::Span> seven = back_to_back(7, 10, 0);
  EXPECT_EQ(BusyPyramid(track_of(seven)).bin_width(), 24.0);
}

TEST(BusyPyramid, OfOneSpanIsFullWithinItAndEmptyOutside) {
  const std::vector<sim::Span> one = back_to_back(1, 1000, 1000);
  const TrackSpans track = track_of(one);
  const BusyPyramid pyramid(track);
  const std::vector<float> shares = shares_of(track, pyramid, {0, 4000, 4});
  EXPECT_NEAR(shares[0], 0.0, 1e-6);
  EXPECT_NEAR(shares[1], 1.0, 1e-4);
  EXPECT_NEAR(shares[2], 0.0, 1e-6);
  EXPECT_NEAR(shares[3], 0.0, 1e-6);
  EXPECT_NEAR(shares_of(track, pyramid, {500, 2500, 1})[0], 0.5, 1e-4);
}

// Three fifths forward, two fifths backward of each 50 ps: a bin has one of each.
TEST(BusyPyramid, PartsAColumnByActivity) {
  std::vector<sim::Span> spans;
  for (SimTime i = 0; i < 200; ++i) {
    spans.push_back({50 * i, 50 * i + 30, StreamId(0), sim::LabelId(0), Activity::forward});
    spans.push_back({50 * i + 30, 50 * i + 50, StreamId(0), sim::LabelId(0), Activity::backward});
  }
  const TrackSpans track = track_of(spans);
  const BusyPyramid pyramid(track);
  ASSERT_EQ(pyramid.bin_width(), 50.0);
  for (const std::size_t columns : {1u, 10u, 100u}) {
    const std::vector<float> shares = shares_of(track, pyramid, {0, 10'000, columns});
    for (std::size_t c = 0; c < columns; ++c) {
      EXPECT_NEAR(shares[2 * c + track.slot(spans[0])], 0.6, 1e-3) << c << " of " << columns;
      EXPECT_NEAR(shares[2 * c + track.slot(spans[1])], 0.4, 1e-3) << c << " of " << columns;
    }
  }
}

// Whatever the spans: where columns begin and end with bins nothing is spread, at every level.
TEST(BusyPyramid, IsExactAtTheEdgesOfItsBins) {
  for (std::uint32_t seed = 1; seed <= 5; ++seed) {
    const std::vector<sim::Span> spans = random_spans(seed, 6000, seed * 1'000'000, seed);  // one to five activities
    const TrackSpans track = track_of(spans);
    const BusyPyramid pyramid(track);
    const auto bin = static_cast<SimTime>(pyramid.bin_width());
    for (const SimTime bins : {SimTime{1}, SimTime{4}, SimTime{64}, SimTime{256}}) {
      const std::size_t count = std::max<std::size_t>(1, 1024 / bins);
      const Columns columns{track.first->start, track.first->start + bin * bins * count, count};
      EXPECT_LT(worst_error(track, pyramid, columns), 2e-3) << "seed " << seed << ", " << bins << " bins a column";
    }
  }
}

// Elsewhere by half a bin at most: a quarter at each edge, of a bin of the level that has four in a column.
TEST(BusyPyramid, IsOffByHalfABinAtMost) {
  std::mt19937 random(77);
  for (std::uint32_t seed = 11; seed <= 16; ++seed) {
    const std::vector<sim::Span> spans = random_spans(seed, 5000, 12'345, seed % 5 + 1);
    const TrackSpans track = track_of(spans);
    const BusyPyramid pyramid(track);
    const SimTime extent = spans.back().end - spans.front().start;
    for (int i = 0; i < 12; ++i) {
      const SimTime begin = spans.front().start - 10'000 + random() % extent, length = 1 + random() % (2 * extent);
      const auto most = static_cast<std::size_t>(static_cast<double>(length) / pyramid.bin_width());
      if (most == 0) continue;
      const Columns columns{begin, begin + length, std::min<std::size_t>(most, 1 + random() % 300)};
      const double column = columns.width() / pyramid.bin_width();
      const double bound = column >= 16.0 ? 0.125 : 0.5 / column;
      EXPECT_LE(worst_error(track, pyramid, columns), bound + 2e-3) << seed << " " << columns.count;
    }
  }
}

TEST(BusyPyramid, ColumnsTogetherHaveTheWholeBusyTime) {
  const std::vector<sim::Span> spans = random_spans(21, 9000, 0, 4);
  const TrackSpans track = track_of(spans);
  const BusyPyramid pyramid(track);
  std::vector<double> busy(track.activities.size());
  for (const sim::Span& span : spans) busy[track.slot(span)] += static_cast<double>(span.end - span.start);
  for (const std::size_t count : {1u, 7u, 331u}) {
    const Columns columns{0, 2 * spans.back().end, count};
    const std::vector<float> shares = shares_of(track, pyramid, columns);
    for (std::size_t a = 0; a < busy.size(); ++a) {
      double sum = 0.0;
      for (std::size_t c = 0; c < count; ++c) sum += shares[c * busy.size() + a] * columns.width();
      EXPECT_NEAR(sum / busy[a], 1.0, 1e-5) << count << " columns";
    }
  }
}

TEST(BusyPyramid, ReachesTheEndOfTime) {
  constexpr SimTime kLast = ~SimTime{0};
  const std::vector<sim::Span> spans = back_to_back(8, 500, kLast - 4000);
  const TrackSpans track = track_of(spans);
  const BusyPyramid pyramid(track);
  EXPECT_EQ(pyramid.bin_width(), 1000.0);
  for (const float share : shares_of(track, pyramid, {kLast - 4000, kLast, 4})) EXPECT_NEAR(share, 1.0f, 1e-4f);
}

// A pyramid of two million spans has as many bins as one of twenty: its size does not grow further.
TEST(BusyPyramid, HasAMillionBinsAtMost) {
  const std::vector<sim::Span> spans = back_to_back(2 * BusyPyramid::kMostBins + 20, 10, 0);
  const TrackSpans track = track_of(spans);
  const BusyPyramid pyramid(track);
  EXPECT_EQ(pyramid.bin_width(), 21.0) << "20 ps would take more bins";
  const std::size_t sums = BusyPyramid::kMostBins * 4 / 3 + 64;
  EXPECT_LE(pyramid.bytes(), sums * track.activities.size() * sizeof(std::uint32_t));
  EXPECT_NEAR(shares_of(track, pyramid, {210, 21'210, 100})[50], 1.0f, 1e-3f);
}

}  // namespace
}  // namespace orrery::gui
