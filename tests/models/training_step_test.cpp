#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/evaluate.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using testing::gpt_job;

/// Bytes and FLOPs at datasheet rates: enough for the structure of a step.
class DatasheetTimer : public kernels::KernelTimer {
 public:
  Seconds time(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    return kernels::roofline(kernel, gpu) + Seconds{2e-6};
  }
  kernels::Estimate explain(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    kernels::Estimate estimate;
    estimate.time = time(kernel, gpu);
    return estimate;
  }
};

TrainingResult run(const TrainingJob& job) {
  const auto errors = check(job);
  EXPECT_TRUE(errors.empty()) << errors.front().key << ": " << errors.front().message;
  return predict(job, DatasheetTimer{});
}

int count_spans(const TrainingResult& result, Activity activity, const std::string& label) {
  return static_cast<int>(
      std::count_if(result.timeline.spans.begin(), result.timeline.spans.end(), [&](const sim::Span& span) {
        return span.activity == activity && result.timeline.labels[span.label.index()] == label;
      }));
}

TrainingJob three_dimensional() {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 2;
  job.config.data_parallel = 2;
  return job;
}

TEST(TrainingStep, EveryPlanPassesItsCheck) {
  for (const auto recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    for (const bool sequence_parallel : {false, true}) {
      for (const auto zero : {ZeroStage::none, ZeroStage::optimizer}) {
        TrainingJob job = three_dimensional();
        job.config.recompute = recompute;
        job.config.sequence_parallel = sequence_parallel;
        job.config.zero = zero;
        for (const auto folding : {Folding::folded, Folding::unfolded}) {
          const auto problems = sim::check(lower(job, folding));
          EXPECT_TRUE(problems.empty()) << problems.front();
        }
      }
    }
  }
}

TEST(TrainingStep, FoldedAndUnfoldedStepsAgree) {
  for (const char* schedule : {"gpipe", "1f1b", "interleaved_1f1b"}) {
    for (const bool sequence_parallel : {false, true}) {
      TrainingJob job = three_dimensional();
      job.config.schedule = schedule;
      job.config.virtual_pipeline = job.config.schedule == "interleaved_1f1b" ? 2 : 1;
      job.config.sequence_parallel = sequence_parallel;
      job.config.zero = ZeroStage::optimizer;
      const TrainingResult folded = predict(job, DatasheetTimer{});
      const TrainingResult unfolded = predict_unfolded(job, DatasheetTimer{});
      EXPECT_EQ(folded.timeline.makespan, unfolded.timeline.makespan) << schedule;
      EXPECT_NEAR(folded.compute.value(), unfolded.compute.value(), 1e-12);
      EXPECT_NEAR(folded.exposed_communication.value(), unfolded.exposed_communication.value(), 1e-12);
      EXPECT_NEAR(folded.bubble_fraction, unfolded.bubble_fraction, 1e-12);
      ASSERT_EQ(folded.memory.size(), unfolded.memory.size());
      for (std::size_t s = 0; s < folded.memory.size(); ++s) {
        EXPECT_EQ(folded.memory[s].peak, unfolded.memory[s].peak);
      }
    }
  }
}

TEST(TrainingStep, EvaluatorAndInterpreterAgreeToThePicosecond) {
  TrainingJob job = three_dimensional();
  job.config.recompute = Recompute::full;
  const DatasheetTimer timer;
  const sim::Plan plan = lower(job, Folding::unfolded);
  const sim::Durations durations = sim::price(plan, training_pricing(job, timer));
  const sim::Timeline a = sim::evaluate(plan, durations);
  const sim::Timeline b = sim::interpret(plan, durations);
  ASSERT_EQ(a.spans.size(), b.spans.size());
  for (std::size_t i = 0; i < a.spans.size(); ++i) {
    EXPECT_EQ(a.spans[i].start, b.spans[i].start);
    EXPECT_EQ(a.spans[i].end, b.spans[i].end);
  }
}

TEST(TrainingStep, GradientsAreReducedOnceUnlessSyncIsForced) {
  TrainingJob job = gpt_job();
  job.config.global_batch_size = 32;  // four microbatches on each of eight ranks
  job.config.bucket_size = Bytes{1e15};
  EXPECT_EQ(count_spans(run(job), Activity::data_parallel, "gradient bucket"), 1);
  job.config.no_sync = false;
  EXPECT_EQ(count_spans(run(job), Activity::data_parallel, "gradient bucket"), 4);
}

TEST(TrainingStep, SmallerBucketsMakeMoreReductionsOfTheSameBytes) {
  TrainingJob job = gpt_job();
  const auto bytes = [](const TrainingResult& result) {
    double sum = 0.0;
    for (const sim::Stream& stream : result.plan.streams) {
      for (const sim::Step& step : stream.steps) {
        if (step.kind != sim::StepKind::collective) continue;
        const sim::CollectiveEntry& entry = result.plan.collectives[step.index];
        if (result.plan.labels[entry.label.index()] == "gradient bucket") sum += entry.bytes.value();
      }
    }
    return sum;
  };
  job.config.bucket_size = Bytes{1e15};
  const TrainingResult one = run(job);
  job.config.bucket_size = Bytes{25.0 * 1048576.0};
  const TrainingResult many = run(job);
  EXPECT_GT(count_spans(many, Activity::data_parallel, "gradient bucket"), 1);
  EXPECT_DOUBLE_EQ(bytes(one), bytes(many));
  EXPECT_DOUBLE_EQ(bytes(one), 4.0 * static_cast<double>(parameters(job.llm)));
}

TEST(TrainingStep, OverlappingTheReductionHidesIt) {
  TrainingJob job = gpt_job();
  job.config.overlap_gradient_reduce = false;
  const TrainingResult exposed = run(job);
  job.config.overlap_gradient_reduce = true;
  const TrainingResult hidden = run(job);
  EXPECT_LT(hidden.step_time, exposed.step_time);
  EXPECT_LT(hidden.exposed_communication, exposed.exposed_communication);
}

TEST(TrainingStep, FullRecomputationAddsAboutAForwardPass) {
  TrainingJob job = gpt_job();
  job.cluster.gpu.memory = Bytes{1e15};
  const TrainingResult none = run(job);
  job.config.recompute = Recompute::full;
  const TrainingResult full = run(job);
  // Without the optimizer: forward : backward is 1 : 2, so a second forward pass is a third more.
  const double ratio = (full.compute - full.optimizer) / (none.compute - none.optimizer);
  EXPECT_GT(ratio, 1.25);
  EXPECT_LT(ratio, 1.36);
  EXPECT_NEAR(full.mfu * full.step_time.value(), none.mfu * none.step_time.value(), 1e-9);
  EXPECT_GT(full.hfu, full.mfu);
  EXPECT_DOUBLE_EQ(none.hfu, none.mfu);
  EXPECT_LT(full.fullest().activations, none.fullest().activations);
}

TEST(TrainingStep, ActivationsInFlightFollowTheSchedule) {
  // 1F1B keeps min(M, K − s) microbatches on stage s, GPipe all M (Narayanan et al. 2019).
  TrainingJob job = gpt_job();
  job.config.pipeline_parallel = 4;
  job.config.data_parallel = 1;
  job.config.global_batch_size = 8;
  job.config.schedule = "1f1b";
  const TrainingResult one = run(job);
  job.config.schedule = "gpipe";
  const TrainingResult gpipe = run(job);
  EXPECT_DOUBLE_EQ(one.memory[0].activations / one.memory[2].activations, 2.0);
  EXPECT_DOUBLE_EQ(gpipe.memory[1].activations / one.memory[1].activations, 8.0 / 3.0);
}

TEST(TrainingStep, UnevenStagesAreBoundByTheLargest) {
  TrainingJob job = gpt_job();
  job.config.pipeline_parallel = 4;
  job.config.data_parallel = 1;
  job.config.global_batch_size = 32;
  const TrainingResult even = run(job);
  job.config.stage_layers = {5, 1, 1, 1};
  const TrainingResult uneven = run(job);
  EXPECT_GT(uneven.step_time, even.step_time);
  EXPECT_GT(uneven.bubble_fraction, even.bubble_fraction);
  // The head weighs as much as two of these layers: taking layers from the last stage balances the pipeline.
  job.config.stage_layers = {2, 3, 3, 0};
  EXPECT_LT(run(job).step_time, even.step_time);
}

TEST(TrainingStep, TheDistributedOptimizerShardsStateAndTime) {
  TrainingJob job = gpt_job();
  const TrainingResult replicated = run(job);
  job.config.zero = ZeroStage::optimizer;
  const TrainingResult sharded = run(job);
  EXPECT_DOUBLE_EQ(sharded.memory[0].optimizer * 8.0 / replicated.memory[0].optimizer, 1.0);
  EXPECT_LT(sharded.optimizer, replicated.optimizer);
}

TEST(TrainingStep, TiedEmbeddingsAreReducedBetweenFirstAndLastStage) {
  TrainingJob job = gpt_job();
  job.llm.tied_embeddings = true;
  EXPECT_EQ(count_spans(run(job), Activity::data_parallel, "tied embedding gradients"), 0);
  job.config.pipeline_parallel = 2;
  EXPECT_EQ(count_spans(run(job), Activity::data_parallel, "tied embedding gradients"), 2);
}

TEST(TrainingStep, AModelLargerThanTheGpuIsAFindingNotACrash) {
  TrainingJob job = gpt_job(8, 96);
  const TrainingResult result = run(job);
  EXPECT_TRUE(result.out_of_memory());
  EXPECT_GT(result.fullest().peak, result.memory_capacity);
}

TEST(TrainingStep, TokensPerSecondAndUtilisationAreConsistent) {
  const TrainingJob job = gpt_job();
  const TrainingResult result = run(job);
  EXPECT_DOUBLE_EQ(result.tokens_per_second, 8.0 * 2048.0 / result.step_time.value());
  EXPECT_DOUBLE_EQ(result.tokens_per_second_per_gpu * 8.0, result.tokens_per_second);
  const double flops = training_flops_per_token(job.llm, 2048, job.flop_convention).value();
  EXPECT_NEAR(result.mfu, result.tokens_per_second_per_gpu * flops / 312e12, 1e-12);
  EXPECT_GT(result.mfu, 0.0);
  EXPECT_LT(result.mfu, 1.0);
}

}  // namespace
}  // namespace orrery::models
