// Lengths of unions against a count of picoseconds, and what a rank did with its time.
#include "sim/plan/busy.hpp"

#include <algorithm>
#include <array>
#include <random>

#include <gtest/gtest.h>

#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

/// Every picosecond from −kHalf to kHalf, marked or not.
class Naive {
 public:
  void add(Interval interval, std::int64_t shift = 0) {
    for (std::int64_t t = interval.first; t < interval.last; ++t)
      marked_.at(static_cast<std::size_t>(t + shift + kHalf)) = true;
  }
  [[nodiscard]] std::int64_t length() const { return std::count(marked_.begin(), marked_.end(), true); }
  friend bool operator==(const Naive&, const Naive&) = default;

 private:
  static constexpr std::int64_t kHalf = 500;
  std::array<bool, 2 * kHalf> marked_{};
};

class RandomIntervals {
 public:
  explicit RandomIntervals(std::uint64_t seed) : random_(seed) {}
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
  /// Some of them empty, some backwards.
  std::vector<Interval> make() {
    std::vector<Interval> intervals(static_cast<std::size_t>(below(12)));
    const std::int64_t spread = 1 + below(300);
    for (Interval& i : intervals) {
      i.first = below(spread) - 150;
      i.last = i.first + below(30) - 2;
    }
    return intervals;
  }

 private:
  std::mt19937_64 random_;
};

TEST(Busy, UnitedIntervalsAreApartAndCoverTheSame) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::vector<Interval> intervals = RandomIntervals(seed).make();
    Naive before, after;
    for (const Interval& i : intervals) before.add(i);
    const IntervalSet set = IntervalSet::of(intervals);
    std::sort(intervals.begin(), intervals.end(), [](Interval a, Interval b) { return a.first < b.first; });
    IntervalSet in_order;
    for (const Interval& i : intervals) in_order.append(i);
    unite(intervals);
    ASSERT_EQ(set.parts, intervals);
    ASSERT_EQ(in_order.parts, intervals);
    ASSERT_EQ(in_order.length, set.length);
    for (std::size_t i = 0; i < intervals.size(); ++i) {
      after.add(intervals[i]);
      ASSERT_LT(intervals[i].first, intervals[i].last);
      ASSERT_TRUE(i == 0 || intervals[i - 1].last < intervals[i].first) << "touching intervals are one";
    }
    ASSERT_EQ(before, after) << "seed " << seed;
    ASSERT_EQ(set.length, before.length()) << "seed " << seed;
  }
}

TEST(Busy, AUnionOfIntervalsAndMovedSetsIsTheCountOfItsPicoseconds) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    RandomIntervals random(seed);
    const std::array<IntervalSet, 3> sets = {IntervalSet::of(random.make()), IntervalSet::of(random.make()),
                                             IntervalSet::of(random.make())};
    UnionLength length;
    Naive naive;
    for (std::int64_t i = random.below(20); i > 0; --i) {
      if (random.below(2) == 0) {
        const Interval single{random.below(300) - 150, 0};
        const Interval whole{single.first, single.first + random.below(20)};
        length.add(whole);
        naive.add(whole);
        continue;
      }
      const IntervalSet& set = sets[static_cast<std::size_t>(random.below(3))];
      const std::int64_t shift = random.below(400) - 200;
      length.add(set, shift);
      for (const Interval& part : set.parts) naive.add(part, shift);
    }
    ASSERT_EQ(static_cast<std::int64_t>(length.total()), naive.length()) << "seed " << seed;
  }
}

TEST(Busy, TimesOfARankCountOverlapOnceInUnionsAndTwiceInSums) {
  // rank 0: compute 0–10 and 20–30; communication 5–18 and 7–25; copy 40–45. rank 1: nothing.
  Timeline t;
  t.ranks.resize(2);
  t.streams = {{RankId(0), kCompute, ""}, {RankId(0), communication(0), ""}, {RankId(0), kCopies, ""}};
  t.labels = {"x"};
  const auto add = [&](std::uint32_t stream, SimTime start, SimTime end, Activity activity) {
    t.spans.push_back({start, end, StreamId(stream), LabelId(0), activity});
  };
  add(0, 0, 10, Activity::forward);
  add(0, 20, 30, Activity::optimizer);
  add(1, 5, 18, Activity::data_parallel);
  add(1, 7, 25, Activity::data_parallel);
  add(2, 40, 45, Activity::host_copy);
  t.makespan = 50;
  const ActivitySet compute = activity_set({Activity::forward, Activity::optimizer});
  const ActivitySet communication = activity_set({Activity::data_parallel});
  const std::vector<ActivitySet> sets = {compute, communication, compute | communication};
  const std::vector<BusyTimes> busy = busy_times(t, sets);
  ASSERT_EQ(busy.size(), 2u);
  EXPECT_EQ(busy[0].unions, (std::vector<SimTime>{20, 20, 30}));  // 30 − 20 = 10 exposed: 10–20
  const auto data = static_cast<std::size_t>(Activity::data_parallel);
  EXPECT_EQ(busy[0].sum[data], 31u);
  EXPECT_EQ(busy[0].last_end[data], 25u);
  EXPECT_EQ(busy[0].count[data], 2u);
  EXPECT_EQ(busy[0].sum[static_cast<std::size_t>(Activity::host_copy)], 5u);
  EXPECT_EQ(busy[0].count[static_cast<std::size_t>(Activity::backward)], 0u);
  EXPECT_EQ(busy[1].unions, (std::vector<SimTime>{0, 0, 0}));
}

TEST(Busy, SetsHoldWhatTheyWereMadeOf) {
  const ActivitySet set = activity_set({Activity::forward, Activity::other});
  EXPECT_TRUE(contains(set, Activity::forward) && contains(set, Activity::other));
  EXPECT_FALSE(contains(set, Activity::backward));
  EXPECT_FALSE(contains(0, Activity::forward));
}

}  // namespace
}  // namespace orrery::sim
