// What links are asked for where nothing is held up: peaks, bytes, and what is left of them once they are settled.
#include "sim/network/link_spans.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

LinkSpans two_links() { return LinkSpans(std::vector<BytesPerSecond>{BytesPerSecond{1e12}, BytesPerSecond{2e12}}); }

TEST(LinkSpans, PeakIsTheHighestSumOfWhatOverlaps) {
  LinkSpans spans = two_links();
  spans.add(0, 0, 100, 0.5, 50);
  spans.add(0, 100, 200, 0.75, 75);  // begins when the first ends: no sum of the two
  spans.add(0, 150, 300, 0.25, 37.5);
  EXPECT_TRUE(spans.filled().empty());
  const std::vector<LinkUsage> usage = spans.usage(400);
  EXPECT_DOUBLE_EQ(usage[0].peak_load, 1.0);
  EXPECT_DOUBLE_EQ(usage[0].bytes.value(), 162.5);
  EXPECT_DOUBLE_EQ(usage[0].mean_load, 162.5 / 400.0);
  EXPECT_DOUBLE_EQ(usage[1].peak_load, 0.0);
}

TEST(LinkSpans, PeaksOfRandomSpansAreThoseOfEveryMoment) {
  std::mt19937_64 random(7);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  for (int trial = 0; trial < 200; ++trial) {
    LinkSpans spans = two_links();
    std::vector<double> load(400, 0.0);
    for (std::uint64_t i = 0, n = below(30); i < n; ++i) {
      const SimTime start = below(300), end = start + below(100);
      const double share = static_cast<double>(below(16)) / 16.0;  // sums are exact
      spans.add(0, start, end, share, 1.0);
      for (SimTime t = start; t < end; ++t) load[t] += share;
      if (below(4) != 0) continue;  // asked between, or once at the end
      ASSERT_EQ(spans.usage(400)[0].peak_load, *std::max_element(load.begin(), load.end()));
    }
    ASSERT_EQ(spans.usage(400)[0].peak_load, *std::max_element(load.begin(), load.end()));
  }
}

TEST(LinkSpans, MoreThanALinkHasFillsIt) {
  LinkSpans spans = two_links();
  spans.add(1, 0, 100, 1.5, 150);
  EXPECT_TRUE(spans.filled().empty());
  spans.add(1, 99, 101, 0.6, 1.2);
  EXPECT_EQ(spans.filled(), std::vector<std::uint32_t>{1});
}

TEST(LinkSpans, WhatWasSettledStillCounts) {
  LinkSpans spans = two_links();
  spans.add(0, 0, 100, 0.9, 90);     // over by 150
  spans.add(0, 120, 400, 0.5, 140);  // still under way
  spans.settle(150);
  spans.add(0, 200, 300, 0.45, 45);
  const std::vector<LinkUsage> usage = spans.usage(400);
  EXPECT_DOUBLE_EQ(usage[0].peak_load, 0.95);
  EXPECT_DOUBLE_EQ(usage[0].bytes.value(), 275.0);
  LinkSpans early = two_links();
  early.add(0, 0, 100, 1.5, 150);
  early.settle(150);
  EXPECT_TRUE(early.filled(0));
  EXPECT_FALSE(early.filled(1));
}

}  // namespace
}  // namespace orrery::sim
