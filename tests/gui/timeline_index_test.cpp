// The index against what a plain loop over all spans says.
#include "gui/run/timeline_index.hpp"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::Activity;
using sim::SimTime;

/// Spans and pauses of random length, now and then without a duration or a hundred times longer.
sim::Timeline random_timeline(std::uint32_t seed, std::size_t spans, SimTime start) {
  std::mt19937 random(seed);
  sim::Timeline timeline;
  timeline.labels = {"alpha", "Beta", "gamma beta"};
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    timeline.ranks.push_back({"stage " + std::to_string(rank), {0}, 0});
    for (const sim::Lane lane : {models::lanes::kCompute, models::lanes::kTensorParallel}) {
      add_stream(timeline, rank, lane);
      SimTime now = start + random() % 1000;
      for (std::size_t i = 0; i < spans; ++i) {
        now += random() % 3 == 0 ? 0 : random() % 500;
        SimTime length = random() % 10 == 0 ? 0 : 1 + random() % 1000;
        if (random() % 50 == 0) length *= 100;
        add_span(timeline, now, now + length, static_cast<std::uint32_t>(random() % 3),
                 static_cast<Activity>(random() % 4 * 3));
        now += length;
      }
    }
  }
  return timeline;
}

double overlap(const sim::Span& span, double begin, double end, SimTime origin) {
  const double from = difference(span.start, origin), to = difference(span.end, origin);
  return std::max(0.0, std::min(to, end) - std::max(from, begin));
}

/// Share by activity in column `c`, from all spans of the track. Times count from `begin`.
ActivityTimes brute_share(const sim::Timeline& timeline, const Track& track, SimTime begin, SimTime end,
                          std::size_t columns, std::size_t c) {
  ActivityTimes sum = {};
  const double width = static_cast<double>(end - begin) / static_cast<double>(columns);
  for (std::size_t i = track.first; i < track.last; ++i) {
    const sim::Span& span = timeline.spans[i];
    sum[static_cast<std::size_t>(span.activity)] +=
        overlap(span, width * static_cast<double>(c), width * static_cast<double>(c + 1), begin) / width;
  }
  return sum;
}

/// The largest error of any share, over every column and track.
double worst_share_error(const TimelineIndex& index, SimTime begin, SimTime end, std::size_t columns) {
  double worst = 0.0;
  std::vector<float> shares;
  for (std::size_t t = 0; t < index.tracks().size(); ++t) {
    index.fractions(t, begin, end, columns, shares);
    EXPECT_EQ(shares.size(), columns * kActivities);
    for (std::size_t c = 0; c < columns; ++c) {
      const ActivityTimes expected = brute_share(*index.timeline(), index.tracks()[t], begin, end, columns, c);
      for (std::size_t a = 0; a < kActivities; ++a) {
        const float share = shares[c * kActivities + a];
        EXPECT_GE(share, 0.0f);
        EXPECT_LE(share, 1.0f);
        worst = std::max(worst, std::abs(static_cast<double>(share) - expected[a]));
      }
    }
  }
  return worst;
}

TEST(TimelineIndex, SharesAreExactWhereSpansAreRead) {
  const sim::Timeline timeline = random_timeline(1, 400, 5000);
  const TimelineIndex index(timeline);
  const SimTime all = timeline.makespan;
  for (const std::size_t columns : {101u, 400u, 1000u}) {
    EXPECT_LT(worst_share_error(index, 0, all, columns), 1e-3) << columns;
    EXPECT_LT(worst_share_error(index, all / 3, all / 3 + all / 50, columns), 1e-3) << columns;
    EXPECT_LT(worst_share_error(index, all / 2, all / 2 + 50, columns), 1e-3) << columns;  // parts of a picosecond
  }
}

TEST(TimelineIndex, SharesFromThePyramidAreOffByPartsOfABinAtMost) {
  const sim::Timeline timeline = random_timeline(2, 20000, 0);
  const TimelineIndex index(timeline);
  const SimTime all = timeline.makespan;
  // 20,000 spans are 10,000 bins. 10 columns have 1,000 each: off by at most half a bin of the level that has at least
  // 4 bins a column; over many spans the errors are far below that bound.
  EXPECT_LT(worst_share_error(index, 0, all, 10), 0.02);
  EXPECT_LT(worst_share_error(index, 0, all, 100), 0.05);
  EXPECT_LT(worst_share_error(index, all / 7, all / 7 * 3, 300), 0.125);
  EXPECT_LT(worst_share_error(index, 0, all, 1), 1e-3);
}

TEST(TimelineIndex, BinEdgesGiveExactShares) {
  // 4096 spans of 100 ps, one after the other, alternately forward and backward: 2048 bins of 200 ps, each half and
  // half. 8 columns are 256 bins each, so each share is exactly 1/2.
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", {0}, 0}};
  timeline.labels = {"k"};
  add_stream(timeline, 0, models::lanes::kCompute);
  for (SimTime i = 0; i < 4096; ++i) {
    add_span(timeline, i * 100, i * 100 + 100, 0, i % 2 == 0 ? Activity::forward : Activity::backward);
  }
  const TimelineIndex index(timeline);
  std::vector<float> shares;
  index.fractions(0, 0, timeline.makespan, 8, shares);
  for (std::size_t c = 0; c < 8; ++c) {
    EXPECT_NEAR(shares[c * kActivities + static_cast<std::size_t>(Activity::forward)], 0.5f, 1e-4f);
    EXPECT_NEAR(shares[c * kActivities + static_cast<std::size_t>(Activity::backward)], 0.5f, 1e-4f);
  }
}

TEST(TimelineIndex, ManySpansWithinOneBinAreStillResolved) {
  // One long pause makes the bins wide: 20,000 spans of 1 ns each with 1 ns between them, then one after 1000 s. The
  // first bin holds all of them; a view of the burst shows half of each column busy.
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", {0}, 0}};
  timeline.labels = {"k"};
  add_stream(timeline, 0, models::lanes::kCompute);
  for (SimTime i = 0; i < 20000; ++i) add_span(timeline, i * 2000, i * 2000 + 1000, 0, Activity::forward);
  add_span(timeline, 1'000'000'000'000'000, 1'000'000'000'001'000, 0, Activity::forward);
  const TimelineIndex index(timeline);
  for (const std::size_t columns : {100u, 1000u}) {  // 200 and 20 spans a column
    std::vector<float> shares;
    index.fractions(0, 0, 40'000'000, columns, shares);
    for (std::size_t c = 0; c < columns; ++c) EXPECT_NEAR(shares[c * kActivities], 0.5f, 1e-3f) << columns << ": " << c;
  }
}

TEST(TimelineIndex, BusyIsExact) {
  const sim::Timeline timeline = random_timeline(3, 3000, 77);
  const TimelineIndex index(timeline);
  std::mt19937_64 random(4);
  for (int round = 0; round < 200; ++round) {
    SimTime begin = random() % timeline.makespan, end = random() % timeline.makespan;
    if (begin > end) std::swap(begin, end);
    std::array<SimTime, kActivities> expected = {};
    for (std::size_t t = 1; t < 3; ++t) {
      for (std::size_t i = index.tracks()[t].first; i < index.tracks()[t].last; ++i) {
        const sim::Span& span = timeline.spans[i];
        const SimTime from = std::max(span.start, begin), to = std::min(span.end, end);
        if (from < to) expected[static_cast<std::size_t>(span.activity)] += to - from;
      }
    }
    const ActivityTimes busy = index.busy(1, 3, begin, end);
    for (std::size_t a = 0; a < kActivities; ++a) ASSERT_EQ(busy[a], static_cast<double>(expected[a])) << round;
  }
}

TEST(TimelineIndex, SpansOfARangeAreThoseThatOverlapIt) {
  const sim::Timeline timeline = random_timeline(5, 500, 10);
  const TimelineIndex index(timeline);
  std::mt19937_64 random(6);
  for (int round = 0; round < 300; ++round) {
    const SimTime begin = random() % timeline.makespan, end = begin + 1 + random() % 5000;
    const auto [first, last] = index.spans_in(0, begin, end);
    for (std::size_t i = index.tracks()[0].first; i < index.tracks()[0].last; ++i) {
      const sim::Span& span = timeline.spans[i];
      const bool overlaps = span.start < end && (span.end > begin || span.start == begin);
      if (span.end == begin && span.start == begin) continue;  // may stand before a longer one: either is right
      EXPECT_EQ(i >= first && i < last, overlaps) << i;
    }
  }
}

TEST(TimelineIndex, SpanAtATimeIsTheOneThatRuns) {
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", {0}, 0}};
  timeline.labels = {"a"};
  add_stream(timeline, 0, models::lanes::kCompute);
  add_span(timeline, 10, 20, 0, Activity::forward);
  add_span(timeline, 20, 20, 0, Activity::forward);  // without a duration: never runs
  add_span(timeline, 20, 30, 0, Activity::forward);
  add_span(timeline, 40, 50, 0, Activity::forward);
  const TimelineIndex index(timeline);
  EXPECT_EQ(index.span_at(0, 9), TimelineIndex::kNone);
  EXPECT_EQ(index.span_at(0, 10), 0u);
  EXPECT_EQ(index.span_at(0, 19), 0u);
  EXPECT_EQ(index.span_at(0, 20), 2u);
  EXPECT_EQ(index.span_at(0, 30), TimelineIndex::kNone);
  EXPECT_EQ(index.span_at(0, 49), 3u);
  EXPECT_EQ(index.span_at(0, 50), TimelineIndex::kNone);
}

TEST(TimelineIndex, TracksStandByRankThenLaneWithoutEmptyStreams) {
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", std::vector<std::uint32_t>(8), 0}, {"stage 1", {0}, 0}};
  timeline.labels = {"a"};
  add_stream(timeline, 1, models::lanes::kTensorParallel);
  add_span(timeline, 0, 1, 0, Activity::tensor_parallel);
  add_stream(timeline, 1, models::lanes::kCompute);
  add_span(timeline, 0, 1, 0, Activity::forward);
  add_stream(timeline, 0, sim::Lane{sim::LaneKind::copy});
  add_stream(timeline, 0, models::lanes::kCompute);
  add_span(timeline, 0, 1, 0, Activity::forward);
  add_stream(timeline, 0, models::lanes::kCompute);
  add_span(timeline, 0, 1, 0, Activity::forward);
  const TimelineIndex index(timeline);
  std::vector<std::string> names;
  for (const Track& track : index.tracks()) names.push_back(track.group + ": " + track.name);
  EXPECT_THAT(names, testing::ElementsAre("stage 0 (8 GPUs): compute 1", "stage 0 (8 GPUs): compute 2",
                                          "stage 1: compute", "stage 1: tensor parallel"));
  EXPECT_EQ(index.track_of(0), 3u);
  EXPECT_EQ(index.track_of(3), 1u);
}

/// All matches in the order of find().
std::vector<std::size_t> matches_in_order(const sim::Timeline& timeline, const TimelineIndex& index,
                                          std::string_view text) {
  const LabelMatch match = index.match(text);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < timeline.spans.size(); ++i) {
    if (match.contains(timeline.spans[i].label)) found.push_back(i);
  }
  std::stable_sort(found.begin(), found.end(),
                   [&](std::size_t a, std::size_t b) { return timeline.spans[a].start < timeline.spans[b].start; });
  return found;
}

TEST(TimelineIndex, FindVisitsEveryMatchInOrderOfStartAndWrapsAround) {
  const sim::Timeline timeline = random_timeline(7, 150, 0);
  const TimelineIndex index(timeline);
  const std::vector<std::size_t> expected = matches_in_order(timeline, index, "BETA");
  ASSERT_GT(expected.size(), 300u);  // two of three labels
  EXPECT_EQ(index.count("BETA"), expected.size());
  std::size_t at = TimelineIndex::kNone;
  for (const std::size_t span : expected) ASSERT_EQ(at = index.find("BETA", at, true), span);
  EXPECT_EQ(index.find("BETA", at, true), expected.front());
  EXPECT_EQ(index.find("BETA", expected.front(), false), expected.back());
  at = TimelineIndex::kNone;
  for (auto span = expected.rbegin(); span != expected.rend(); ++span) {
    ASSERT_EQ(at = index.find("BETA", at, false), *span);
  }
}

TEST(TimelineIndex, FindsNothingForUnknownAndEmptyTexts) {
  const sim::Timeline timeline = random_timeline(8, 50, 0);
  const TimelineIndex index(timeline);
  EXPECT_EQ(index.find("delta", TimelineIndex::kNone, true), TimelineIndex::kNone);
  EXPECT_EQ(index.find("", TimelineIndex::kNone, true), TimelineIndex::kNone);
  EXPECT_EQ(index.count("delta"), 0u);
  EXPECT_EQ(index.count(""), 0u);
}

TEST(TimelineIndex, OnlyMatchIsFoundFromItself) {
  sim::Timeline timeline = random_timeline(9, 50, 0);
  timeline.labels.push_back("needle");
  timeline.spans[77].label = sim::LabelId(3);
  const TimelineIndex index(timeline);
  EXPECT_EQ(index.find("eedl", 77, true), 77u);
  EXPECT_EQ(index.find("eedl", 77, false), 77u);
  EXPECT_EQ(index.find("eedl", 0, false), 77u);
}

TEST(TimelineIndex, EmptyTimelineAnswersEverything) {
  const sim::Timeline timeline;
  for (const TimelineIndex& index : {TimelineIndex(), TimelineIndex(timeline)}) {
    EXPECT_TRUE(index.tracks().empty());
    EXPECT_EQ(index.find("a", TimelineIndex::kNone, true), TimelineIndex::kNone);
    EXPECT_EQ(index.busy(0, 10, 0, 100), ActivityTimes{});
  }
}

TEST(TimelineIndex, SpansWithoutDurationHaveNoShare) {
  sim::Timeline timeline;
  timeline.ranks = {{"stage 0", {0}, 0}};
  timeline.labels = {"a"};
  add_stream(timeline, 0, models::lanes::kCompute);
  for (int i = 0; i < 5000; ++i) add_span(timeline, 500, 500, 0, Activity::forward);
  const TimelineIndex index(timeline);
  std::vector<float> shares;
  index.fractions(0, 0, 1000, 10, shares);
  for (const float share : shares) EXPECT_EQ(share, 0.0f);
  EXPECT_EQ(index.busy(0, 1, 0, 1000), ActivityTimes{});
  EXPECT_EQ(index.spans_in(0, 500, 501), (std::pair<std::size_t, std::size_t>(0, 5000)));
  EXPECT_EQ(index.count("a"), 5000u);
}

TEST(TimelineIndex, EmptyRangesAndNoColumnsAreFine) {
  const sim::Timeline timeline = random_timeline(10, 5000, 0);
  const TimelineIndex index(timeline);
  std::vector<float> shares;
  index.fractions(0, 500, 500, 10, shares);
  EXPECT_THAT(shares, testing::Each(0.0f));
  index.fractions(0, 0, 500, 0, shares);
  EXPECT_TRUE(shares.empty());
  EXPECT_EQ(index.busy(0, 4, 500, 500), ActivityTimes{});
  EXPECT_EQ(index.busy(0, 4, 500, 400), ActivityTimes{});
}

TEST(TimelineIndex, HugeTimesKeepEveryPicosecond) {
  constexpr SimTime kHuge = SimTime{1} << 63;
  const sim::Timeline timeline = random_timeline(11, 5000, kHuge);
  const TimelineIndex index(timeline);
  const SimTime first = timeline.spans.front().start;
  EXPECT_EQ(index.span_at(0, first - 1), TimelineIndex::kNone);
  EXPECT_LT(worst_share_error(index, kHuge, kHuge + 20000, 100), 1e-3);
  EXPECT_LT(worst_share_error(index, kHuge, timeline.makespan, 20), 0.05);
  std::vector<float> shares;
  index.fractions(0, 0, timeline.makespan, 7, shares);  // all spans in the last column, a share of 10^-13
  for (const float share : shares) EXPECT_LE(share, 1e-6f);
  // The whole of time in one span.
  sim::Timeline ages;
  ages.ranks = {{"stage 0", {0}, 0}};
  ages.labels = {"age"};
  add_stream(ages, 0, models::lanes::kCompute);
  add_span(ages, 0, ~SimTime{0}, 0, Activity::decode);
  const TimelineIndex age(ages);
  age.fractions(0, 0, ages.makespan, 3, shares);
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(shares[c * kActivities + static_cast<std::size_t>(Activity::decode)], 1.0f, 1e-6f);
  }
}

TEST(TimelineIndex, TakesFewBytesForASpan) {
  const sim::Timeline timeline = training_like(200'000, 4);
  const TimelineIndex index(timeline);
  EXPECT_LT(static_cast<double>(index.bytes()), 12.0 * static_cast<double>(timeline.spans.size()));
}

}  // namespace
}  // namespace orrery::gui
