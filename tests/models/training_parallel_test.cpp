// Where a training job's ranks, layers and bytes go: deals of layers, shares of parameters, model states, activations.
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/layer/parameters.hpp"
#include "models/training/layer.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

constexpr double kMiB = 1048576.0;

TEST(DealLayers, GivesVirtualStagesEqualRangesInTheirOrder) {
  TrainingJob job = gpt_job(12);
  job.config.pipeline_parallel = 2;
  job.config.virtual_pipeline = 3;
  const std::vector<LayerRange> ranges = deal_layers(job);
  ASSERT_EQ(ranges.size(), 6u);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_EQ(ranges[i].first, static_cast<std::int64_t>(2 * i));
    EXPECT_EQ(ranges[i].count, 2);
  }
}

TEST(DealLayers, TakesAGivenSplitAsItIs) {
  TrainingJob job = gpt_job(10);
  job.config.pipeline_parallel = 4;
  job.config.stage_layers = {1, 4, 0, 5};
  std::vector<std::int64_t> firsts, counts;
  for (const LayerRange& range : deal_layers(job)) {
    firsts.push_back(range.first);
    counts.push_back(range.count);
  }
  EXPECT_EQ(firsts, (std::vector<std::int64_t>{0, 1, 5, 5}));
  EXPECT_EQ(counts, job.config.stage_layers);
}

TEST(ParametersPerRank, OfAStageAreItsLayersAndTheEnds) {
  // 8 layers in 2 stages of 2 chunks: stage 0 has layers 0, 1, 4, 5 and the embedding, stage 1 the others and the head.
  TrainingJob job = gpt_job(8, 16);
  job.config.pipeline_parallel = 2;
  job.config.virtual_pipeline = 2;
  job.config.tensor_parallel = 2;
  const std::int64_t layer = layer_parameters_per_rank(job, 0);
  // Hidden 2048: 12·h² in matrices over two ranks, two norms of a weight each whole.
  EXPECT_EQ(layer, 12 * 2048 * 2048 / 2 + 2 * 2048);
  EXPECT_EQ(embedding_parameters_per_rank(job), 51200 * 2048 / 2 + 2048 * 2048) << "position rows are whole";
  EXPECT_EQ(head_parameters_per_rank(job), 51200 * 2048 / 2 + 2048);
  EXPECT_EQ(stage_parameters_per_rank(job, 0), 4 * layer + embedding_parameters_per_rank(job));
  EXPECT_EQ(stage_parameters_per_rank(job, 1), 4 * layer + head_parameters_per_rank(job));
}

TEST(ParametersPerRank, OfATiedHeadAreOnlyItsNormOnOneStage) {
  TrainingJob job = gpt_job(8, 16);
  job.llm.tied_embeddings = true;
  EXPECT_EQ(head_parameters_per_rank(job), 2048);
  job.config.pipeline_parallel = 2;
  EXPECT_EQ(head_parameters_per_rank(job), 51200 * 2048 + 2048);
}

TEST(ModelStates, OfFullPrecisionHaveNoMasterAndTwiceTheWeights) {
  for (const Dtype precision : {Dtype::fp32, Dtype::tf32}) {
    TrainingConfig config;
    config.precision = precision;
    const ModelStateBytes bytes = model_states(config, 1000, 4);
    EXPECT_EQ(bytes.weights.value(), 4000.0);
    EXPECT_EQ(bytes.gradients.value(), 4000.0);
    EXPECT_EQ(bytes.optimizer.value(), 8000.0);
  }
}

TEST(ModelStates, OfFp8KeepWeightsIn16Bits) {
  TrainingConfig config;
  config.precision = Dtype::fp8;
  config.gradient_dtype = Dtype::bf16;
  const ModelStateBytes bytes = model_states(config, 1000, 4);
  EXPECT_EQ(bytes.weights.value(), 2000.0);
  EXPECT_EQ(bytes.gradients.value(), 2000.0);
  EXPECT_EQ(bytes.optimizer.value(), 12000.0);
}

TEST(ModelStates, ZeroDividesTheOptimizersPartAlone) {
  TrainingConfig config;
  config.zero = ZeroStage::optimizer;
  for (const int replicas : {1, 2, 8, 64}) {
    const ModelStateBytes bytes = model_states(config, 1'000'000, replicas);
    EXPECT_EQ(bytes.weights.value(), 2e6);
    EXPECT_EQ(bytes.gradients.value(), 4e6);
    EXPECT_DOUBLE_EQ(bytes.optimizer.value(), 12e6 / replicas);
  }
}

TEST(Precisions, OfActivationsAndAttentionFollowTheMatrices) {
  TrainingConfig config;
  for (const Dtype narrow : {Dtype::bf16, Dtype::fp16, Dtype::fp8, Dtype::fp8_block, Dtype::nvfp4}) {
    config.precision = narrow;
    EXPECT_EQ(activation_size(config), 2.0) << name(narrow);
  }
  for (const Dtype wide : {Dtype::fp32, Dtype::tf32}) {
    config.precision = wide;
    EXPECT_EQ(activation_size(config), 4.0) << name(wide);
    EXPECT_EQ(attention_dtype(config), wide);
  }
  for (const Dtype quantised : {Dtype::fp8, Dtype::fp8_block, Dtype::nvfp4}) {
    config.precision = quantised;
    EXPECT_EQ(attention_dtype(config), Dtype::bf16) << name(quantised);
  }
  config.precision = Dtype::fp16;
  EXPECT_EQ(attention_dtype(config), Dtype::fp16);
}

TEST(Activations, OfARecomputedLayerAreItsInputSharded) {
  TrainingJob job = gpt_job(8, 16);
  job.config.tensor_parallel = 4;
  job.config.micro_batch_size = 2;
  // 2048·2 tokens of 2048 values in 16 bits; a quarter with sequence parallelism.
  EXPECT_EQ(layer_activations(job, 0, true).value(), 2.0 * 4096 * 2048);
  job.config.sequence_parallel = true;
  EXPECT_EQ(layer_activations(job, 0, true).value(), 2.0 * 4096 * 2048 / 4);
  job.config.precision = Dtype::tf32;
  EXPECT_EQ(layer_activations(job, 0, true).value(), 4.0 * 4096 * 2048 / 4);
}

TEST(Activations, ThatRecomputationDropsComeBackWhileALayerRunsBackward) {
  // Full: all of it comes back. Selective: the scores, 2·(1 + dropout 0)·a·s²·b of an unfused layer. Neither: nothing.
  TrainingJob job = gpt_job(8, 16);
  const Bytes all = layer_activations(job, 0, false);
  EXPECT_EQ(recomputed_activations(job, 0, false).value(), 0.0);
  EXPECT_EQ(recomputed_activations(job, 0, true), all);
  job.config.recompute = Recompute::selective;
  const double scores = 2.0 * 16 * 2048 * 2048;
  EXPECT_EQ(recomputed_activations(job, 0, false).value(), scores);
  EXPECT_EQ((all - layer_activations(job, 0, false)).value(), scores) << "what is not kept is what comes back";
  job.config.attention = AttentionImplementation::flash;
  EXPECT_EQ(recomputed_activations(job, 0, false).value(), 0.0) << "a fused kernel keeps none to drop";
}

TEST(Activations, OfTheEmbeddingAreADropoutMask) {
  TrainingJob job = gpt_job(8, 16);
  EXPECT_EQ(embedding_activations(job).value(), 0.0);
  job.config.dropout = 0.1;
  EXPECT_EQ(embedding_activations(job).value(), 2048.0 * 2048) << "a byte a value";
  job.config.tensor_parallel = 2;
  job.config.sequence_parallel = true;
  EXPECT_EQ(embedding_activations(job).value(), 2048.0 * 2048 / 2);
}

TEST(Workspace, GrowsByACommunicatorAnAxis) {
  TrainingJob job = gpt_job(8, 16);
  const double one = 24.0 * 2.0 * 8.7 * kMiB;
  EXPECT_DOUBLE_EQ(workspace(job).value(), 32.0 * kMiB + one) << "data parallel over 8";
  job.config.tensor_parallel = 2;
  EXPECT_DOUBLE_EQ(workspace(job).value(), 32.0 * kMiB + 2.0 * one);
  job.config.pipeline_parallel = 2;
  EXPECT_DOUBLE_EQ(workspace(job).value(), 32.0 * kMiB + 3.0 * one);
  job.config.tensor_parallel = 4;
  EXPECT_DOUBLE_EQ(workspace(job).value(), 32.0 * kMiB + 2.0 * one) << "one replica has no one to reduce with";
}

TEST(GradientBuckets, AreThoseOfTheTrainerThatTheJobLooksLike) {
  TrainingJob job = gpt_job(8, 16);
  EXPECT_EQ(gradient_bucket(job).value(), 25.0 * kMiB) << "data parallelism alone is DistributedDataParallel's";
  job.config.zero = ZeroStage::optimizer;
  EXPECT_EQ(gradient_bucket(job).value(), 4.0 * 40e6) << "Megatron's 40 M gradients in fp32";
  job.config.gradient_dtype = Dtype::bf16;
  EXPECT_EQ(gradient_bucket(job).value(), 2.0 * 40e6);
  job.cluster = testing::small_cluster(8);
  EXPECT_EQ(gradient_bucket(job).value(), 2.0 * 64e6) << "a million for each of 64 replicas";
  job.config.bucket_size = Bytes{1e6};
  EXPECT_EQ(gradient_bucket(job).value(), 1e6);
}

TEST(GpuClasses, AreTheGroupsOfTheRanksThatStandForOthers) {
  TrainingJob job = gpt_job(8, 16, 2);
  job.cluster.groups.push_back(job.cluster.groups.front());
  job.cluster.groups.front().count = job.cluster.groups.back().count = 1;
  job.cluster.groups.back().gpu = testing::half_gpu(job.cluster.groups.back().gpu);
  job.config.tensor_parallel = 8;
  job.config.pipeline_parallel = 2;
  const Mesh mesh = make_mesh(job);
  EXPECT_EQ(gpu_classes(job, folded(mesh)), (std::vector<std::uint32_t>{0, 1})) << "a stage on each kind";
  job.config.pipeline_parallel = 1;
  // Two replicas, one on each kind: apart, tensor ranks together.
  MeshClasses classes = folded(make_mesh(job));
  classes.axes[static_cast<std::size_t>(MeshAxis::data)] = {{0}, {1}};
  EXPECT_EQ(gpu_classes(job, classes), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(groups_of(job), (std::vector<std::size_t>{0, 1}));
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(TrainingParallelProperties, StagesHoldEveryLayerOnce) {
  EXPECT_TRUE(rc::check([] {
    const int stages = *rc::gen::element(1, 2, 4), chunks = *rc::gen::element(1, 2, 3);
    TrainingJob job = gpt_job(stages * chunks * *rc::gen::inRange<std::int64_t>(1, 4), 4);
    job.config.pipeline_parallel = stages;
    job.config.virtual_pipeline = chunks;
    std::set<std::int64_t> seen;
    for (const LayerRange& range : deal_layers(job)) {
      for (std::int64_t layer = range.first; layer < range.first + range.count; ++layer) {
        RC_ASSERT(seen.insert(layer).second);
      }
    }
    RC_ASSERT(static_cast<std::int64_t>(seen.size()) == job.llm.layers);
    std::int64_t sum = 0;
    for (int stage = 0; stage < stages; ++stage) sum += stage_parameters_per_rank(job, stage);
    RC_ASSERT(sum == parameters(job.llm));
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
