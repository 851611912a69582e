// Statistics of serving: the definitions of the latencies by hand, and the trend of a queue.
#include <gtest/gtest.h>

#include "models/serving/tally.hpp"

namespace orrery::models {
namespace {

constexpr sim::SimTime kSecond = sim::kPicosecondsPerSecond;

Sequence answered(std::uint64_t id, std::int64_t input, std::int64_t output) {
  Sequence sequence;
  sequence.request.id = id;
  sequence.request.input_tokens = input;
  sequence.request.output_tokens = output;
  sequence.generated = output;
  sequence.cached = 0;
  sequence.state = SequenceState::finished;
  return sequence;
}

ServingResult report(Tally& tally, sim::SimTime end = 10 * kSecond) {
  ServingResult result;
  tally.report(result, end);
  return result;
}

TEST(Tally, DefinesLatenciesAsVllmDoes) {
  ServingConfig config;
  Tally tally(config, {});
  Sequence sequence = answered(0, 100, 5);
  sequence.request.arrival = 1 * kSecond;
  sequence.scheduled = 2 * kSecond;
  sequence.first_token = 3 * kSecond;
  sequence.last_token = 7 * kSecond;
  tally.arrived(sequence.request, 0);
  tally.finished(sequence, 0);
  const ServingResult result = report(tally);
  EXPECT_DOUBLE_EQ(result.queue.mean, 1.0);  // 2 − 1
  EXPECT_DOUBLE_EQ(result.ttft.mean, 2.0);   // 3 − 1
  EXPECT_DOUBLE_EQ(result.tpot.mean, 1.0);   // (7 − 3)/(5 − 1)
  EXPECT_DOUBLE_EQ(result.e2e.mean, 6.0);    // 7 − 1
  EXPECT_DOUBLE_EQ(result.duration.value(), 6.0);
  EXPECT_DOUBLE_EQ(result.output_tokens_per_second(), 5.0 / 6.0);
  EXPECT_DOUBLE_EQ(result.input_tokens_per_second(), 100.0 / 6.0);
}

TEST(Tally, LeavesTpotOfOneTokenOut) {
  ServingConfig config;
  Tally tally(config, {});
  tally.finished(answered(0, 10, 1), 0);
  const ServingResult result = report(tally);
  EXPECT_EQ(result.requests, 1u);
  EXPECT_EQ(result.ttft.count, 1u);
  EXPECT_EQ(result.tpot.count, 0u);
}

TEST(Tally, InterpolatesPercentilesLinearly) {
  ServingConfig config;
  Tally tally(config, {});
  // TTFTs 1, 2, 3, 4 s: p50 at place 1.5 is 2.5, p90 at 2.7 is 3.7, p99 at 2.97 is 3.97.
  for (std::uint64_t i = 0; i < 4; ++i) {
    Sequence sequence = answered(i, 10, 1);
    sequence.first_token = sequence.last_token = (i + 1) * kSecond;
    tally.finished(sequence, 0);
  }
  const LatencySummary ttft = report(tally).ttft;
  EXPECT_DOUBLE_EQ(ttft.p50, 2.5);
  EXPECT_NEAR(ttft.p90, 3.7, 1e-12);
  EXPECT_NEAR(ttft.p99, 3.97, 1e-12);
}

TEST(Tally, CountsAGapForEachOfSeveralSequences) {
  ServingConfig config;
  Tally tally(config, {});
  tally.gap(kSecond, 3);
  tally.gap(3 * kSecond, 1);
  const LatencySummary itl = report(tally).itl;
  EXPECT_EQ(itl.count, 4u);
  EXPECT_DOUBLE_EQ(itl.mean, 1.5);  // (1 + 1 + 1 + 3)/4
  EXPECT_DOUBLE_EQ(itl.p50, 1.0);
}

TEST(Tally, LeavesWarmupOut) {
  ServingConfig config;
  config.warmup_requests = 2;
  ServingOptions options;
  options.keep_records = true;
  Tally tally(config, options);
  for (std::uint64_t i = 0; i < 5; ++i) {
    Sequence sequence = answered(i, 10, 2);
    sequence.preemptions = 1;
    tally.finished(sequence, 0);
  }
  const ServingResult result = report(tally);
  EXPECT_EQ(result.requests, 3u);
  EXPECT_EQ(result.preemptions, 3u);
  EXPECT_EQ(result.input_tokens, 30u);
  ASSERT_EQ(result.records.size(), 5u);
  EXPECT_TRUE(result.records[1].warmup);
  EXPECT_FALSE(result.records[2].warmup);
}

TEST(Tally, CountsRequestsWithinBothLimits) {
  ServingConfig config;
  config.slo.ttft = Seconds{1.5};
  config.slo.tpot = Seconds{0.5};
  Tally tally(config, {});
  const auto serve = [&](std::uint64_t id, sim::SimTime first, sim::SimTime last) {
    Sequence sequence = answered(id, 10, 3);
    sequence.first_token = first;
    sequence.last_token = last;
    tally.finished(sequence, 0);
  };
  serve(0, kSecond, 2 * kSecond);          // 1 s and 0.5 s: within, limits included
  serve(1, 2 * kSecond, 2 * kSecond + 1);  // first token too late
  serve(2, kSecond, 3 * kSecond);          // 1 s per token: too slow
  const ServingResult result = report(tally);
  EXPECT_EQ(result.within_slo, 1u);
  EXPECT_DOUBLE_EQ(result.attainment(), 1.0 / 3.0);
}

TEST(Tally, GivesKvUsageAsAShareOfTimeSum) {
  ServingConfig config;
  Tally tally(config, {});
  tally.add_usage(TimeSum{40} * (5 * kSecond), 40, 100);  // 40 of 100 blocks during 5 of 10 s
  const ServingResult result = report(tally);
  EXPECT_DOUBLE_EQ(result.kv_usage_mean, 0.2);
  EXPECT_DOUBLE_EQ(result.kv_usage_peak, 0.4);
}

TEST(Tally, AddsKvUsageOfUnlikeReplicasByTheirBlocks) {
  ServingConfig config;
  Tally tally(config, {});
  tally.add_usage(TimeSum{40} * (5 * kSecond), 40, 100);
  tally.add_usage(TimeSum{30} * (10 * kSecond), 30, 300);  // 30 of 300 blocks all the time
  const ServingResult result = report(tally);
  EXPECT_DOUBLE_EQ(result.kv_usage_mean, (40.0 * 5.0 + 30.0 * 10.0) / (400.0 * 10.0));
  EXPECT_DOUBLE_EQ(result.kv_usage_peak, 0.4) << "of the replica that was fullest";
}

QueueTrend trend_of(const std::vector<std::int64_t>& waiting) {
  QueueTrend trend;
  sim::SimTime now = 0;
  for (const std::int64_t length : waiting) trend.sample(now += kSecond, length);
  return trend;
}

TEST(QueueTrend, SeesALinearlyGrowingQueueAtEveryLength) {
  for (const int requests : {100, 10'000, 100'000}) {
    std::vector<std::int64_t> waiting;
    for (int i = 0; i < requests; ++i) waiting.push_back(1 + i / 4);
    EXPECT_TRUE(trend_of(waiting).grows()) << requests;
  }
}

TEST(QueueTrend, DoesNotMindALongSteadyQueue) {
  std::vector<std::int64_t> waiting;
  for (int i = 0; i < 1000; ++i) waiting.push_back(100 + (i * 37) % 11);
  EXPECT_FALSE(trend_of(waiting).grows());
}

TEST(QueueTrend, DoesNotMindAPeakThatDrains) {
  std::vector<std::int64_t> waiting;
  for (int i = 0; i < 500; ++i) waiting.push_back(i);
  for (int i = 500; i > 0; --i) waiting.push_back(i);
  EXPECT_FALSE(trend_of(waiting).grows());
}

TEST(QueueTrend, DoesNotMindAnEmptyQueueOrFewRequests) {
  EXPECT_FALSE(trend_of(std::vector<std::int64_t>(1000, 0)).grows());
  EXPECT_FALSE(trend_of({1, 5, 9, 13}).grows());
}

}  // namespace
}  // namespace orrery::models
