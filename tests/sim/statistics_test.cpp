// Percentiles, unions of intervals, and what a rank did with its time.
#include "sim/statistics.hpp"

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

TEST(Statistics, PercentilesInterpolateLinearly) {
  // Four samples: q·3 positions. 0.5 → 1.5 → (2 + 3)/2; 0.9 → 2.7 → 3 + 0.7·(10 − 3) = 7.9
  const std::vector<double> samples{10.0, 1.0, 3.0, 2.0};
  EXPECT_DOUBLE_EQ(percentile(samples, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.9), 7.9);
  EXPECT_DOUBLE_EQ(percentile(samples, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(percentile(samples, 1.0), 10.0);
  EXPECT_DOUBLE_EQ(percentile({4.0}, 0.99), 4.0);
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0.0);
  EXPECT_DOUBLE_EQ(mean(samples), 4.0);
  EXPECT_DOUBLE_EQ(mean({}), 0.0);
}

TEST(Statistics, UnionsCountOverlapOnce) {
  EXPECT_EQ(busy({{0, 10}, {5, 15}, {20, 30}, {30, 31}, {40, 40}}), 26u);  // 15 + 11
  EXPECT_EQ(merge({{20, 30}, {0, 10}, {5, 15}}).size(), 2u);
  EXPECT_EQ(busy({}), 0u);
  // [0, 10) without [4, 6) and [8, 20): 4 + 2
  EXPECT_EQ(busy_outside({{0, 10}}, {{4, 6}, {8, 20}}), 6u);
  EXPECT_EQ(busy_outside({{0, 10}}, {}), 10u);
}

TEST(Statistics, CommunicationIsExposedWhereNothingComputes) {
  // rank 0: compute 0–10 and 20–30; communication 5–18 and 7–25; copy 40–45; makespan 50.
  Timeline t;
  t.ranks.resize(2);
  t.streams = {{RankId(0), Lane::compute}, {RankId(0), Lane::data_parallel}, {RankId(0), Lane::copy}};
  t.labels = {"x"};
  const auto add = [&](std::uint32_t stream, SimTime start, SimTime end, Activity activity) {
    t.spans.push_back({start, end, StreamId(stream), LabelId(0), activity});
  };
  add(0, 0, 10, Activity::forward);
  add(0, 20, 30, Activity::optimizer);
  add(1, 5, 18, Activity::data_parallel);
  add(1, 7, 25, Activity::tensor_parallel);
  add(2, 40, 45, Activity::host_copy);
  t.makespan = 50;
  const std::vector<RankUse> use = rank_use(t);
  ASSERT_EQ(use.size(), 2u);
  EXPECT_EQ(use[0].compute, 20u);
  EXPECT_EQ(use[0].communication, 20u);          // 5–25
  EXPECT_EQ(use[0].exposed_communication, 10u);  // 10–20
  EXPECT_EQ(use[0].copies, 5u);
  EXPECT_EQ(use[0].idle, 15u);  // 30–40 and 45–50
  EXPECT_EQ(use[1].idle, 50u);
  EXPECT_EQ(total_of(t, Activity::tensor_parallel), 18u);
}

}  // namespace
}  // namespace orrery::sim
