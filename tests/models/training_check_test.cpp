#include <algorithm>
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

TEST(TrainingCheck, AnUnsupportedPrecisionIsNamed) {
  TrainingJob job = gpt_job();
  job.config.precision = Dtype::nvfp4;
  EXPECT_NE(error_on(job, "precision").find("nvfp4 can't be computed by test_gpu"), std::string::npos);
}

}  // namespace
}  // namespace orrery::models
