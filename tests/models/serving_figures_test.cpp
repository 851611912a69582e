// What is counted of requests that were served: without the warm-up, within limits, and alike from the same seed.
#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

TEST(ServingFigures, LeavesWarmUpOutOfTheStatistics) {
  ServingJob job = small_job(30);
  job.config.load.arrivals = "poisson";
  job.config.load.rate = 500.0;
  job.config.warmup_requests = 10;
  const ServingResult r = serve(job);
  EXPECT_EQ(r.requests, 20u);
  EXPECT_EQ(r.input_tokens, 20u * 32u);
  EXPECT_EQ(r.output_tokens, 20u * 8u);
  EXPECT_EQ(r.ttft.count, 20u);
  const auto records = by_id(r);
  ASSERT_EQ(records.size(), 30u);
  double ttft = 0.0;
  sim::SimTime last = 0;
  for (const auto& [id, record] : records) {
    EXPECT_EQ(record.warmup, id < 10);
    if (id >= 10) ttft += seconds(record.first_token - record.arrival);
    last = std::max(last, record.last_token);
  }
  EXPECT_NEAR(r.ttft.mean, ttft / 20.0, 1e-15);
  EXPECT_NEAR(r.duration.value(), seconds(last - records.at(10).arrival), 1e-12);
  EXPECT_NEAR(r.requests_per_second(), 20.0 / r.duration.value(), 1e-9);
}

TEST(ServingFigures, CountsWhoMeetsTheLimits) {
  ServingJob job = small_job(40);
  job.config.load.output.distribution = "uniform";
  job.config.load.output.least = 1;
  job.config.load.output.most = 20;
  const ServingResult free = serve(job);
  // Limits in the middle of what was seen, so that some requests meet each and some miss it.
  job.config.slo.ttft = Seconds{free.ttft.p50};
  job.config.slo.tpot = Seconds{free.tpot.p50};
  const ServingResult r = serve(job);
  std::uint64_t within = 0;
  for (const RequestRecord& record : r.records) {
    const bool first = seconds(record.first_token - record.arrival) <= job.config.slo.ttft.value();
    const std::int64_t gaps = record.output_tokens - 1;
    const double answer = seconds(record.last_token - record.first_token);
    const bool rest = gaps == 0 || answer / static_cast<double>(gaps) <= job.config.slo.tpot.value();
    if (first && rest) ++within;
  }
  EXPECT_GT(within, 0u);
  EXPECT_LT(within, 40u);
  EXPECT_EQ(r.within_slo, within);
  EXPECT_DOUBLE_EQ(r.attainment(), static_cast<double>(within) / 40.0);
  EXPECT_NEAR(r.goodput(), static_cast<double>(within) / r.duration.value(), 1e-9);
}

TEST(ServingFigures, SaysWhenTheQueueGrowsWithoutBound) {
  ServingJob job = small_job(3000);
  const double capacity = serve(job).requests_per_second();  // everything at once
  job.config.load.arrivals = "poisson";
  job.config.load.rate = 2.0 * capacity;
  EXPECT_TRUE(serve(job).saturated);
  job.config.load.rate = 0.5 * capacity;
  const ServingResult half = serve(job);
  EXPECT_FALSE(half.saturated);
  EXPECT_NEAR(half.requests_per_second(), 0.5 * capacity, 0.1 * capacity);
}

TEST(ServingFigures, DrawsOtherRequestsFromAnotherSeed) {
  ServingJob job = small_job(50);
  job.config.load.arrivals = "poisson";
  job.config.load.rate = 1000.0;
  const ServingResult a = serve(job), b = serve(job);
  job.seed = 2;
  const ServingResult c = serve(job);
  EXPECT_EQ(a.ttft.mean, b.ttft.mean);
  EXPECT_EQ(a.duration.value(), b.duration.value());
  EXPECT_NE(a.ttft.mean, c.ttft.mean);
  EXPECT_NE(a.duration.value(), c.duration.value());
}

}  // namespace
}  // namespace orrery::models::testing
