// Models whose layers differ, as a serving engine holds and runs them: windows, states, chosen and compressed keys.
#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "models/layer/cache.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/sequences/paged_cache.hpp"
#include "models/serving/step_model.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::decodes;
using testing::fitted_timer;
using testing::prompts;
using testing::serving_job;

std::string config(const std::string& keys) {
  return R"({"hidden_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 8,
             "head_dim": 128, "intermediate_size": 8192, "vocab_size": 32000, "max_position_embeddings": 262144, )" +
         keys + "}";
}

ServingJob job_of(const std::string& keys) {
  ServingJob job = serving_job("dgx_h100", "llama-3-8b");
  job.llm = read_hf_config(config(keys), "m.json");
  job.config.max_model_len = 262'144;
  return job;
}

ServingJob sliding() { return job_of(R"("model_type": "gemma3", "sliding_window": 1024)"); }
ServingJob full() { return job_of(R"("model_type": "gemma3", "sliding_window": 1024, "sliding_window_pattern": 1)"); }
ServingJob hybrid() { return job_of(R"("model_type": "qwen3_5")"); }

constexpr const char* kLatent =
    R"("q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
       "n_routed_experts": 16, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 4, "moe_intermediate_size": 1024)";
ServingJob latent() { return job_of(std::string(R"("model_type": "deepseek_v3", )") + kLatent); }
ServingJob indexed() { return job_of(std::string(R"("model_type": "deepseek_v32", )") + kLatent); }

double decode_seconds(const ServingJob& job, std::int64_t context) {
  const auto timer = fitted_timer();
  StepModel model(job, *timer);
  return sim::to_seconds(model.decode_time(8, 8 * context)).value();
}

TEST(ServedLayerKinds, WindowsBoundADecodesTime) {
  // 4 of 24 layers attend to everything: beyond the window a step grows by a sixth of what it would.
  const double grown = decode_seconds(sliding(), 131'072) - decode_seconds(sliding(), 32'768);
  const double unbounded = decode_seconds(full(), 131'072) - decode_seconds(full(), 32'768);
  EXPECT_NEAR(grown / unbounded, 4.0 / 24.0, 0.02);
}

TEST(ServedLayerKinds, RecurrentLayersCostTheSameAtAnyLength) {
  const double grown = decode_seconds(hybrid(), 131'072) - decode_seconds(hybrid(), 32'768);
  const double unbounded = decode_seconds(full(), 131'072) - decode_seconds(full(), 32'768);
  EXPECT_NEAR(grown / unbounded, 6.0 / 24.0, 0.02);
}

TEST(ServedLayerKinds, AnIndexCostsLessThanAllKeysAndMoreThanNone) {
  const double sparse = decode_seconds(indexed(), 131'072) - decode_seconds(indexed(), 8'192);
  const double dense = decode_seconds(latent(), 131'072) - decode_seconds(latent(), 8'192);
  EXPECT_GT(sparse, 0.0);          // the index's keys are read all
  EXPECT_LT(sparse, 0.5 * dense);  // 132 bytes of a key for 1,152
}

TEST(ServedLayerKinds, PromptsOfEveryKindTakeTime) {
  const auto timer = fitted_timer();
  for (const ServingJob& job :
       {sliding(), hybrid(), indexed(), job_of(R"("model_type": "llama4", "num_local_experts": 8)"),
        job_of(R"("model_type": "deepseek_v4", "n_routed_experts": 16)"),
        job_of(R"("model_type": "mamba2", "num_heads": 128)")}) {
    StepModel model(job, *timer);
    const double one = sim::to_seconds(model.time(prompts(1, 8'192), 0)).value();
    EXPECT_GT(one, 0.0) << job.llm.architecture;
    EXPECT_GT(sim::to_seconds(model.time(prompts(2, 8'192), 0)).value(), 1.5 * one) << job.llm.architecture;
    StepShape mixed = prompts(1, 2'048);
    mixed.decode_sequences = 4;
    mixed.decode_kv_tokens = 4 * 2'048;
    EXPECT_GT(model.time(mixed, 0), model.time(prompts(1, 2'048), 0)) << job.llm.architecture;
  }
}

TEST(ServedLayerKinds, TheStepIsTheSumOfWhatItRuns) {
  const auto timer = fitted_timer();
  for (const ServingJob& job : {sliding(), hybrid(), indexed()}) {
    StepModel model(job, *timer);
    // At a node of the interpolation.
    const StepShape shape = decodes(16, 320);
    const testing::PricedStep step(model, shape);
    EXPECT_NEAR(step.sum(), sim::to_seconds(model.time(shape, 0)).value(), 1e-9) << job.llm.architecture;
  }
}

TEST(KvSides, CountTokensAsVllmDoes) {
  // A 31B Gemma 4 on one H200: 64.68 GiB hold 626,949 tokens (configiq#112). Of 60 layers 10 keep every token, in 4
  // heads of 512, the others 1,024 - 1 + 8,192 tokens and a block more, in 16 heads of 256.
  ServingJob job = job_of(R"("model_type": "gemma3")");
  job.llm = read_hf_config(R"({"model_type": "gemma4_text", "hidden_size": 5376, "num_hidden_layers": 60,
      "num_attention_heads": 32, "num_key_value_heads": 16, "head_dim": 256, "global_head_dim": 512,
      "num_global_key_value_heads": 4, "attention_k_eq_v": true, "hidden_size_per_layer_input": 0,
      "intermediate_size": 21504, "vocab_size": 262144, "max_position_embeddings": 262144, "sliding_window": 1024})",
                           "gemma.json");
  const KvPool pool = size_kv_pool(job);
  EXPECT_EQ(pool.block_bytes.value(), 16 * 10 * 2 * 4 * 512 * 2.0);
  KvPool holds = pool;
  holds.blocks = static_cast<std::int64_t>(64.68 * 1073741824.0 / pool.block_bytes.value());
  EXPECT_NEAR(static_cast<double>(holds.tokens()), 626'949.0, 0.002 * 626'949.0);
}

TEST(KvSides, AreTakenOnceAndGivenBack) {
  const ServingJob job = hybrid();
  KvPool pool = size_kv_pool(job);
  ASSERT_EQ(pool.sides.size(), 1U);
  // A state of 18 layers in blocks of 6 layers' keys and values of 16 tokens.
  const double state = 18 * (32 * 128 * 128 * 4.0 + 3 * (2 * 16 + 32) * 128 * 2.0);
  EXPECT_DOUBLE_EQ(pool.sides.front().blocks_per_sequence, state / (16 * 6 * 2 * 8 * 128 * 2.0));
  PagedCache cache(KvCacheConfig{1000, 16, true, pool.sides});
  Sequence sequence;
  sequence.request.input_tokens = 32;
  sequence.request.output_tokens = 100;
  const std::int64_t sides = cache.side_blocks(sequence.request);
  EXPECT_EQ(sides, static_cast<std::int64_t>(std::ceil(pool.sides.front().blocks_per_sequence)));
  ASSERT_TRUE(cache.allocate(sequence, 32));
  EXPECT_EQ(cache.used_blocks(), 2 + sides);
  ASSERT_TRUE(cache.allocate(sequence, 33));
  EXPECT_EQ(cache.used_blocks(), 3 + sides);
  cache.release(sequence);
  EXPECT_EQ(cache.free_blocks(), 1000);
  // Where the sides do not fit, nothing is taken.
  PagedCache small(KvCacheConfig{sides + 1, 16, true, pool.sides});
  Sequence other = sequence;
  other.blocks.clear();
  EXPECT_FALSE(small.allocate(other, 32));
  EXPECT_EQ(small.free_blocks(), sides + 1);
}

TEST(KvSides, OfWindowsAreAsLongAsTheSequence) {
  const ServingJob job = sliding();
  const KvPool pool = size_kv_pool(job);
  PagedCache cache(KvCacheConfig{100'000, 16, true, pool.sides});
  Request request;
  request.input_tokens = 100;
  request.output_tokens = 60;
  // 20 layers that slide for 4 that do not: 160 tokens are 5 x 10 blocks, 10,000 the window's 5 x 64.
  EXPECT_EQ(cache.side_blocks(request), 50);
  request.input_tokens = 10'000;
  EXPECT_EQ(cache.side_blocks(request), 320);
}

// Mistral 7B v0.1: every layer slides a window of 4,096 tokens, so that a sequence of any length keeps no more.
TEST(KvSides, AreAllThatAModelKeepsWhereEveryLayerSlides) {
  ServingJob job = job_of(R"("model_type": "mistral", "sliding_window": 4096)");
  job.config.max_model_len = 32'768;
  const KvPool pool = size_kv_pool(job);
  EXPECT_FALSE(pool.keeps_tokens);
  // The window less one, a step of 8,192 tokens, and a block that is begun: 769 blocks.
  EXPECT_EQ(pool.longest_blocks(), 769);
  PagedCache cache(KvCacheConfig{1000, 16, true, pool.sides, pool.keeps_tokens});
  Sequence sequence;
  sequence.request.input_tokens = 20'000;
  sequence.request.output_tokens = 10;
  ASSERT_TRUE(cache.allocate(sequence, 20'000));
  EXPECT_EQ(cache.used_blocks(), 256);
  ASSERT_TRUE(cache.allocate(sequence, 20'010));
  EXPECT_EQ(cache.used_blocks(), 256);
  EXPECT_EQ(cache.lookup(sequence), 0);
  cache.release(sequence);
  EXPECT_EQ(cache.free_blocks(), 1000);
  job.config.max_model_len = 262'144;
  EXPECT_EQ(size_kv_pool(job).longest_blocks(), 769) << "eight times the length, no block more";
}

}  // namespace
}  // namespace orrery::models
