// Sums and look-ups in the spans of one track against plain loops over all of them.
#include "gui/run/span_blocks.hpp"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/span_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;
using ::testing::ElementsAre;
using tests::back_to_back;
using tests::random_spans;

using Sums = std::array<std::uint64_t, kActivities>;

TrackSpans track_of(const std::vector<sim::Span>& spans) { return {spans.data(), spans.data() + spans.size()}; }

Sums brute_busy(const TrackSpans& track, SimTime time) {
  Sums sums = {};
  for (const sim::Span* span = track.first; span != track.last; ++span) {
    if (span->start < time) sums[track.slot(*span)] += std::min(span->end, time) - span->start;
  }
  return sums;
}

/// Every moment at which something begins or ends, and those beside it.
std::set<SimTime> moments(const std::vector<sim::Span>& spans) {
  std::set<SimTime> times = {0, ~SimTime{0}};
  for (const sim::Span& span : spans) {
    for (const SimTime time : {span.start, span.end}) times.insert({time == 0 ? 0 : time - 1, time, time + 1});
  }
  return times;
}

TEST(TrackSpans, KnowTheActivitiesThatOccur) {
  const std::vector<sim::Span> spans = {{0, 1, StreamId(0), sim::LabelId(0), Activity::other},
                                        {1, 2, StreamId(0), sim::LabelId(0), Activity::backward},
                                        {2, 3, StreamId(0), sim::LabelId(0), Activity::other}};
  const TrackSpans track = track_of(spans);
  EXPECT_THAT(track.activities,
              ElementsAre(static_cast<std::uint8_t>(Activity::backward), static_cast<std::uint8_t>(Activity::other)));
  EXPECT_EQ(track.slot(spans[0]), 1u);
  EXPECT_EQ(track.slot(spans[1]), 0u);
  EXPECT_EQ(track.size(), 3u);
  EXPECT_EQ(TrackSpans().size(), 0u);
  EXPECT_TRUE(TrackSpans().activities.empty());
}

TEST(TrackSpans, OfEveryActivityHaveAPlaceForEach) {
  std::vector<sim::Span> spans;
  for (std::size_t a = kActivities; a-- > 0;) {
    spans.push_back({10 * spans.size(), 10 * spans.size() + 5, StreamId(0), sim::LabelId(0), static_cast<Activity>(a)});
  }
  const TrackSpans track = track_of(spans);
  ASSERT_EQ(track.activities.size(), kActivities);
  for (const sim::Span& span : spans) EXPECT_EQ(track.slot(span), static_cast<std::size_t>(span.activity));
}

TEST(TrackSpans, AreFoundByTimeAsALoopFindsThem) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    const std::vector<sim::Span> spans = random_spans(seed, 150, 50, 3);
    const TrackSpans track = track_of(spans);
    for (const SimTime time : moments(spans)) {
      const auto ends = std::find_if(spans.begin(), spans.end(), [&](const sim::Span& s) { return s.end > time; });
      const auto starts = std::find_if(spans.begin(), spans.end(), [&](const sim::Span& s) { return s.start >= time; });
      EXPECT_EQ(track.ending_after(time) - track.first, ends - spans.begin()) << time;
      EXPECT_EQ(track.starting_from(time) - track.first, starts - spans.begin()) << time;
    }
  }
}

// One block, one too few for it, one too many, several, and a last one that is not full.
TEST(SpanBlocks, BusyTimeIsThatOfALoop) {
  for (const std::size_t count : {1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 700u}) {
    const std::vector<sim::Span> spans = random_spans(static_cast<std::uint32_t>(count), count, 5000, 4);
    const TrackSpans track = track_of(spans);
    const SpanBlocks blocks(track);
    for (const SimTime time : moments(spans)) {
      Sums sums;
      sums.fill(99);  // what stood there before is gone
      blocks.busy_before(track, time, sums);
      ASSERT_EQ(sums, brute_busy(track, time)) << count << " spans, before " << time;
    }
  }
}

TEST(SpanBlocks, BusyTimeWithinASpanGrowsWithTime) {
  const std::vector<sim::Span> spans = back_to_back(130, 10, 100);
  const TrackSpans track = track_of(spans);
  const SpanBlocks blocks(track);
  for (SimTime time = 0; time < 1500; ++time) {
    Sums sums;
    blocks.busy_before(track, time, sums);
    EXPECT_EQ(sums[0], std::clamp<SimTime>(time, 100, 1400) - 100) << time;
  }
}

TEST(SpanBlocks, OfNothingAreNotBusy) {
  const TrackSpans none;
  const SpanBlocks blocks(none);
  Sums sums;
  sums.fill(1);
  blocks.busy_before(none, 1000, sums);
  EXPECT_EQ(sums, Sums{});
  EXPECT_TRUE(blocks.labels().empty());
  EXPECT_EQ(blocks.bytes(), 0u);
}

// Sums of numbers that have no exact double.
TEST(SpanBlocks, KeepEveryPicosecondOfLongSpans) {
  constexpr SimTime kLong = (SimTime{1} << 53) + 1;
  const std::vector<sim::Span> spans = back_to_back(100, kLong, 3);
  const TrackSpans track = track_of(spans);
  const SpanBlocks blocks(track);
  Sums sums;
  blocks.busy_before(track, 3 + 99 * kLong + 7, sums);
  EXPECT_EQ(sums[0], 99 * kLong + 7);
}

TEST(SpanBlocks, KnowTheLabelsOfEachBlock) {
  const std::vector<sim::Span> spans = random_spans(9, 300, 0, 2);
  const SpanBlocks blocks(track_of(spans));
  ASSERT_EQ(blocks.labels().size(), 5u);  // 300 = 4 · 64 + 44
  for (std::size_t b = 0; b < 5; ++b) {
    std::set<std::uint32_t> labels;
    std::uint64_t mask = 0;
    for (std::size_t i = b * 64; i < std::min<std::size_t>(300, b * 64 + 64); ++i) {
      labels.insert(spans[i].label.value);
      mask |= std::uint64_t{1} << spans[i].label.value % 64;
    }
    EXPECT_EQ(blocks.labels()[b].least, *labels.begin());
    EXPECT_EQ(blocks.labels()[b].most, *labels.rbegin());
    EXPECT_EQ(blocks.labels()[b].mask, mask);
  }
}

TEST(SpanBlocks, TakeEightBytesAnActivityAndBlock) {
  const std::vector<sim::Span> spans = random_spans(3, 6400, 0, 3);
  const TrackSpans track = track_of(spans);
  ASSERT_EQ(track.activities.size(), 3u);
  EXPECT_EQ(SpanBlocks(track).bytes(), 100 * (3 * 8 + sizeof(SpanBlocks::Labels)));
}

}  // namespace
}  // namespace orrery::gui
