// Another engine made of pieces, without a line of the program changed: static batches behind a loop that gathers
// requests first, a slot of the longest sequence for each, half of the GPU for them, no graphs, a free host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/engine.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/sequences/paged_cache.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr sim::SimTime kMillisecond = 1'000'000'000;
constexpr sim::SimTime kGathers = 5 * kMillisecond;

/// Nobody joins a batch before all of the one before have left.
class StaticBatch final : public Scheduler {
 public:
  explicit StaticBatch(const SchedulerConfig& config) : config_(config) {}

  void next(SchedulerView& view, Batch& batch) override {
    batch.clear();
    if (view.running.empty()) return admit(view, batch);
    batch.repeat = config_.max_model_len;
    for (const SequenceIndex index : view.running) {
      Sequence& sequence = view.sequence(index);
      if (!view.cache.allocate(sequence, sequence.computed + 1)) throw std::logic_error("a slot is too small");
      batch.repeat = std::min(batch.repeat, sequence.remaining());
      batch.items.push_back({index, 1, sequence.computed, true});
      ++sequence.computed;
    }
  }
  void done(SchedulerView&, const Batch&, std::int64_t) override {}

 private:
  void admit(SchedulerView& view, Batch& batch) const {
    while (!view.waiting.empty() && static_cast<std::int64_t>(view.running.size()) < config_.max_num_seqs) {
      const SequenceIndex index = view.waiting.front();
      Sequence& sequence = view.sequence(index);
      if (!view.cache.allocate(sequence, sequence.known())) return;
      view.waiting.pop_front();
      view.running.push_back(index);
      sequence.state = SequenceState::running;
      sequence.computed = sequence.known();
      sequence.cached = 0;
      batch.items.push_back({index, sequence.known(), 0, true});
    }
  }

  SchedulerConfig config_;
};

/// Lets requests come for a while before it begins a batch.
class Gathering final : public StepLoop {
 public:
  void turn(Engine& engine, sim::SimTime now) override {
    if (engine.in_flight() > 0 && engine.oldest_end() <= now) engine.complete(now);
    const ReplicaView view = engine.view();
    if (engine.in_flight() == 0 && view.running == 0 && view.waiting > 0 && !gathers_) {
      gathers_ = true;
      return engine.sleep_until(now + kGathers);
    }
    gathers_ = false;
    if (engine.in_flight() == 0 && engine.decide(now)) engine.sleep_until(engine.oldest_end());
  }
  std::size_t depth() const override { return 1; }

 private:
  bool gathers_ = false;
};

EngineRow static_engine() {
  EngineRow row;
  row.name = "static";
  row.equation = "one batch after another";
  row.source = "this test";
  row.resolve = [](const ServingJob&, ServingConfig& config) {
    if (config.max_num_seqs == 0) config.max_num_seqs = 2;
    config.max_num_batched_tokens = config.max_num_seqs * config.max_model_len;
    config.gpu_memory_utilization = 0.5;
  };
  row.loop = [](const ServingConfig&) -> std::unique_ptr<StepLoop> { return std::make_unique<Gathering>(); };
  row.schedulers = {
      {"static_batch", "all in, all out", "this test", [](const SchedulerConfig& config) -> std::unique_ptr<Scheduler> {
         return std::make_unique<StaticBatch>(config);
       }}};
  row.cache = [](const ServingConfig& config, std::int64_t blocks) -> std::unique_ptr<KvCache> {
    return std::make_unique<PagedCache>(KvCacheConfig{blocks, config.max_model_len, false});
  };
  row.memory = [](const ServingJob& job) {
    KvPool pool;
    pool.capacity = job.cluster.groups[0].gpu.memory;
    pool.budget = job.config.gpu_memory_utilization * pool.capacity;
    pool.weights = stage_weights(job, 0);
    pool.block_size = job.config.max_model_len;
    pool.block_bytes = static_cast<double>(pool.block_size) * stage_kv_bytes_per_token(job, 0);
    pool.blocks = static_cast<std::int64_t>(std::floor(pool.budget / pool.block_bytes));
    pool.kv_cache = static_cast<double>(pool.blocks) * pool.block_bytes;
    return pool;
  };
  row.graphs = {[](const ServingConfig&) { return std::vector<std::int64_t>(); }, false};
  row.host = {Seconds{0.0}, 1e18, Seconds{0.0}, Seconds{0.0}};
  return row;
}

class OtherEngine : public ::testing::Test {
 protected:
  OtherEngine() {
    job = small_job();
    job.engine = &row;
    job.config.max_num_seqs = 2;
    job.config.num_gpu_blocks = 0;
  }

  const EngineRow row = static_engine();
  ServingJob job;
};

/// "2 prompts of 60", "2 decodes x 1": what a step worked on.
std::vector<std::string> steps_of(const ServingResult& result) {
  std::vector<std::string> steps;
  for (const StepRecord& step : result.timeline) {
    steps.push_back(step.prefill_sequences > 0
                        ? std::to_string(step.prefill_sequences) + " prompts of " + std::to_string(step.prefill_tokens)
                        : std::to_string(step.decode_sequences) + " decodes x " + std::to_string(step.repeats));
    EXPECT_EQ(step.padded_tokens, step.prefill_tokens + step.decode_sequences);  // no graphs
  }
  return steps;
}

TEST_F(OtherEngine, ServesStaticBatchesBehindItsOwnLoop) {
  const ServingResult r = serve(job, {request(40, 2), request(20, 5), request(30, 3)});
  // The second answer goes on alone for three tokens, and the third request waits for it.
  EXPECT_THAT(steps_of(r), ElementsAre("2 prompts of 60", "2 decodes x 1", "1 decodes x 1", "1 decodes x 2",
                                       "1 prompts of 30", "1 decodes x 1", "1 decodes x 1"));
  EXPECT_EQ(r.steps, 8U);
  ASSERT_EQ(r.records.size(), 3U);
  EXPECT_EQ(r.records[0].scheduled, kGathers);  // nothing else takes the host any time
  EXPECT_EQ(r.records[1].scheduled, kGathers);
  EXPECT_EQ(r.records[2].scheduled, r.records[1].last_token + kGathers);
  EXPECT_EQ(r.config.scheduler, "static_batch");
  EXPECT_EQ(r.config.engine, "static");
}

TEST_F(OtherEngine, RunsAheadAsStepByStep) {
  job = small_job(20);
  job.engine = &row;
  job.config.load.output.distribution = "uniform";
  job.config.load.output.least = 1;
  job.config.load.output.most = 40;
  const ServingResult fast = serve(job), slow = serve(job, false);
  EXPECT_LT(fast.timeline.size(), slow.timeline.size());
  ASSERT_EQ(fast.records.size(), slow.records.size());
  for (std::size_t i = 0; i < fast.records.size(); ++i) {
    EXPECT_EQ(fast.records[i].last_token, slow.records[i].last_token);
    EXPECT_EQ(fast.records[i].first_token, slow.records[i].first_token);
  }
  EXPECT_EQ(fast.kv_usage_mean, slow.kv_usage_mean);
}

TEST_F(OtherEngine, HasItsOwnFormulaOfMemory) {
  const ServingResult r = serve(job, {request(40, 2)});
  // 4 layers of K and V with 4 heads of 128 in bf16: 8 KiB a token, 8 MiB a slot of 1,024 tokens.
  EXPECT_EQ(r.pool.block_bytes.value(), 8.0 * 1048576.0);
  EXPECT_EQ(r.pool.blocks,
            static_cast<std::int64_t>(0.5 * job.cluster.groups[0].gpu.memory.value() / (8.0 * 1048576.0)));
  EXPECT_EQ(r.pool.graphs.value(), 0.0);
  EXPECT_DOUBLE_EQ(r.kv_usage_peak, 1.0 / static_cast<double>(r.pool.blocks));  // a sequence takes a whole slot
}

TEST_F(OtherEngine, RunsByNoSchedulerButItsOwn) {
  EXPECT_TRUE(check(job).empty());
  job.config.scheduler = "static_batch";
  EXPECT_TRUE(check(job).empty());
  job.config.scheduler = "vllm_v1";
  const std::vector<JobError> errors = check(job);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].key, "serving.scheduler");
  EXPECT_THAT(errors[0].message, AllOf(HasSubstr("'static' can't run by"), HasSubstr("static_batch")));
}

TEST(EngineNames, AreKnownOrToldWithTheNearest) {
  ServingJob job = small_job();
  job.config.engine = "vlm_v1";
  const std::vector<JobError> errors = check(job);
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0].key, "serving.engine");
  EXPECT_THAT(errors[0].message, HasSubstr("did you mean vllm_v1"));
  EXPECT_EQ(find_engine("vlm_v1"), nullptr);
  EXPECT_EQ(resolve(small_job()).scheduler, "vllm_v1");  // the engine's own
}

}  // namespace
}  // namespace orrery::models::testing
