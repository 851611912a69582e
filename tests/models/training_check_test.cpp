#include <algorithm>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

/// The message of the first error on `key`; empty if there is none.
std::string error_on(const TrainingJob& job, const std::string& key) {
  for (const JobError& error : check(job)) {
    if (error.key == "training." + key) return error.message;
  }
  return {};
}

TEST(TrainingCheck, APlainJobIsAccepted) {
  EXPECT_TRUE(check(gpt_job()).empty());
  EXPECT_EQ(data_parallel_degree(gpt_job()), 8);
}

TEST(TrainingCheck, TensorParallelismMustDivideTheHeads) {
  TrainingJob job = gpt_job(8, 20);
  job.config.tensor_parallel = 8;
  EXPECT_NE(error_on(job, "tensor_parallel").find("8 does not divide the attention heads of test-gpt (20)"),
            std::string::npos);
}

TEST(TrainingCheck, KeyValueHeadsMayBeReplicatedButNotSplitUnevenly) {
  TrainingJob job = gpt_job(8, 24);
  job.llm.attention.kv_heads = 2;
  job.config.tensor_parallel = 8;  // 8 is a multiple of 2: replicated
  EXPECT_EQ(error_on(job, "tensor_parallel"), "");
  job.llm.attention.kv_heads = 6;
  EXPECT_NE(error_on(job, "tensor_parallel").find("key/value heads (6)"), std::string::npos);
}

TEST(TrainingCheck, EveryKindOfLayerIsDividedByTheRanks) {
  // The second layer alone has what eight ranks can't share: keys, an MLP, experts, shared ones, recurrent heads.
  const auto with = [](const std::function<void(LayerConfig&)>& change) {
    TrainingJob job = gpt_job(2, 16);
    LayerConfig odd = job.llm.layer(1);
    change(odd);
    job.llm.kinds = {job.llm.layer(0), odd};
    job.llm.layer_kinds = {0, 1};
    job.config.tensor_parallel = 8;
    return error_on(job, "tensor_parallel");
  };
  EXPECT_EQ(with([](LayerConfig&) {}), "");
  EXPECT_EQ(with([](LayerConfig& layer) { layer.attention.kv_heads = 6; }),
            "8 neither divides nor is a multiple of the key/value heads (6)");
  EXPECT_EQ(with([](LayerConfig& layer) { layer.mlp.inter = 100; }), "8 does not divide the MLP width (100)");
  const auto experts = [](std::int64_t inter, std::int64_t shared) {
    return [=](LayerConfig& layer) {
      layer.feed_forward = FeedForward::experts;
      layer.moe = {.experts = 4, .topk = 2, .inter = inter, .shared_experts = 1, .shared_inter = shared};
    };
  };
  EXPECT_EQ(with(experts(64, 64)), "");
  EXPECT_EQ(with(experts(60, 64)), "8 does not divide the expert width (60)");
  EXPECT_EQ(with(experts(64, 60)), "8 does not divide the shared experts' width (60)");
  EXPECT_EQ(with([](LayerConfig& layer) {
              layer.mixer = Mixer::recurrent;
              layer.recurrent.value_heads = 12;
            }),
            "8 does not divide the recurrent heads (12)");
  EXPECT_EQ(with([](LayerConfig& layer) { layer.feed_forward = FeedForward::none, layer.mlp.inter = 100; }), "")
      << "a width that no layer has";
}

TEST(TrainingCheck, LayersMustDivideTheStagesUnlessTheSplitIsGiven) {
  TrainingJob job = gpt_job(10);
  job.config.pipeline_parallel = 4;
  EXPECT_NE(error_on(job, "pipeline_parallel").find("10 layers are not divided by 4"), std::string::npos);
  job.config.stage_layers = {2, 3, 3, 2};
  EXPECT_TRUE(check(job).empty());
  job.config.stage_layers = {2, 3, 3, 3};
  EXPECT_NE(error_on(job, "stage_layers").find("sums to 11"), std::string::npos);
  job.config.stage_layers = {5, 5};
  EXPECT_NE(error_on(job, "stage_layers").find("has 2 numbers, but there are 4"), std::string::npos);
}

TEST(TrainingCheck, MoreGpusThanTheClusterHasIsAnError) {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 4;
  job.config.data_parallel = 4;
  EXPECT_NE(error_on(job, "data_parallel").find("needs 16 GPUs, the cluster has 8"), std::string::npos);
  job.config.data_parallel = 0;
  job.config.tensor_parallel = 16;
  EXPECT_NE(error_on(job, "tensor_parallel").find("needs 16 GPUs"), std::string::npos);
}

TEST(TrainingCheck, TheBatchMustBeWholeMicrobatches) {
  TrainingJob job = gpt_job();
  job.config.micro_batch_size = 3;
  EXPECT_NE(error_on(job, "global_batch_size").find("8 is not a multiple of micro_batch_size 3 x data parallel 8"),
            std::string::npos);
}

TEST(TrainingCheck, SequenceParallelismNeedsTensorParallelism) {
  TrainingJob job = gpt_job();
  job.config.sequence_parallel = true;
  EXPECT_FALSE(error_on(job, "sequence_parallel").empty());
  job.config.tensor_parallel = 8;
  job.config.sequence_length = 2044;
  EXPECT_NE(error_on(job, "sequence_length").find("2044 is not divided by tensor_parallel"), std::string::npos);
}

TEST(TrainingCheck, SequencesFitTheLearnedPositions) {
  TrainingJob job = gpt_job();
  job.config.sequence_length = 4096;
  EXPECT_NE(error_on(job, "sequence_length").find("longer than the 2048 learned positions"), std::string::npos);
}

TEST(TrainingCheck, ZeroAndNegativeSizesAreRefusedBeforeTheyDivide) {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 0;
  job.config.micro_batch_size = -1;
  EXPECT_FALSE(error_on(job, "tensor_parallel").empty());
  EXPECT_FALSE(error_on(job, "micro_batch_size").empty());
}

TEST(TrainingCheck, InterleavingNeedsItsSchedule) {
  TrainingJob job = gpt_job();
  job.config.pipeline_parallel = 2;
  job.config.virtual_pipeline = 2;
  EXPECT_FALSE(error_on(job, "schedule").empty());
  job.config.schedule = "interleaved_1f1b";
  EXPECT_TRUE(check(job).empty());
  job.config.schedule = "zigzag";
  EXPECT_NE(error_on(job, "schedule").find("unknown pipeline schedule 'zigzag'"), std::string::npos);
}

TEST(TrainingCheck, GroupsOfRanksFillNodesEvenly) {
  TrainingJob job = gpt_job(8, 24, 2);
  job.cluster = testing::small_cluster(2, 6);
  job.config.tensor_parallel = 4;
  EXPECT_EQ(error_on(job, "tensor_parallel"),
            "groups of 4 would straddle nodes of 6 GPUs unevenly; use a divisor or a multiple");
  job.config.tensor_parallel = 3;
  EXPECT_EQ(error_on(job, "tensor_parallel"), "");
  job.cluster = testing::small_cluster(1, 6);
  job.config.tensor_parallel = 4;
  EXPECT_NE(error_on(job, "data_parallel"), "") << "one node straddles nothing, but two GPUs are left over";
  EXPECT_EQ(error_on(job, "data_parallel"),
            "tensor 4 x pipeline 1 = 4 does not divide the cluster's 6 GPUs; set data_parallel");
  job.config.data_parallel = 1;
  EXPECT_EQ(error_on(job, "data_parallel"), "");
}

TEST(TrainingCheck, NegativeDegreesAndStagesAreNamed) {
  TrainingJob job = gpt_job();
  job.config.data_parallel = -1;
  EXPECT_EQ(error_on(job, "data_parallel"), "must be at least 1, or 0 for all GPUs that are left");
  for (const char* key : {"sequence_length", "global_batch_size", "pipeline_parallel", "virtual_pipeline"}) {
    TrainingJob other = gpt_job();
    (key == std::string("sequence_length")     ? other.config.sequence_length
     : key == std::string("global_batch_size") ? other.config.global_batch_size
                                               : other.config.micro_batch_size) = 0;
    if (key == std::string("pipeline_parallel")) other.config.pipeline_parallel = -2;
    if (key == std::string("virtual_pipeline")) other.config.virtual_pipeline = 0;
    EXPECT_NE(error_on(other, key).find("must be at least 1, not "), std::string::npos) << key;
  }
  TrainingJob stages = gpt_job(10);
  stages.config.pipeline_parallel = 4;
  stages.config.stage_layers = {5, -1, 5, 1};
  EXPECT_EQ(error_on(stages, "stage_layers"), "a stage can't hold -1 layers");
  stages.config.stage_layers = {5, 0, 5, 0};
  EXPECT_TRUE(check(stages).empty()) << "an empty stage is one";
}

TEST(TrainingCheck, PrecisionsAttentionAndRecomputationGoTogether) {
  TrainingJob job = gpt_job();
  job.config.precision = Dtype::int8;
  EXPECT_EQ(error_on(job, "precision"), "int8 is no training precision: fp32, tf32, fp16, bf16, fp8, fp8_block, nvfp4");
  job = gpt_job();
  job.config.gradient_dtype = Dtype::fp8;
  EXPECT_EQ(error_on(job, "gradient_dtype"), "gradients are kept in fp32, fp16 or bf16, not fp8");
  job = gpt_job();
  job.config.precision = Dtype::tf32;
  EXPECT_EQ(error_on(job, "attention"), "") << "unfused";
  job.config.attention = AttentionImplementation::flash;
  EXPECT_EQ(error_on(job, "attention"), "flash attention has no tf32 kernels; use unfused, fp16 or bf16");
  for (const double odd : {-0.1, 1.0, 2.0}) {
    job = gpt_job();
    job.config.dropout = odd;
    EXPECT_NE(error_on(job, "dropout").find("must be in [0, 1), not "), std::string::npos) << odd;
  }
  job = gpt_job();
  job.config.recompute_layers = 2;
  EXPECT_EQ(error_on(job, "recompute_layers"), "counts layers of full recomputation; set recompute: full");
  job.config.recompute = Recompute::full;
  EXPECT_EQ(error_on(job, "recompute_layers"), "");
  job.config.recompute_layers = 9;
  EXPECT_EQ(error_on(job, "recompute_layers"), "9 is more than the 8 layers of test-gpt");
}

TEST(TrainingCheck, AnUnsupportedPrecisionIsNamed) {
  TrainingJob job = gpt_job();
  job.config.precision = Dtype::nvfp4;
  EXPECT_NE(error_on(job, "precision").find("nvfp4 can't be computed by test_gpu"), std::string::npos);
}

}  // namespace
}  // namespace orrery::models
