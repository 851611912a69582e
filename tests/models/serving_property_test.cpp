// Laws of serving, tried on random loads: the engine's shortcut changes nothing, and nothing is lost or made up.
#ifdef ORRERY_HAVE_RAPIDCHECK

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

ServingJob random_job() {
  ServingJob job = small_job(*rc::gen::inRange(1, 60));
  ServingConfig& config = job.config;
  LoadConfig& load = config.load;
  job.seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  load.arrivals = *rc::gen::element<std::string>("poisson", "gamma", "constant", "burst", "closed_loop");
  load.rate = *rc::gen::element(20.0, 300.0, 3000.0, 30000.0);
  load.cv = *rc::gen::element(0.5, 3.0);
  if (load.arrivals == "burst") {
    load.burst_size = *rc::gen::inRange(1, 20);
    load.burst_interval = Seconds{*rc::gen::element(1e-4, 3e-3, 1e-1)};
  }
  if (load.arrivals == "closed_loop") {
    load.concurrency = *rc::gen::inRange(1, 12);
    load.think_time = Seconds{*rc::gen::element(0.0, 0.0, 2e-3)};
  }
  if (load.arrivals != "gamma") load.cv = LoadConfig{}.cv;
  if (load.arrivals == "burst" || load.arrivals == "closed_loop") load.rate = LoadConfig{}.rate;
  load.input.distribution = *rc::gen::element<std::string>("fixed", "lognormal");
  load.input.mean = *rc::gen::element(1, 20, 60, 110);
  load.input.most = 180;
  load.output.distribution = load.input.distribution;
  load.output.mean = *rc::gen::element(1, 5, 30, 60);
  load.output.most = 70;
  if (*rc::gen::arbitrary<bool>()) {
    load.prefix_tokens = *rc::gen::element(16, 40, 64);
    load.input.mean += 65;  // room for it
    load.prefix_groups = *rc::gen::inRange(1, 4);
  }
  config.max_model_len = 256;
  config.num_gpu_blocks = 16 + *rc::gen::element(0, 3, 8, 40, 1000);
  config.max_num_seqs = *rc::gen::element(1, 3, 16, 40);
  config.max_num_batched_tokens = *rc::gen::element(40, 64, 256);
  config.long_prefill_token_threshold = *rc::gen::weightedElement<std::int64_t>({{3, 0}, {1, 24}});
  config.reserve_full_input = *rc::gen::arbitrary<bool>();
  config.enable_prefix_caching = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
  config.async_scheduling = *rc::gen::arbitrary<bool>();
  config.ignore_eos = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
  config.enforce_eager = *rc::gen::arbitrary<bool>();
  config.pipeline_parallel = *rc::gen::element(1, 1, 2, 4);
  config.replicas = config.pipeline_parallel == 4 ? 1 : *rc::gen::element(1, 1, 2, 3);
  config.router = *rc::gen::element<std::string>("round_robin", "least_requests");
  config.step_overhead = Seconds{*rc::gen::element(0.0, 2e-5, 1e-3)};
  config.request_overhead = Seconds{*rc::gen::element(0.0, 1e-4)};
  config.warmup_requests = *rc::gen::weightedElement<std::int64_t>({{3, 0}, {1, 4}});
  return job;
}

void require_checked(const ServingJob& job) {
  const std::vector<JobError> errors = check(job);
  if (!errors.empty()) RC_FAIL(errors.front().key + ": " + errors.front().message);
}

bool same(const LatencySummary& a, const LatencySummary& b) {
  return a.count == b.count && a.mean == b.mean && a.p50 == b.p50 && a.p90 == b.p90 && a.p95 == b.p95 && a.p99 == b.p99;
}

bool same(const RequestRecord& a, const RequestRecord& b) {
  return a.id == b.id && a.replica == b.replica && a.state == b.state && a.arrival == b.arrival &&
         a.queued == b.queued && a.scheduled == b.scheduled && a.first_token == b.first_token &&
         a.last_token == b.last_token && a.input_tokens == b.input_tokens && a.output_tokens == b.output_tokens &&
         a.cached_tokens == b.cached_tokens && a.preemptions == b.preemptions && a.warmup == b.warmup;
}

/// Bit for bit, but for the number of events and how steps are grouped.
void expect_same(const ServingResult& a, const ServingResult& b) {
  RC_ASSERT(a.records.size() == b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) RC_ASSERT(same(a.records[i], b.records[i]));
  RC_ASSERT(a.requests == b.requests);
  RC_ASSERT(a.rejected == b.rejected);
  RC_ASSERT(a.truncated == b.truncated);
  RC_ASSERT(a.duration.value() == b.duration.value());
  RC_ASSERT(a.input_tokens == b.input_tokens);
  RC_ASSERT(a.output_tokens == b.output_tokens);
  RC_ASSERT(a.steps == b.steps);
  RC_ASSERT(a.preemptions == b.preemptions);
  RC_ASSERT(a.mean_batch == b.mean_batch);
  RC_ASSERT(a.kv_usage_mean == b.kv_usage_mean);
  RC_ASSERT(a.kv_usage_peak == b.kv_usage_peak);
  RC_ASSERT(a.prefix_hit_rate == b.prefix_hit_rate);
  RC_ASSERT(a.within_slo == b.within_slo);
  RC_ASSERT(a.saturated == b.saturated);
  RC_ASSERT(same(a.ttft, b.ttft));
  RC_ASSERT(same(a.tpot, b.tpot));
  RC_ASSERT(same(a.itl, b.itl));
  RC_ASSERT(same(a.e2e, b.e2e));
  RC_ASSERT(same(a.queue, b.queue));
}

TEST(ServingProperties, CoalescedStepsGiveTheSameBits) {
  std::uint64_t coalesced_events = 0, single_events = 0;
  EXPECT_TRUE(rc::check([&] {
    const ServingJob job = random_job();
    require_checked(job);
    const ServingResult coalesced = serve(job, true), single = serve(job, false);
    expect_same(coalesced, single);
    RC_ASSERT(coalesced.events <= single.events);
    for (const StepRecord& step : single.timeline) RC_ASSERT(step.repeats == 1);
    // Sums over the timeline: a step of several repeats stands for as many.
    std::uint64_t repeats[2] = {0, 0}, prefill[2] = {0, 0}, decoded[2] = {0, 0}, padded[2] = {0, 0};
    const ServingResult* results[2] = {&coalesced, &single};
    for (int i = 0; i < 2; ++i) {
      for (const StepRecord& step : results[i]->timeline) {
        const auto times = static_cast<std::uint64_t>(step.repeats);
        repeats[i] += times;
        prefill[i] += times * static_cast<std::uint64_t>(step.prefill_tokens);
        decoded[i] += times * static_cast<std::uint64_t>(step.decode_sequences);
        padded[i] += times * static_cast<std::uint64_t>(step.padded_tokens);
      }
    }
    RC_ASSERT(repeats[0] == repeats[1]);
    RC_ASSERT(prefill[0] == prefill[1]);
    RC_ASSERT(decoded[0] == decoded[1]);
    RC_ASSERT(padded[0] == padded[1]);
    coalesced_events += coalesced.events;
    single_events += single.events;
  }));
  EXPECT_LT(coalesced_events, single_events);  // or nothing was coalesced
}

// Without the reservation of whole prompts the head of the line may ask for fewer blocks than before when a block that
// it would have hit is evicted: it then fits though fewer blocks are free, and ends a run of equal steps.
TEST(ServingProperties, CoalescingSeesTheQueueMoveUpWhenABlockIsEvicted) {
  for (std::uint64_t round = 0; round < 80; ++round) {
    ServingJob job = small_job(6);
    job.seed = round / 4;
    job.config.load.burst_size = 5;
    job.config.load.burst_interval = Seconds{0.1};
    job.config.load.input.mean = 125;
    job.config.load.output.mean = 30;
    job.config.load.prefix_tokens = 64;
    job.config.load.prefix_groups = round % 2 == 0 ? 2 : 3;
    job.config.max_model_len = 256;
    job.config.num_gpu_blocks = 16;
    job.config.long_prefill_token_threshold = 24;
    job.config.reserve_full_input = false;
    job.config.async_scheduling = round / 2 % 2 == 0;
    const ServingResult coalesced = serve(job, true), single = serve(job, false);
    ASSERT_EQ(coalesced.steps, single.steps) << "round " << round;
    ASSERT_EQ(coalesced.duration.value(), single.duration.value()) << "round " << round;
    ASSERT_EQ(coalesced.preemptions, single.preemptions) << "round " << round;
    ASSERT_EQ(coalesced.e2e.mean, single.e2e.mean) << "round " << round;
  }
}

// Replicas that run ahead of each other end requests in another order: no mean may depend on it.
TEST(ServingProperties, MeansDoNotDependOnTheOrderOfReplicas) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    ServingJob job = small_job(40);
    job.seed = seed;
    job.config.replicas = 3;
    job.config.step_overhead = Seconds{1e-3};
    job.config.request_overhead = Seconds{0.0};
    job.config.enforce_eager = true;
    job.config.max_num_batched_tokens = 64;
    job.config.load.burst_size = 4;
    job.config.load.burst_interval = Seconds{1e-4};
    job.config.load.input.mean = 1;
    job.config.load.input.distribution = job.config.load.output.distribution = "lognormal";
    job.config.load.output.mean = 30;
    job.config.load.output.most = 70;
    const ServingResult coalesced = serve(job, true), single = serve(job, false);
    ASSERT_EQ(coalesced.ttft.mean, single.ttft.mean) << "seed " << seed;
    ASSERT_EQ(coalesced.tpot.mean, single.tpot.mean) << "seed " << seed;
    ASSERT_EQ(coalesced.itl.mean, single.itl.mean) << "seed " << seed;
    ASSERT_EQ(coalesced.e2e.mean, single.e2e.mean) << "seed " << seed;
    ASSERT_EQ(coalesced.queue.mean, single.queue.mean) << "seed " << seed;
  }
}

TEST(ServingProperties, EveryRequestIsAnsweredOnceInOrderOfTime) {
  EXPECT_TRUE(rc::check([] {
    const ServingJob job = random_job();
    require_checked(job);
    const ServingResult r = serve(job);
    RC_ASSERT(r.started);
    RC_ASSERT(r.rejected == 0u);
    std::map<std::uint64_t, RequestRecord> records;
    for (const RequestRecord& record : r.records) RC_ASSERT(records.emplace(record.id, record).second);
    RC_ASSERT(static_cast<std::int64_t>(records.size()) == job.config.load.requests);
    RC_ASSERT(records.rbegin()->first + 1 == records.size());
    std::uint64_t counted = 0, output = 0, gaps = 0;
    sim::SimTime before = 0;
    for (const auto& [id, record] : records) {
      RC_ASSERT(record.state == SequenceState::finished);
      RC_ASSERT(before <= record.arrival);  // ids count in order of arrival
      before = record.arrival;
      RC_ASSERT(record.arrival <= record.queued);
      RC_ASSERT(record.queued <= record.scheduled);
      RC_ASSERT(record.scheduled < record.first_token);
      RC_ASSERT(record.first_token <= record.last_token);
      RC_ASSERT((record.output_tokens == 1) == (record.first_token == record.last_token));
      RC_ASSERT(record.cached_tokens >= 0 && record.cached_tokens < record.input_tokens);
      RC_ASSERT(record.output_tokens >= 1 && record.output_tokens <= job.config.load.output.most);
      RC_ASSERT(record.replica < static_cast<std::uint32_t>(job.config.replicas));
      RC_ASSERT(record.warmup == (id < static_cast<std::uint64_t>(job.config.warmup_requests)));
      if (record.warmup) continue;
      ++counted;
      output += static_cast<std::uint64_t>(record.output_tokens);
      gaps += static_cast<std::uint64_t>(record.output_tokens - 1);
    }
    RC_ASSERT(r.requests == counted);
    RC_ASSERT(r.output_tokens == output);
    RC_ASSERT(r.ttft.count == counted);
    RC_ASSERT(r.itl.count == gaps);
    RC_ASSERT(r.ttft.mean <= r.e2e.mean);
    RC_ASSERT(r.queue.mean <= r.ttft.mean);
    RC_ASSERT(r.ttft.p50 <= r.ttft.p90 && r.ttft.p90 <= r.ttft.p95 && r.ttft.p95 <= r.ttft.p99);
    RC_ASSERT(r.kv_usage_mean >= 0.0 && r.kv_usage_mean <= r.kv_usage_peak && r.kv_usage_peak <= 1.0);
    RC_ASSERT(r.prefix_hit_rate >= 0.0 && r.prefix_hit_rate < 1.0);
  }));
}

TEST(ServingProperties, StepsComputeEveryTokenThatTheCacheLacksOnce) {
  EXPECT_TRUE(rc::check([] {
    ServingJob job = random_job();
    job.config.ignore_eos = true;
    require_checked(job);
    const ServingResult r = serve(job);
    std::int64_t computed = 0, decoded = 0, needed = 0, answers = 0;
    std::uint64_t steps = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, sim::SimTime> free;  // per replica and stage
    for (const StepRecord& step : r.timeline) {
      sim::SimTime& stage = free[{step.replica, step.stage}];
      RC_ASSERT(step.start >= stage);
      RC_ASSERT(step.end > step.start);
      stage = step.end;
      RC_ASSERT(step.prefill_tokens + step.decode_sequences <= job.config.max_num_batched_tokens);
      RC_ASSERT(step.padded_tokens >= step.prefill_tokens + step.decode_sequences);
      RC_ASSERT(step.used_blocks <= job.config.num_gpu_blocks);
      RC_ASSERT(step.running <= job.config.max_num_seqs);
      if (step.stage != 0) continue;
      steps += static_cast<std::uint64_t>(step.repeats);
      computed += step.repeats * (step.prefill_tokens + step.decode_sequences);
      decoded += step.repeats * step.decode_sequences;
    }
    RC_ASSERT(steps == r.steps);
    std::int64_t preemptions = 0;  // of warm-up too, which r.preemptions leaves out and the timeline has
    for (const RequestRecord& record : r.records) {
      preemptions += record.preemptions;
      // The last token is emitted and never computed.
      needed += record.input_tokens - record.cached_tokens + record.output_tokens - 1;
      answers += record.output_tokens - 1;
    }
    if (preemptions == 0) {
      RC_ASSERT(computed == needed);
      RC_ASSERT(decoded <= answers + static_cast<std::int64_t>(r.records.size()));
    } else {
      RC_ASSERT(computed >= needed);
    }
  }));
}

TEST(ServingProperties, TheSameSeedGivesTheSameBytes) {
  EXPECT_TRUE(rc::check([] {
    const ServingJob job = random_job();
    require_checked(job);
    const ServingResult a = serve(job), b = serve(job);
    expect_same(a, b);
    RC_ASSERT(a.events == b.events);
    RC_ASSERT(a.timeline.size() == b.timeline.size());
  }));
}

}  // namespace
}  // namespace orrery::models::testing

#endif
