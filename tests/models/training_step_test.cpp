#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/plan/evaluate.hpp"
#include "tests/models/training_jobs.hpp"
#include "tests/sim/same_timeline.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using testing::gpt_job;
using testing::with_timeline;

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
  return predict(job, DatasheetTimer{}, with_timeline());
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
        const Mesh mesh = make_mesh(job);
        const auto odd = refine(mesh, [](std::uint32_t member) { return member == 3 ? 1u : 0u; });
        for (const MeshClasses& classes : {folded(mesh), odd, unfolded(mesh)}) {
          const auto problems = sim::check(lower(job, classes));
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
      const Mesh mesh = make_mesh(job);
      const TrainingResult whole = run(job);
      const auto odd = refine(mesh, [](std::uint32_t member) { return member == 3 ? 1u : 0u; });
      const MeshClasses partings[] = {unfolded(mesh), odd};
      const std::size_t ranks[] = {8, 8};
      for (std::size_t i = 0; i < 2; ++i) {
        const TrainingResult parted = predict(job, DatasheetTimer{}, with_timeline(partings[i]));
        EXPECT_EQ(parted.plan->ranks.size(), ranks[i]);
        EXPECT_EQ(whole.timeline.makespan, parted.timeline.makespan) << schedule;
        EXPECT_EQ(whole.step_time, parted.step_time) << schedule;
        EXPECT_NEAR(whole.compute.value(), parted.compute.value(), 1e-12);
        EXPECT_NEAR(whole.communication.value(), parted.communication.value(), 1e-12);
        EXPECT_NEAR(whole.exposed_communication.value(), parted.exposed_communication.value(), 1e-12);
        EXPECT_NEAR(whole.bubble_fraction, parted.bubble_fraction, 1e-12);
        ASSERT_EQ(whole.memory.size(), parted.memory.size());
        for (std::size_t s = 0; s < whole.memory.size(); ++s) EXPECT_EQ(whole.memory[s].peak, parted.memory[s].peak);
      }
    }
  }
}

TEST(TrainingStep, AnOddMemberIsPartedFromTheOthersOnly) {
  TrainingJob job = gpt_job(8, 16, 2);
  job.config.tensor_parallel = 4;
  job.config.pipeline_parallel = 1;
  job.config.data_parallel = 4;
  job.config.global_batch_size = 16;
  const auto odd = refine(make_mesh(job), [](std::uint32_t member) { return member == 6 ? 1u : 0u; });
  const TrainingResult whole = run(job);
  const TrainingResult parted = predict(job, DatasheetTimer{}, with_timeline(odd));
  ASSERT_EQ(parted.plan->ranks.size(), 4u);  // {2}, {0, 1, 3} along tp; {1}, {0, 2, 3} along dp
  int members = 0, alone = 0;
  for (const sim::Rank& rank : parted.plan->ranks) {
    members += rank.multiplicity();
    alone += rank.stands_for == std::vector<std::uint32_t>{6} ? 1 : 0;
  }
  EXPECT_EQ(members, 16);
  EXPECT_EQ(alone, 1);
  EXPECT_EQ(whole.step_time, parted.step_time);
  EXPECT_NEAR(whole.compute.value(), parted.compute.value(), 1e-12);
}

TEST(TrainingStep, PassesAreWrittenOnceAndRunAsTheirSteps) {
  TrainingJob job = three_dimensional();
  job.config.recompute = Recompute::full;
  job.config.global_batch_size = 32;
  const DatasheetTimer timer;
  const sim::RunnablePlan plan(lower(job));
  const sim::RunnablePlan flat(sim::inlined(plan.plan()));
  // On each of two stages: forward, backward, and the backward pass that fires the gradient buckets.
  EXPECT_EQ(plan.plan().blocks.size(), 6u);
  EXPECT_EQ(plan.plan().calls.size(), 2u * 2u * 16u);
  EXPECT_EQ(plan.step_count(), flat.step_count());
  const sim::Durations durations = sim::price(plan.plan(), training_prices(job, timer));
  const sim::Evaluation a = sim::evaluate(plan, durations, {true, summary_sets()});
  const sim::Evaluation b = sim::evaluate(flat, durations, {true, summary_sets()});
  sim::testing::expect_same_timeline(a.timeline, b.timeline);
  EXPECT_EQ(a.busy, b.busy);
  sim::testing::expect_same_memory(a.memory, b.memory);
}

TEST(TrainingStep, WithoutATimelineTheFiguresAreTheSame) {
  TrainingJob job = three_dimensional();
  job.config.recompute = Recompute::selective;
  const TrainingResult with = run(job);
  const TrainingResult without = predict(job, DatasheetTimer{});
  EXPECT_TRUE(without.timeline.spans.empty());
  EXPECT_FALSE(with.timeline.spans.empty());
  EXPECT_EQ(with.step_time, without.step_time);
  EXPECT_EQ(with.compute, without.compute);
  EXPECT_EQ(with.communication, without.communication);
  EXPECT_EQ(with.exposed_communication, without.exposed_communication);
  EXPECT_EQ(with.optimizer, without.optimizer);
  EXPECT_EQ(with.bubble_fraction, without.bubble_fraction);
  for (std::size_t s = 0; s < with.memory.size(); ++s) {
    EXPECT_EQ(with.memory[s].peak, without.memory[s].peak);
    EXPECT_EQ(with.memory[s].activations, without.memory[s].activations);
  }
}

TEST(TrainingStep, TensorParallelGroupsAcrossNodesCostMore) {
  TrainingJob job = gpt_job(8, 16, 2);
  job.config.tensor_parallel = 2;
  job.config.data_parallel = 8;
  job.config.global_batch_size = 8;
  // The step as a whole may gain: what tensor parallelism loses inside the nodes, data parallelism wins.
  const auto tensor_parallel_time = [](const TrainingResult& result) {
    sim::SimTime sum = 0;
    for (const sim::Span& span : result.timeline.spans) {
      if (span.activity == Activity::tensor_parallel) sum += span.end - span.start;
    }
    return sum;
  };
  const sim::SimTime inside = tensor_parallel_time(run(job));
  EXPECT_GT(inside, 0u);
  job.placement.order = {MeshAxis::data, MeshAxis::tensor, MeshAxis::pipeline};
  EXPECT_GT(tensor_parallel_time(run(job)), inside);
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
    const sim::Plan flat = sim::inlined(*result.plan);
    for (const sim::Stream& stream : flat.streams) {
      for (const sim::Step& step : stream.steps) {
        if (step.kind != sim::StepKind::collective) continue;
        const sim::CollectiveEntry& entry = result.plan->collectives[step.index];
        if (result.plan->labels[entry.label.index()] == "gradient bucket") sum += entry.bytes.value();
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

// Each of a layer's four matrices fills a bucket of a megabyte alone, and is reduced as soon as it is done.
TEST(TrainingStep, ABucketBelowALayersSizeIsFilledByItsWeights) {
  TrainingJob job = gpt_job();
  job.config.bucket_size = Bytes{1e6};
  const TrainingResult small = run(job);
  EXPECT_GE(count_spans(small, Activity::data_parallel, "gradient bucket"), 4 * job.llm.layers);
  job.config.bucket_size = Bytes{25.0 * 1048576.0};
  EXPECT_LT(count_spans(run(job), Activity::data_parallel, "gradient bucket"), 4 * job.llm.layers);
}

TEST(TrainingStep, ABucketIsTheTrainersOwnUnlessOneIsGiven) {
  TrainingJob job = gpt_job();
  job.config.gradient_dtype = Dtype::fp32;
  EXPECT_EQ(gradient_bucket(job).value(), 25.0 * 1048576.0);  // data parallelism alone
  job.config.zero = ZeroStage::optimizer;
  EXPECT_EQ(gradient_bucket(job).value(), 160e6);
  job.config.data_parallel = 192;
  EXPECT_EQ(gradient_bucket(job).value(), 192 * 4e6);
  job.config.bucket_size = Bytes{1e6};
  EXPECT_EQ(gradient_bucket(job).value(), 1e6);
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
  job.cluster.groups[0].gpu.memory = Bytes{1e15};
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
  EXPECT_GT(result.fullest().peak, result.fullest().capacity);
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
