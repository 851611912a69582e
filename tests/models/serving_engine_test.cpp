// The engine's loop, with requests small enough to follow by hand.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/models/serving_jobs.hpp"
#include "tests/sim/reference_statistics.hpp"

namespace orrery::models::testing {
namespace {

ServingJob plain_job() {
  ServingJob job = small_job();
  job.config.async_scheduling = false;
  return job;
}

TEST(ServingEngine, TakesOneRequestFromPromptToLastToken) {
  const ServingResult r = serve(plain_job(), {request(40, 4, 1'000'000'000)});
  ASSERT_EQ(r.records.size(), 1u);
  const RequestRecord& record = r.records[0];
  // 40 tokens, then 3 times one token over 41, 42 and 43.
  std::int64_t steps = 0, kv_tokens = 41;
  for (const StepRecord& step : r.timeline) {
    if (steps == 0) {
      EXPECT_EQ(step.prefill_sequences, 1);
      EXPECT_EQ(step.prefill_tokens, 40);
      EXPECT_EQ(step.decode_sequences, 0);
      EXPECT_EQ(step.repeats, 1);
      EXPECT_EQ(step.used_blocks, 3);  // ⌈40/16⌉
      EXPECT_EQ(record.first_token, step.end);
    } else {
      EXPECT_EQ(step.prefill_tokens, 0);
      EXPECT_EQ(step.decode_sequences, 1);
      EXPECT_EQ(step.kv_tokens, kv_tokens);
      kv_tokens += step.repeats;
    }
    EXPECT_LT(step.start, step.end);
    steps += step.repeats;
  }
  EXPECT_EQ(steps, 4);
  EXPECT_EQ(kv_tokens, 44);
  EXPECT_EQ(r.steps, 4u);
  EXPECT_EQ(record.last_token, r.timeline.back().end);
  EXPECT_EQ(record.arrival, 1'000'000'000u);
  EXPECT_EQ(record.output_tokens, 4);
  EXPECT_EQ(record.cached_tokens, 0);
  EXPECT_EQ(record.preemptions, 0);
  EXPECT_DOUBLE_EQ(r.ttft.mean, seconds(record.first_token - record.arrival));
  EXPECT_DOUBLE_EQ(r.tpot.mean, seconds(record.last_token - record.first_token) / 3.0);
  EXPECT_DOUBLE_EQ(r.e2e.mean, seconds(record.last_token - record.arrival));
  EXPECT_DOUBLE_EQ(r.queue.mean, seconds(record.scheduled - record.arrival));
  EXPECT_EQ(r.itl.count, 3u);
  EXPECT_DOUBLE_EQ(r.duration.value(), r.e2e.mean);
  // 43 computed tokens at most: 3 of 1,000 blocks.
  EXPECT_DOUBLE_EQ(r.kv_usage_peak, 0.003);
  EXPECT_GT(r.kv_usage_mean, 0.0);
  EXPECT_LE(r.kv_usage_mean, r.kv_usage_peak);
}

TEST(ServingEngine, DefinesLatenciesAsVllmDoes) {
  const ServingResult r = serve(plain_job(), {request(30, 1), request(50, 3), request(20, 6, 5'000'000)});
  const auto records = by_id(r);
  ASSERT_EQ(records.size(), 3u);
  std::vector<double> ttft, tpot, e2e, queue;
  double gaps = 0.0;
  for (const auto& [id, record] : records) {
    ttft.push_back(seconds(record.first_token - record.arrival));
    e2e.push_back(seconds(record.last_token - record.arrival));
    queue.push_back(seconds(record.scheduled - record.arrival));
    const double answer = seconds(record.last_token - record.first_token);
    gaps += answer;
    if (record.output_tokens > 1) tpot.push_back(answer / static_cast<double>(record.output_tokens - 1));
  }
  EXPECT_EQ(records.at(0).first_token, records.at(0).last_token);
  EXPECT_EQ(r.ttft.count, 3u);
  EXPECT_EQ(r.tpot.count, 2u);  // one token has no TPOT
  EXPECT_EQ(r.itl.count, 7u);   // 0 + 2 + 5 gaps
  const auto same = [](const LatencySummary& summary, const std::vector<double>& samples) {
    EXPECT_NEAR(summary.mean, sim::testing::mean(samples), 1e-15);
    EXPECT_NEAR(summary.p50, sim::testing::percentile(samples, 0.50), 1e-15);
    EXPECT_NEAR(summary.p90, sim::testing::percentile(samples, 0.90), 1e-15);
    EXPECT_NEAR(summary.p95, sim::testing::percentile(samples, 0.95), 1e-15);
    EXPECT_NEAR(summary.p99, sim::testing::percentile(samples, 0.99), 1e-15);
  };
  same(r.ttft, ttft);
  same(r.tpot, tpot);
  same(r.e2e, e2e);
  same(r.queue, queue);
  EXPECT_NEAR(r.itl.mean * 7.0, gaps, 1e-15);
  EXPECT_EQ(r.input_tokens, 100u);
  EXPECT_EQ(r.output_tokens, 10u);
  EXPECT_NEAR(r.output_tokens_per_second() * r.duration.value(), 10.0, 1e-9);
}

TEST(ServingEngine, PadsStepsToTheCapturedGraphs) {
  // Captured with at most 16 sequences: 1, 2, 4, 8, 16, 24, 32 (twice 16). Above that no graph pads.
  const std::vector<std::int64_t> captured = {1, 2, 4, 8, 16, 24, 32};
  ServingJob job = plain_job();
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 14; ++i) requests.push_back(request(3 + 5 * i, 2 + 3 * i));
  const auto expect_padding = [&](bool eager) {
    job.config.enforce_eager = eager;
    std::set<std::int64_t> seen;
    for (const StepRecord& step : serve(job, requests).timeline) {
      const std::int64_t tokens = step.prefill_tokens + step.decode_sequences;
      const auto graph = std::lower_bound(captured.begin(), captured.end(), tokens);
      EXPECT_EQ(step.padded_tokens, eager || graph == captured.end() ? tokens : *graph) << tokens << " tokens";
      if (step.prefill_tokens == 0) seen.insert(step.decode_sequences);
    }
    EXPECT_GE(seen.size(), 13u);  // decodes of nearly every size were there
  };
  expect_padding(false);
  expect_padding(true);
}

TEST(ServingEngine, DecodesWithoutGraphsMoreSlowly) {
  ServingJob job = plain_job();
  const ServingResult graphs = serve(job);
  job.config.enforce_eager = true;
  EXPECT_GT(serve(job).tpot.mean, graphs.tpot.mean);
}

TEST(ServingEngine, HidesTheHostBehindTheGpuWithAsynchronousScheduling) {
  ServingJob job = plain_job();
  job.config.step_overhead = Seconds{2e-3};
  const ServingResult sync = serve(job);
  job.config.async_scheduling = true;
  const ServingResult async = serve(job);
  EXPECT_LE(async.tpot.mean, sync.tpot.mean);
  EXPECT_GE(async.tpot.mean, 2e-3 * (1 - 1e-9));  // a host slower than the GPU sets the pace
  EXPECT_EQ(async.output_tokens, sync.output_tokens);
}

TEST(ServingEngine, RunsNoStepPastAForeseenEnd) {
  ServingJob job = small_job(1);
  job.config.async_scheduling = true;
  EXPECT_EQ(serve(job).steps, 8u);  // a prompt step that emits, and 7 tokens more
  job.config.ignore_eos = false;
  EXPECT_EQ(serve(job).steps, 9u);  // the step that was decided before the end was seen
  job.config.async_scheduling = false;
  EXPECT_EQ(serve(job).steps, 8u);
}

TEST(ServingEngine, KeepsTheConcurrencyOfAClosedLoop) {
  ServingJob job = small_job(40);
  job.config.load.arrivals = "closed_loop";
  job.config.load.concurrency = 6;
  job.config.load.output.distribution = "uniform";
  job.config.load.output.least = 1;
  job.config.load.output.most = 30;
  const ServingResult r = serve(job);
  const auto records = by_id(r);
  ASSERT_EQ(records.size(), 40u);
  std::multiset<sim::SimTime> ends;
  for (const auto& [id, record] : records) ends.insert(record.last_token);
  int at_start = 0;
  for (const auto& [id, record] : records) {
    if (record.arrival == records.at(0).arrival) {
      ++at_start;
      continue;
    }
    // Without think time a client sends when its last answer ends.
    const auto end = ends.find(record.arrival);
    ASSERT_NE(end, ends.end()) << "request " << id << " arrives when none ends";
    ends.erase(end);
  }
  EXPECT_EQ(at_start, 6);
}

TEST(ServingEngine, RefusesWhatIsTooLongAndCutsAnswers) {
  ServingJob job = small_job();
  job.config.max_model_len = 100;
  const ServingResult r = serve(
      job, {request(101, 5), request(95, 50), request(50, 10), request(90, 10), request(4000, 1), request(99, 1)});
  EXPECT_EQ(r.rejected, 2u);
  EXPECT_EQ(r.truncated, 1u);  // 95 + 5 = 100
  EXPECT_EQ(r.requests, 4u);
  EXPECT_EQ(r.output_tokens, 5u + 10u + 10u + 1u);
  const auto records = by_id(r);
  EXPECT_EQ(records.at(1).output_tokens, 5);
  EXPECT_EQ(records.at(1).state, SequenceState::finished);
  if (records.count(0) > 0) {
    EXPECT_EQ(records.at(0).state, SequenceState::rejected);
  }
}

TEST(ServingEngine, TellsTheWorkloadOfEveryEndAndRefusal) {
  ServingJob job = small_job();
  job.config.max_model_len = 100;
  const auto workload =
      std::make_shared<ListWorkload>(std::vector<Request>{request(20, 5), request(300, 5), request(20, 2, 1000)});
  const ServingResult r = serve(job, true, workload);
  std::map<std::uint64_t, sim::SimTime> ends(workload->ends.begin(), workload->ends.end());
  ASSERT_EQ(workload->ends.size(), 3u);
  ASSERT_EQ(ends.size(), 3u);
  const auto records = by_id(r);
  EXPECT_EQ(ends.at(0), records.at(0).last_token);
  EXPECT_EQ(ends.at(2), records.at(2).last_token);
}

TEST(ServingEngine, DoesNotStartWithoutRoomForTheLongestRequest) {
  ServingJob job = small_job();
  job.config.num_gpu_blocks = 0;
  const KvPool pool = serve(job).pool;
  const Bytes rest = pool.weights + pool.activations, all = pool.capacity - pool.context;
  // max_model_len 1,024 is 64 blocks: half a block more suffices, half a block less does not.
  job.config.gpu_memory_utilization = (rest + pool.block_bytes * 63.5) / all;
  const ServingResult r = serve(job);
  EXPECT_FALSE(r.started);
  EXPECT_FALSE(r.refusal.empty());
  EXPECT_EQ(r.pool.blocks, 63);
  EXPECT_EQ(r.requests, 0u);
  EXPECT_TRUE(r.records.empty());
  job.config.gpu_memory_utilization = (rest + pool.block_bytes * 64.5) / all;
  EXPECT_TRUE(serve(job).started);
  EXPECT_EQ(serve(job).requests, 10u);
}

TEST(ServingEngine, RefusesWhatAPinnedPoolCannotHold) {
  ServingJob job = small_job();
  job.config.num_gpu_blocks = 5;  // 80 tokens
  // 60 + 21 − 1 computed tokens fill the pool; one more would never end.
  const ServingResult r = serve(job, {request(60, 30), request(60, 21), request(60, 22), request(10, 10)});
  EXPECT_TRUE(r.started);
  EXPECT_EQ(r.rejected, 2u);
  EXPECT_EQ(r.requests, 2u);
  EXPECT_DOUBLE_EQ(r.kv_usage_peak, 1.0);
}

TEST(ServingEngine, PreemptsAndStillAnswersEverything) {
  ServingJob job = small_job(12);
  job.config.max_model_len = 256;
  job.config.num_gpu_blocks = 20;
  job.config.load.input.mean = 48;
  job.config.load.output.mean = 70;  // 118 tokens, 8 blocks: more than 2 don't end together
  const ServingResult r = serve(job);
  EXPECT_TRUE(r.started);
  EXPECT_EQ(r.requests, 12u);
  EXPECT_EQ(r.output_tokens, 12u * 70u);
  EXPECT_GT(r.preemptions, 0u);
  std::uint64_t preemptions = 0, preempted = 0;
  for (const RequestRecord& record : r.records) preemptions += static_cast<std::uint64_t>(record.preemptions);
  for (const StepRecord& step : r.timeline) preempted += static_cast<std::uint64_t>(step.preempted);
  EXPECT_EQ(r.preemptions, preemptions);
  EXPECT_EQ(r.preemptions, preempted);
  EXPECT_LE(r.kv_usage_peak, 1.0);
  EXPECT_GT(r.kv_usage_peak, 0.9);
}

TEST(ServingEngine, HitsTheCacheWithASharedSystemPrompt) {
  ServingJob job = small_job(20);
  job.config.load.arrivals = "constant";
  job.config.load.rate = 10.0;
  job.config.load.input.mean = 100;
  job.config.load.prefix_tokens = 64;
  const ServingResult r = serve(job);
  // All but the first find the 4 blocks: 19·64 of 20·100 tokens.
  EXPECT_DOUBLE_EQ(r.prefix_hit_rate, 19.0 * 64.0 / 2000.0);
  job.config.enable_prefix_caching = false;
  EXPECT_EQ(serve(job).prefix_hit_rate, 0.0);
}

TEST(ServingEngine, SpreadsRequestsOverReplicasInTurn) {
  ServingJob job = small_job(9);
  job.config.replicas = 3;
  for (const auto& [id, record] : by_id(serve(job))) EXPECT_EQ(record.replica, id % 3);
}

TEST(ServingEngine, PassesEveryStepThroughTheStagesInOrder) {
  ServingJob job = plain_job();
  job.config.pipeline_parallel = 2;
  const ServingResult r = serve(job);
  std::vector<StepRecord> stages[2];
  for (const StepRecord& step : r.timeline) {
    ASSERT_LT(step.stage, 2u);
    for (std::int64_t i = 0; i < step.repeats; ++i) stages[step.stage].push_back(step);
  }
  ASSERT_EQ(stages[0].size(), stages[1].size());
  ASSERT_EQ(stages[0].size(), r.steps);
  for (std::size_t i = 0; i < stages[0].size(); ++i) {
    EXPECT_GE(stages[1][i].start, stages[0][i].end);
    if (i == 0) continue;
    EXPECT_GE(stages[0][i].start, stages[0][i - 1].end);
    EXPECT_GE(stages[1][i].start, stages[1][i - 1].end);
  }
}

}  // namespace
}  // namespace orrery::models::testing
