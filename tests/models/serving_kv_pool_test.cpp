// Memory of a serving GPU: weights, activations, graphs, and the blocks that are left.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"
#include "models/serving/kv_pool.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::serving_job;

TEST(KvPoolTokens, AreWhatTheClosedFormLeaves) {
  // 80 GB: (72 − 19.3 − 2) GB / 262,144 B = 193,405; u = 0.97: 56.3 GB = 214,767; 48 GB: 21.9 GB = 83,541;
  // 24 GB: 0.3 GB = 1,144.
  const Bytes weights{19.3e9}, workspace{2e9}, token{262144.0};
  EXPECT_EQ(kv_pool_tokens(80_GB, 0.9, weights, workspace, token), 193405);
  EXPECT_EQ(kv_pool_tokens(80_GB, 0.97, weights, workspace, token), 214767);
  EXPECT_EQ(kv_pool_tokens(48_GB, 0.9, weights, workspace, token), 83541);
  EXPECT_EQ(kv_pool_tokens(24_GB, 0.9, weights, workspace, token), 1144);
  EXPECT_EQ(kv_pool_tokens(16_GB, 0.9, weights, workspace, token), 0);
  EXPECT_EQ(kv_pool_tokens(Bytes{1e40}, 0.9, weights, workspace, token), 1'000'000'000'000);  // capped, not undefined
}

TEST(KvBytesPerToken, MatchThePublishedTable) {
  const auto bytes = [](const char* model) {
    return stage_kv_bytes_per_token(serving_job("dgx_h100", model), 0).value();
  };
  EXPECT_EQ(bytes("opt-13b"), 800 * 1024.0);      // 2 · 40 layers · 40 heads · 128 · 2 B
  EXPECT_EQ(bytes("llama-2-7b"), 512 * 1024.0);   // 2 · 32 · 32 · 128 · 2
  EXPECT_EQ(bytes("llama-3-70b"), 320 * 1024.0);  // 2 · 80 · 8 · 128 · 2
  EXPECT_EQ(bytes("qwen2.5-32b"), 256 * 1024.0);  // 2 · 64 · 8 · 128 · 2
  EXPECT_EQ(bytes("llama-3.1-405b"), 516096.0);   // 2 · 126 · 8 · 128 · 2
  EXPECT_EQ(bytes("deepseek-v3"), 70272.0);       // 61 · (512 + 64) · 2
}

TEST(KvBytesPerToken, DivideByTensorParallelismDownToOneHead) {
  ServingJob job = serving_job("dgx_h100", "llama-3-70b", 4);
  EXPECT_EQ(stage_kv_bytes_per_token(job, 0).value(), 80 * 1024.0);
  job.llm.attention.kv_heads = 2;  // fewer than ranks: each holds one, copied
  EXPECT_EQ(stage_kv_bytes_per_token(job, 0).value(), 40 * 1024.0);
  const ServingJob latent = serving_job("dgx_h100", "deepseek-v3", 8);
  EXPECT_EQ(stage_kv_bytes_per_token(latent, 0).value(), 70272.0);
}

TEST(KvBytesPerToken, HalveInFp8) {
  ServingJob job = serving_job("dgx_h100", "llama-3-70b");
  job.config.kv_cache_dtype = Dtype::fp8;
  EXPECT_EQ(stage_kv_bytes_per_token(job, 0).value(), 160 * 1024.0);
}

TEST(StageLayers, GiveTheRemainderToStagesBeforeTheLast) {
  Llm llm;
  llm.layers = 30;
  const std::vector<std::int64_t> expected = {7, 8, 8, 7};  // 30 = 4·7 + 2
  std::int64_t first = 0;
  for (int stage = 0; stage < 4; ++stage) {
    const StageLayers own = stage_layers(llm, 4, stage);
    EXPECT_EQ(own.first, first);
    EXPECT_EQ(own.count, expected[static_cast<std::size_t>(stage)]);
    first += own.count;
  }
  EXPECT_EQ(first, 30);
}

TEST(StageWeights, AreAllParametersOnOneGpu) {
  for (const char* model : {"llama-3.1-8b", "qwen2.5-32b", "opt-13b", "mixtral-8x7b", "qwen3-30b-a3b", "gpt2-124m"}) {
    const ServingJob job = serving_job("dgx_h100", model);
    EXPECT_EQ(stage_weights(job, 0).value(), 2.0 * static_cast<double>(parameters(job.llm))) << model;
  }
}

TEST(StageWeights, AddUpOverStagesAndRanks) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-70b", 2);
  job.config.pipeline_parallel = 4;
  Bytes all;
  for (int stage = 0; stage < 4; ++stage) all += 2.0 * stage_weights(job, stage);
  // Each rank has its own norms: 161 of 8,192 values counted twice.
  EXPECT_EQ(all.value(), 2.0 * static_cast<double>(parameters(job.llm)) + 2.0 * 161 * 8192);
}

TEST(StageWeights, KeepEmbeddingsAndHeadInSixteenBits) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  job.config.weight_dtype = Dtype::int4;
  // Embedding and head 2·128,256·4,096, norms 65·4,096; the rest of 8,030,261,248 parameters in 4.25 bits.
  const double plain = 2.0 * 128256 * 4096 + 65.0 * 4096;
  EXPECT_NEAR(stage_weights(job, 0).value(), 2.0 * plain + (8030261248.0 - plain) * 4.25 / 8.0, 1.0);
}

TEST(StageWeights, HoldASecondCopyOfATiedEmbeddingOnTheLastStage) {
  ServingJob job = serving_job("dgx_h100", "gpt2-124m");
  job.config.pipeline_parallel = 2;
  const double copy = static_cast<double>(embedding_parameters(job.llm));
  EXPECT_EQ((stage_weights(job, 0) + stage_weights(job, 1)).value(),
            2.0 * (static_cast<double>(parameters(job.llm)) + copy));
}

TEST(PeakActivations, AreTheSamplersOrTheWidestLayers) {
  ServingJob job = serving_job("rtx_4090_box", "llama-3.1-8b");
  job.config.max_num_seqs = 256;
  // Sampler: 2,048·4,096·2 + 256·128,256·(2 + 4 + 12 + 8 + 12) = 16,777,216 + 1,247,674,368.
  EXPECT_EQ(peak_activations(job, 2048).value(), 1264451584.0);
  job.config.max_num_seqs = 1;
  // Layer: 2,048·2·(2·4,096 + 4,096 + 3·14,336) = 226,492,416.
  EXPECT_EQ(peak_activations(job, 2048).value(), 226492416.0);
}

TEST(GraphSizes, AreVllms) {
  ServingConfig config;
  config.max_num_seqs = 256;
  config.max_num_batched_tokens = 2048;
  const std::vector<std::int64_t> sizes = graph_sizes(config);
  EXPECT_EQ(sizes.size(), 51u);  // 3 + 31 multiples of 8 below 256 + 17 of 16 from 256 to 512
  EXPECT_EQ(sizes[2], 4);
  EXPECT_EQ(sizes[3], 8);
  EXPECT_EQ(sizes[33], 248);
  EXPECT_EQ(sizes[34], 256);
  EXPECT_EQ(sizes[35], 272);
  EXPECT_EQ(sizes.back(), 512);
  config.max_num_seqs = 10;
  EXPECT_EQ(graph_sizes(config), (std::vector<std::int64_t>{1, 2, 4, 8, 16}));
  config.max_num_batched_tokens = 8;
  EXPECT_EQ(graph_sizes(config), (std::vector<std::int64_t>{1, 2, 4, 8}));
  config.enforce_eager = true;
  EXPECT_TRUE(graph_sizes(config).empty());
}

TEST(KvPool, BalancesItsLedger) {
  const ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  const KvPool pool = size_kv_pool(job);
  EXPECT_EQ(pool.capacity.value(), job.cluster.groups[0].gpu.memory.value());
  const Bytes left = pool.budget - pool.weights - pool.activations - pool.context - pool.graphs;
  EXPECT_LE(pool.kv_cache.value(), left.value());
  EXPECT_GT((pool.kv_cache + pool.block_bytes).value(), left.value());
  EXPECT_EQ(pool.block_bytes.value(), 16 * 128 * 1024.0);
  EXPECT_LE(pool.peak().value(), pool.budget.value());
}

TEST(KvPool, HasNoBlocksWhereWeightsDoNotFit) {
  EXPECT_EQ(size_kv_pool(serving_job("dgx_h100", "llama-3.1-70b")).blocks, 0);
  EXPECT_GT(size_kv_pool(serving_job("dgx_h100", "llama-3.1-70b", 4)).blocks, 0);
}

TEST(KvPool, TakesAPinnedNumberOfBlocks) {
  ServingJob job = serving_job("rtx_4090_box", "llama-3.1-8b");
  job.config.num_gpu_blocks = 2588;
  const KvPool pool = size_kv_pool(job);
  EXPECT_TRUE(pool.pinned);
  EXPECT_EQ(pool.tokens(), 2588 * 16);
}

TEST(KvPool, TakesAGivenPeakOfActivations) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  job.config.activation_memory = 1_GB;
  EXPECT_EQ(size_kv_pool(job).activations.value(), 1e9);
}

TEST(KvPool, IsNearWhatVllmMeasuredOnARtx4090) {
  // vLLM 0.19, 2,048 tokens and 256 sequences: 2,588 blocks (LLMServingSim, docs/docs/validation.md).
  ServingJob job = serving_job("rtx_4090_box", "llama-3.1-8b");
  job.config.max_num_seqs = 256;
  job.config.max_num_batched_tokens = 2048;
  EXPECT_NEAR(static_cast<double>(size_kv_pool(job).blocks) / 2588.0, 1.0, 0.02);
}

// gpt-oss-120b on an H100 at 0.95 has 1.71 GiB for its cache (vllm issue 27508; its log has 65.97 GiB of weights and
// 1,024 tokens a step): within 0.35 GiB, 0.4 % of the memory.
TEST(KvPool, IsNearWhatVllmLeftForGptOss120b) {
  ServingJob job = serving_job("dgx_h100", "llama-3-8b");
  std::string types = "\"sliding_attention\"";
  for (int i = 1; i < 36; ++i) types += i % 2 == 0 ? ", \"sliding_attention\"" : ", \"full_attention\"";
  job.llm = read_hf_config(R"({"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
      "num_hidden_layers": 36, "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
      "vocab_size": 201088, "num_local_experts": 128, "num_experts_per_tok": 4, "sliding_window": 128,
      "max_position_embeddings": 131072, "layer_types": [)" +
                               types + R"(], "quantization_config": {
      "quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
      "model.embed_tokens", "lm_head"]}})",
                           "m.json");
  job.config.weight_dtype = job.llm.dtype;
  job.config.gpu_memory_utilization = 0.95;
  job.config.max_num_batched_tokens = 1024;
  job.config.max_num_seqs = 1024;
  job.config.max_model_len = 131'072;
  const double gib = 1073741824.0;
  EXPECT_NEAR(stage_weights(job, 0).value() / gib, 65.97, 0.2);
  const KvPool pool = size_kv_pool(job);
  EXPECT_NEAR(pool.kv_cache.value() / gib, 1.71, 0.35);
  EXPECT_GT(pool.longest_blocks(), pool.blocks);
}

// Context and graphs take what the utilisation leaves; where that is too little, they shorten the cache.
TEST(KvPool, HoldsContextAndGraphsBesideTheBudget) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  const auto cache = [&](double utilization) {
    job.config.gpu_memory_utilization = utilization;
    return size_kv_pool(job);
  };
  const KvPool pool = cache(0.9);
  const hardware::Gpu& gpu = job.cluster.groups[0].gpu;
  const Bytes left = 0.9 * (gpu.memory - gpu.reserved_memory) - pool.weights - pool.activations;
  EXPECT_NEAR(pool.kv_cache.value(), left.value(), pool.block_bytes.value());
  const KvPool all = cache(1.0);
  EXPECT_LE(all.peak().value(), gpu.memory.value());
  EXPECT_GT((all.peak() + all.block_bytes).value(), gpu.memory.value());
}

TEST(KvPool, IsAShareOfWhatIsFreeUnderTensorRtLlm) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-70b", 2);
  job.config.engine = "trtllm";
  job.config.gpu_memory_utilization = 0.9;
  const KvPool pool = size_kv_pool(job);
  const Bytes free = pool.capacity - pool.weights - pool.activations - pool.context - pool.graphs;
  EXPECT_NEAR(pool.kv_cache.value(), 0.9 * free.value(), pool.block_bytes.value());
}

TEST(KvPool, IsThatOfTheStageWithTheFewestBlocks) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-70b", 2);
  job.config.pipeline_parallel = 2;
  const KvPool pool = size_kv_pool(job);
  EXPECT_EQ(pool.weights.value(), std::max(stage_weights(job, 0).value(), stage_weights(job, 1).value()));
}

}  // namespace
}  // namespace orrery::models
