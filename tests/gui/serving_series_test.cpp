#include "gui/run/serving_series.hpp"

#include <chrono>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

using models::LatencySummary;
using models::RequestRecord;
using models::ServingResult;
using models::StepRecord;

constexpr sim::SimTime kSecond = sim::kPicosecondsPerSecond;

const LatencyCurve& curve(const ServingSeries& series, const std::string& name) {
  for (const LatencyCurve& c : series.latencies) {
    if (c.name == name) return c;
  }
  throw std::out_of_range(name);
}

const StateSeries& state(const ServingSeries& series, const std::string& name) {
  for (const StateSeries& s : series.states) {
    if (s.name == name) return s;
  }
  throw std::out_of_range(name);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of equally likely quantiles; exact where each is an order statistic (up to 1,001 requests).
double mean_of(const LatencyCurve& c) { return mean(c.quantiles); }

double quantile(const LatencyCurve& c, double q) {
  const double at = q * static_cast<double>(c.quantiles.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double share = at - static_cast<double>(below);
  return c.quantiles[below] * (1.0 - share) + c.quantiles[std::min(below + 1, c.quantiles.size() - 1)] * share;
}

void expect_agree(const LatencyCurve& c, const LatencySummary& summary) {
  EXPECT_DOUBLE_EQ(std::accumulate(c.counts.begin(), c.counts.end(), 0.0), static_cast<double>(summary.count));
  EXPECT_NEAR(mean_of(c), summary.mean, 0.01 * summary.mean) << c.name;
  for (const auto& [q, value] : {std::pair{0.5, summary.p50}, {0.9, summary.p90}, {0.99, summary.p99}}) {
    EXPECT_NEAR(quantile(c, q), value, 0.01 * value + 1e-9) << c.name << " p" << q * 100;
  }
  EXPECT_EQ(c.bin_edges.size(), c.counts.size() + 1);
}

RequestRecord request(double first_token, double last_token, std::int64_t tokens) {
  RequestRecord record;
  record.arrival = kSecond;
  record.scheduled = kSecond;
  record.first_token = kSecond + static_cast<sim::SimTime>(first_token * 1e12);
  record.last_token = kSecond + static_cast<sim::SimTime>(last_token * 1e12);
  record.output_tokens = tokens;
  return record;
}

TEST(ServingSeries, AgreesWithTheReportsSummaries) {
  const tests::MadeRun run = tests::serving_run();
  const ServingResult& result = *scenarios::find_serving(run->report);
  expect_agree(curve(run->series, "TTFT"), result.ttft);
  expect_agree(curve(run->series, "TPOT"), result.tpot);
  expect_agree(curve(run->series, "E2E"), result.e2e);
  expect_agree(curve(run->series, "queue"), result.queue);
}

TEST(ServingSeries, AgreesWithTheReportOnTheCacheInUse) {
  const tests::MadeRun run = tests::serving_run();
  const ServingResult& result = *scenarios::find_serving(run->report);
  const StateSeries& usage = state(run->series, "KV cache");
  EXPECT_NEAR(mean(usage.mean), result.kv_usage_mean, 0.02 * result.kv_usage_mean);
  EXPECT_NEAR(*std::max_element(usage.most.begin(), usage.most.end()), result.kv_usage_peak,
              0.01 * result.kv_usage_peak);
}

TEST(ServingSeries, CountsWhatTheReportCounts) {
  ServingResult result;
  // Three answers count for TTFT, two of them have a TPOT: (3 − 1)/(5 − 1) = 0.5 s and (2 − 1)/(11 − 1) = 0.1 s.
  result.records = {request(1.0, 3.0, 5), request(1.0, 2.0, 11), request(1.0, 1.0, 1), request(9.0, 9.0, 9),
                    request(9.0, 9.0, 9)};
  result.records[3].warmup = true;
  result.records[4].state = models::SequenceState::rejected;
  result.config.slo.tpot = Seconds{0.2};
  const ServingSeries series = series_of(result);
  const LatencyCurve& tpot = curve(series, "TPOT");
  ASSERT_EQ(tpot.quantiles.size(), 2u);
  EXPECT_NEAR(tpot.quantiles[0], 0.1, 1e-7);
  EXPECT_NEAR(tpot.quantiles[1], 0.5, 1e-7);
  EXPECT_DOUBLE_EQ(tpot.limit, 0.2);
  EXPECT_DOUBLE_EQ(curve(series, "TTFT").limit, 0.0);
  const LatencyCurve& ttft = curve(series, "TTFT");
  EXPECT_DOUBLE_EQ(std::accumulate(ttft.counts.begin(), ttft.counts.end(), 0.0), 3.0);
  EXPECT_NEAR(ttft.quantiles.back(), 1.0, 1e-6);
}

TEST(ServingSeries, PutsAQueueingTimeOfZeroInTheFirstBin) {
  ServingResult result;
  result.records = {request(1.0, 3.0, 5), request(1.0, 2.0, 11)};
  result.records[1].scheduled += kSecond / 2;
  const ServingSeries series = series_of(result);
  const LatencyCurve& queue = curve(series, "queue");
  EXPECT_DOUBLE_EQ(queue.counts.front(), 1.0);
  EXPECT_DOUBLE_EQ(queue.counts.back(), 1.0);
  EXPECT_GT(queue.bin_edges.front(), 0.0);
  // Equal in log10: each edge is the same factor above the last.
  const double factor = queue.bin_edges[1] / queue.bin_edges[0];
  EXPECT_NEAR(queue.bin_edges[60] / queue.bin_edges[59], factor, 1e-9 * factor);
}

StepRecord step(double start, double end, std::int64_t blocks) {
  StepRecord record;
  record.start = static_cast<sim::SimTime>(start * 1e12);
  record.end = static_cast<sim::SimTime>(end * 1e12);
  record.decode_sequences = record.sampled = record.running = 4;
  record.used_blocks = blocks;
  return record;
}

TEST(ServingSeries, WeightsStatesByTime) {
  ServingResult result;
  result.pool.blocks = 100;
  // 10 s: 50 of 100 blocks until 4 s, then 40 equal iterations grow evenly from 50 to 90 until 8 s, then 20 till 10 s.
  result.timeline = {step(0.0, 4.0, 50), step(4.0, 8.0, 90), step(8.0, 10.0, 20)};
  result.timeline[1].repeats = 40;
  result.timeline[2].waiting = 6;
  result.timeline[2].preempted = 2;
  const ServingSeries series = series_of(result);
  EXPECT_DOUBLE_EQ(series.duration, 10.0);
  const StateSeries& usage = state(series, "KV cache");
  ASSERT_EQ(usage.time.size(), kSeriesBins);
  EXPECT_NEAR(usage.time[0], 0.005, 1e-12);
  // (4·0.5 + 4·0.7 + 2·0.2)/10 = 0.52
  EXPECT_NEAR(mean(usage.mean), 0.52, 1e-9);
  // Stretch 500 is 5.00 … 5.01 s: from 0.5 + 0.1·1.00 = 0.600 to 0.601.
  EXPECT_NEAR(usage.least[500], 0.600, 1e-9);
  EXPECT_NEAR(usage.mean[500], 0.6005, 1e-9);
  EXPECT_NEAR(usage.most[500], 0.601, 1e-9);
  EXPECT_NEAR(mean(state(series, "waiting").mean), 6.0 * 0.2, 1e-9);
  EXPECT_DOUBLE_EQ(state(series, "preemptions").most.front(), 0.0);
  EXPECT_DOUBLE_EQ(state(series, "preemptions").most.back(), 2.0);
}

TEST(ServingSeries, SumsOverReplicasAndAveragesTheirCaches) {
  ServingResult result;
  result.config.replicas = 2;
  result.pool.blocks = 100;
  result.timeline = {step(0.0, 10.0, 40), step(0.0, 5.0, 80)};
  result.timeline[1].replica = 1;
  result.timeline[1].running = 3;
  const ServingSeries series = series_of(result);
  // Both until 5 s: 4 + 3 sequences and (40 + 80)/200; then the second has answered all.
  const StateSeries& running = state(series, "running");
  EXPECT_DOUBLE_EQ(running.mean[100], 7.0);
  EXPECT_DOUBLE_EQ(running.mean[900], 4.0);
  EXPECT_NEAR(state(series, "KV cache").mean[100], 0.6, 1e-12);
  EXPECT_NEAR(state(series, "KV cache").mean[900], 0.2, 1e-12);
}

TEST(ServingSeries, ShowsAnIdleEngineAsEmpty) {
  ServingResult result;
  result.pool.blocks = 100;
  result.timeline = {step(0.0, 2.0, 40), step(8.0, 10.0, 40)};
  result.timeline[1].decode_sequences = 0;  // a new request, not one that went on
  result.timeline[1].prefill_sequences = 4;
  const ServingSeries series = series_of(result);
  EXPECT_DOUBLE_EQ(state(series, "running").most[500], 0.0);
  EXPECT_DOUBLE_EQ(state(series, "KV cache").most[500], 0.0);
  EXPECT_DOUBLE_EQ(state(series, "running").mean[100], 4.0);
}

TEST(ServingSeries, OfNothingIsEmpty) {
  const ServingSeries series = series_of(ServingResult{});
  EXPECT_TRUE(series.latencies.empty());
  EXPECT_TRUE(series.states.empty());
}

TEST(ServingSeries, OfAMillionRequestsTakesAFractionOfASecond) {
  ServingResult result;
  result.pool.blocks = 1000;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    RequestRecord r = request(0.1 + 1e-6 * (i * 7919u % 100'000u), 1.5, 10 + i % 90);
    r.scheduled += i % 1000 * 1000;
    result.records.push_back(r);
    result.timeline.push_back(step(0.01 * i, 0.01 * i + 0.009, i % 1000));
  }
  const auto start = std::chrono::steady_clock::now();
  const ServingSeries series = series_of(result);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", static_cast<int>(taken.count() * 1e3));
  EXPECT_LT(taken.count(), 1.5);  // 0.1 s on a quiet machine; the rest is for a busy one and for sanitizers
  EXPECT_LE(series.latencies.front().quantiles.size(), kSeriesBins + 1);
}

}  // namespace
}  // namespace orrery::gui
