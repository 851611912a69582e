// What can't be asked of an engine: every rule at the key that breaks it.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/serving.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::small_job;

/// "key: message" of all errors, a line each.
std::string errors_of(const ServingJob& job) {
  std::string text;
  for (const JobError& error : check(job)) text += (text.empty() ? "" : "\n") + error.key + ": " + error.message;
  return text;
}

struct Rule {
  std::function<void(ServingJob&)> change;
  std::string expected;
};

void expect_refused(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    ServingJob job = small_job();
    rule.change(job);
    EXPECT_EQ(errors_of(job), "serving." + rule.expected);
  }
}

TEST(ServingRules, APlainJobBreaksNone) { EXPECT_THAT(check(small_job()), IsEmpty()); }

TEST(ServingRules, DegreesAreOneAtLeastAndDivideTheModel) {
  expect_refused({
      {[](ServingJob& j) { j.config.tensor_parallel = 0; }, "tensor_parallel: must be at least 1, is 0"},
      {[](ServingJob& j) { j.config.pipeline_parallel = -1; }, "pipeline_parallel: must be at least 1, is -1"},
      {[](ServingJob& j) { j.config.replicas = 0; }, "replicas: must be at least 1, is 0"},
      {[](ServingJob& j) { j.config.tensor_parallel = 3; },
       "tensor_parallel: 3 doesn't divide the 4 attention heads of test-llama\n"
       "serving.tensor_parallel: 3 neither divides the 4 KV heads of test-llama nor is a multiple of them"},
      {[](ServingJob& j) { j.llm.attention.heads = 12, j.llm.attention.kv_heads = 6, j.config.tensor_parallel = 4; },
       "tensor_parallel: 4 neither divides the 6 KV heads of test-llama nor is a multiple of them"},
      {[](ServingJob& j) { j.llm.mlp.inter = 1537, j.config.tensor_parallel = 2; },
       "tensor_parallel: 2 doesn't divide the MLP width 1537 of test-llama"},
      {[](ServingJob& j) { j.config.pipeline_parallel = 5; },
       "pipeline_parallel: 5 stages are more than the 4 layers of test-llama"},
  });
}

TEST(ServingRules, OfKindsOfLayersHoldForEach) {
  const auto with = [](const std::function<void(LayerConfig&)>& change) {
    ServingJob job = small_job();
    LayerConfig odd = job.llm.layer(1);
    change(odd);
    job.llm.kinds = {job.llm.layer(0), odd};
    job.llm.layer_kinds = {0, 1};
    job.config.tensor_parallel = 4;
    return errors_of(job);
  };
  EXPECT_EQ(with([](LayerConfig&) {}), "");
  EXPECT_EQ(with([](LayerConfig& layer) { layer.mixer = Mixer::recurrent, layer.recurrent.value_heads = 6; }),
            "serving.tensor_parallel: 4 doesn't divide the 6 recurrent heads of test-llama");
  EXPECT_EQ(with([](LayerConfig& layer) {
              layer.feed_forward = FeedForward::experts;
              layer.moe = {.experts = 4, .topk = 2, .inter = 30};
            }),
            "serving.tensor_parallel: 4 doesn't divide the MLP width 30 of test-llama");
  EXPECT_EQ(with([](LayerConfig& layer) { layer.feed_forward = FeedForward::none, layer.mlp.inter = 30; }), "");
}

TEST(ServingRules, GpusAreThoseOfTheCluster) {
  const std::string all = "(tensor x pipeline x replicas) are more than the 8 GPUs of the cluster";
  expect_refused({
      {[](ServingJob& j) { j.config.replicas = 9; }, "replicas: 1 x 1 x 9 " + all},
      {[](ServingJob& j) { j.config.tensor_parallel = 4, j.config.pipeline_parallel = 4; },
       "pipeline_parallel: 4 x 4 x 1 " + all},
  });
  ServingJob job = small_job();
  job.llm.attention.heads = job.llm.attention.kv_heads = 24;
  job.cluster = testing::small_cluster(3);
  job.config.tensor_parallel = 12;
  EXPECT_EQ(errors_of(job), "serving.tensor_parallel: 12 is more than the 8 GPUs of a node and not a multiple of them");
  job.config.tensor_parallel = 24;
  EXPECT_EQ(errors_of(job), "");
}

TEST(ServingRules, LimitsAreInTheirRanges) {
  expect_refused({
      {[](ServingJob& j) { j.config.max_model_len = -2; }, "max_model_len: must not be negative"},
      {[](ServingJob& j) { j.config.max_model_len = 1; }, "max_model_len: must hold a prompt and a token: at least 2"},
      {[](ServingJob& j) { j.config.max_model_len = 4097; },
       "max_model_len: 4097 is more than the 4096 positions of test-llama"},
      {[](ServingJob& j) { j.config.max_num_seqs = -1; }, "max_num_seqs: must be at least 1"},
      {[](ServingJob& j) { j.config.max_num_batched_tokens = -1; }, "max_num_batched_tokens: must be at least 1"},
      {[](ServingJob& j) { j.config.gpu_memory_utilization = 1.01; },
       "gpu_memory_utilization: must be above 0 and at most 1, is 1.01"},
      {[](ServingJob& j) { j.config.gpu_memory_utilization = -0.5; },
       "gpu_memory_utilization: must be above 0 and at most 1, is -0.5"},
      {[](ServingJob& j) { j.config.block_size = 0; }, "block_size: must be between 1 and 4096, is 0"},
      {[](ServingJob& j) { j.config.block_size = 4097; }, "block_size: must be between 1 and 4096, is 4097"},
      {[](ServingJob& j) { j.config.num_gpu_blocks = -1; }, "num_gpu_blocks: must be at least 1"},
      {[](ServingJob& j) { j.config.long_prefill_token_threshold = -1; },
       "long_prefill_token_threshold: must not be negative"},
      {[](ServingJob& j) { j.config.warmup_requests = -1; }, "warmup_requests: must not be negative"},
      {[](ServingJob& j) {
         j.config.slo = {Seconds{1.0}, {}, 1.5};
       },
       "slo.attainment: must be between 0 and 1"},
      {[](ServingJob& j) { j.config.slo.attainment = 0.9; },
       "slo.attainment: needs a limit: slo.ttft, slo.tpot or both"},
  });
}

TEST(ServingRules, WhatTheEngineDecidesMustFitToo) {
  expect_refused({
      {[](ServingJob& j) { j.llm.max_positions = 0, j.config.max_model_len = 0; },
       "max_model_len: the model's config names no max_position_embeddings: say max_model_len\n"
       "serving.load.input: prompts of 32 tokens leave no room for an answer within max_model_len 0"},
      {[](ServingJob& j) { j.config.enable_chunked_prefill = false; },
       "max_num_batched_tokens: 256 is less than max_model_len 1024: without chunked prefill a long prompt could never "
       "run"},
      {[](ServingJob& j) { j.config.max_num_seqs = 300; },
       "max_num_batched_tokens: 256 is less than max_num_seqs 300: not all of them could decode in a step"},
      {[](ServingJob& j) { j.config.load.input.mean = 1024.0; },
       "load.input: prompts of 1024 tokens leave no room for an answer within max_model_len 1024"},
  });
}

TEST(ServingRules, NamesAreKnownOrToldWithTheNearest) {
  ServingJob job = small_job();
  job.config.router = "round_robbin";
  EXPECT_EQ(
      errors_of(job),
      "serving.router: unknown name 'round_robbin'; did you mean round_robin; known: round_robin, least_requests");
  job = small_job();
  job.config.engine = "vlm_v1";
  EXPECT_THAT(errors_of(job), HasSubstr("serving.engine: unknown name 'vlm_v1'; did you mean vllm_v1; known: "));
  job = small_job();
  job.config.scheduler = "fcfs";
  EXPECT_THAT(errors_of(job), HasSubstr("serving.scheduler: unknown name 'fcfs'; known: vllm_v1"));
}

TEST(ServingRules, ReportAllThatIsBrokenTogether) {
  ServingJob job = small_job();
  job.config.router = "nobody";
  job.config.block_size = 0;
  job.config.warmup_requests = -1;
  job.config.load.requests = 0;
  EXPECT_EQ(check(job).size(), 4u) << errors_of(job);
}

TEST(ServingRules, OneReplicaStandsOnOneKindOfGpu) {
  ServingJob job = small_job();
  job.cluster = testing::small_cluster(1, 2);
  job.cluster.groups.push_back(job.cluster.groups.front());
  job.cluster.groups.back().gpu = testing::half_gpu(job.cluster.groups.back().gpu);
  job.cluster.fabric = testing::small_cluster(2).fabric;
  job.config.tensor_parallel = 2;
  job.config.replicas = 2;
  EXPECT_EQ(errors_of(job), "") << "two replicas may be unlike";
  job.config.replicas = 1;
  job.config.tensor_parallel = 4;
  EXPECT_EQ(
      errors_of(job),
      "serving.tensor_parallel: replica 0 would run on unlike GPUs, test_gpu in test_node and half_gpu in test_node: "
      "placement.first_node, order or another split puts it on one kind");
}

TEST(ServingMesh, ReplicasAreTheFarthestApart) {
  ServingJob job = small_job();
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 2;
  job.config.replicas = 2;
  const Mesh mesh = serving_mesh(job);
  EXPECT_EQ(mesh.gpus(), 8);
  EXPECT_EQ(stage_members(mesh, 0, 0), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(stage_members(mesh, 0, 1), (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(stage_members(mesh, 1, 1), (std::vector<std::uint32_t>{6, 7}));
  EXPECT_EQ(replica_gpus(job, 1), (std::vector<std::uint32_t>{4, 5, 6, 7}));
  EXPECT_FALSE(leaves_node(job, 1));
  job.cluster = testing::small_cluster(4, 2);
  EXPECT_TRUE(leaves_node(job, 0)) << "its stages are on two nodes";
  EXPECT_EQ(stand_of(job, 0), stand_of(job, 1));
  EXPECT_EQ(stand_of(job, 0).next_on_same_node, std::vector<std::uint8_t>{0});
}

}  // namespace
}  // namespace orrery::models
