// How decode attention is laid out on the SMs, counted by hand for each kind of kernel: CTAs, waves, splits, extras.
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

// In the order of the model's names.
struct Coefficients {
  double floor = 0, e_memory = 1, e_l2 = 1, cta = 0, wide = 0, row = 0, block = 0, chain = 0, combine = 0, overlap = 1,
         head_cta = 0, head_block = 0, split_blocks = 1, extra = 0;
  [[nodiscard]] std::vector<double> list() const {
    return {floor, e_memory, e_l2,    cta,      wide,       row,          block,
            chain, combine,  overlap, head_cta, head_block, split_blocks, extra};
  }
};

/// 100 SMs; memory that costs nothing.
hardware::Gpu gpu_of(const char* generation) {
  hardware::Gpu gpu;
  gpu.name = "toy";
  gpu.generation = hardware::load_generation(generation);
  gpu.sm_count = 100;
  gpu.peak[Dtype::bf16] = FlopsPerSecond{1e15};
  gpu.memory_bandwidth = gpu.l2_bandwidth = BytesPerSecond{1e300};
  gpu.l2_size = Bytes{50e6};
  return gpu;
}

AttentionDecodeShape step(std::int64_t batch, std::int64_t length, std::int64_t q_heads, std::int64_t kv_heads,
                          Implementation implementation) {
  AttentionDecodeShape s;
  s.batch = batch, s.kv_tokens = batch * length;
  s.q_heads = q_heads, s.kv_heads = kv_heads, s.head_dim = 128;
  s.implementation = implementation;
  return s;
}

double model_us(const AttentionDecodeShape& s, const char* generation, const Coefficients& c) {
  return attention_decode_model().time(s, gpu_of(generation), c.list()).value() * 1e6;
}

/// CTAs·splits/SMs, where that is a whole number of waves.
double waves(const AttentionDecodeShape& s, const char* generation) {
  Coefficients c;
  c.cta = c.head_cta = 1.0;
  return model_us(s, generation, c);
}

/// Blocks of 128 keys in the chain of one CTA.
double chain(const AttentionDecodeShape& s, const char* generation, double split_blocks = 1.0) {
  Coefficients c;
  c.chain = 1.0, c.split_blocks = split_blocks;
  return model_us(s, generation, c);
}

bool has_extra(const AttentionDecodeShape& s, const char* generation) {
  Coefficients c;
  c.extra = 1.0;
  return model_us(s, generation, c) > 0.5;
}

bool combines(const AttentionDecodeShape& s, const char* generation) {
  Coefficients c;
  c.combine = 1.0;
  return model_us(s, generation, c) > 0.5;
}

TEST(DecodeLayout, OneCtaForEachSequenceAndKvHead) {
  // 50 x 8 = 400 CTAs on 100 SMs: 4 full waves, which nothing splits.
  for (const char* generation : {"ampere", "hopper", "blackwell"}) {
    EXPECT_DOUBLE_EQ(waves(step(50, 4096, 32, 8, Implementation::vllm), generation), 4.0) << generation;
    EXPECT_FALSE(combines(step(50, 4096, 32, 8, Implementation::vllm), generation)) << generation;
  }
}

TEST(DecodeLayout, APartOfAWaveCountsHalfAsAWholeOne) {
  // 500 CTAs are 5 waves, 550 CTAs 5.5 shares: between the share and six waves.
  EXPECT_DOUBLE_EQ(waves(step(55, 128, 10, 10, Implementation::vllm), "ampere"), 0.5 * (5.5 + 6.0));
  EXPECT_DOUBLE_EQ(waves(step(5, 128, 10, 10, Implementation::vllm), "ampere"), 1.0) << "half of the SMs: one wave";
}

TEST(DecodeLayout, FewSequencesSplitTheirKeysUntilFourWavesAreFull) {
  // 1 x 8 CTAs: ⌈400/8⌉ = 50 splits of 8,192 keys (64 blocks, one each at least): 4 waves; 64/50 blocks a chain.
  const AttentionDecodeShape s = step(1, 8192, 32, 8, Implementation::vllm);
  EXPECT_DOUBLE_EQ(waves(s, "ampere"), 4.0);
  EXPECT_DOUBLE_EQ(chain(s, "ampere"), 64.0 / 50.0);
  EXPECT_TRUE(combines(s, "ampere"));
  // A split has 4 blocks at least: 16 splits.
  EXPECT_DOUBLE_EQ(chain(s, "ampere", 4.0), 4.0);
  // 512 keys are 4 blocks: 4 splits however idle the GPU is.
  EXPECT_DOUBLE_EQ(chain(step(1, 512, 32, 8, Implementation::vllm), "ampere"), 1.0);
}

TEST(DecodeLayout, FlashAttention2SplitsGroupedQueriesOnly) {
  const AttentionDecodeShape single = step(1, 8192, 8, 8, Implementation::vllm);
  EXPECT_DOUBLE_EQ(chain(single, "ampere"), 64.0);
  EXPECT_FALSE(combines(single, "ampere"));
  EXPECT_DOUBLE_EQ(chain(single, "hopper"), 64.0 / 50.0) << "FlashAttention-3 splits all";
}

TEST(DecodeLayout, FlashAttention2RegroupsTheHeadsOfABatch) {
  EXPECT_TRUE(has_extra(step(2, 1024, 32, 8, Implementation::vllm), "ampere"));
  EXPECT_FALSE(has_extra(step(1, 1024, 32, 8, Implementation::vllm), "ampere")) << "one sequence";
  EXPECT_FALSE(has_extra(step(2, 1024, 32, 1, Implementation::vllm), "ampere")) << "one KV head";
  EXPECT_FALSE(has_extra(step(2, 1024, 8, 8, Implementation::vllm), "ampere")) << "one query a KV head";
  EXPECT_FALSE(has_extra(step(2, 1024, 32, 8, Implementation::vllm), "hopper"));
}

TEST(DecodeLayout, MaskedMultiHeadAttentionHasACtaForEachQueryHead) {
  // TensorRT-LLM on Hopper: ungrouped, or more than 32 queries a KV head. 10 x 40 = 400 CTAs.
  EXPECT_DOUBLE_EQ(waves(step(10, 128, 40, 40, Implementation::trtllm), "hopper"), 4.0);
  EXPECT_DOUBLE_EQ(waves(step(10, 128, 40, 1, Implementation::trtllm), "hopper"), 4.0);
  EXPECT_TRUE(has_extra(step(10, 128, 40, 40, Implementation::trtllm), "hopper"));
  // With 32 the kernel is grouped: 10 CTAs, here not split since the cache is one block.
  EXPECT_DOUBLE_EQ(waves(step(10, 128, 32, 1, Implementation::trtllm), "hopper"), 1.0);
  EXPECT_FALSE(has_extra(step(10, 128, 32, 1, Implementation::trtllm), "hopper"));
  // On Blackwell only TensorRT-LLM's own, and only for large groups.
  EXPECT_TRUE(has_extra(step(10, 128, 40, 1, Implementation::trtllm), "blackwell"));
  EXPECT_FALSE(has_extra(step(10, 128, 40, 1, Implementation::vllm), "blackwell"));
  EXPECT_FALSE(has_extra(step(10, 128, 40, 40, Implementation::trtllm), "blackwell"));
}

TEST(DecodeLayout, NarrowHeadsInFp8StartLaterOnHopper) {
  AttentionDecodeShape s = step(10, 128, 32, 8, Implementation::trtllm);
  s.kv_dtype = Dtype::fp8;
  EXPECT_FALSE(has_extra(s, "hopper"));
  s.head_dim = 64;
  EXPECT_TRUE(has_extra(s, "hopper"));
  s.kv_dtype = Dtype::bf16;
  EXPECT_FALSE(has_extra(s, "hopper"));
}

TEST(DecodeLayout, WholeBlocksAreLoadedExceptByTensorRtOnHopper) {
  // 400 CTAs: no splits. 130 keys are two blocks of 128, or 130/128 of one.
  EXPECT_DOUBLE_EQ(chain(step(50, 130, 32, 8, Implementation::vllm), "hopper"), 2.0);
  EXPECT_DOUBLE_EQ(chain(step(50, 130, 32, 8, Implementation::vllm), "ampere"), 2.0);
  EXPECT_DOUBLE_EQ(chain(step(50, 130, 32, 8, Implementation::trtllm), "hopper"), 130.0 / 128.0);
}

TEST(DecodeLayout, AWindowStartsInsideABlock) {
  AttentionDecodeShape s = step(50, 4096, 32, 8, Implementation::vllm);
  s.window = 256;  // two blocks, and one more where it starts
  EXPECT_DOUBLE_EQ(chain(s, "hopper"), 3.0);
  s.window = 4096;  // no longer than the cache: no start inside
  EXPECT_DOUBLE_EQ(chain(s, "hopper"), 32.0);
  s.implementation = Implementation::trtllm, s.window = 256;
  EXPECT_DOUBLE_EQ(chain(s, "hopper"), 2.0) << "exactly what is seen";
}

TEST(DecodeLayout, TensorRtDecidesItsSplitsByTheWholeCache) {
  // 8 CTAs, 50 splits by 64 blocks of cache although only two blocks are seen; by what is seen there would be two.
  AttentionDecodeShape s = step(1, 8192, 32, 8, Implementation::trtllm);
  s.window = 256;
  EXPECT_DOUBLE_EQ(chain(s, "hopper"), 2.0 / 50.0);
  s.kv_dtype = Dtype::fp8;
  EXPECT_DOUBLE_EQ(chain(s, "hopper"), 1.0) << "its fp8 kernels look at the window";
}

TEST(DecodeLayout, WideHeadsWalkMoreAndThoseOf192ArePadded) {
  AttentionDecodeShape s = step(50, 1280, 32, 8, Implementation::vllm);  // 10 blocks
  const auto of_width = [&](std::int64_t width) {
    s.head_dim = width;
    return chain(s, "hopper");
  };
  EXPECT_DOUBLE_EQ(of_width(128), 10.0);
  EXPECT_DOUBLE_EQ(of_width(64), 5.0);
  EXPECT_DOUBLE_EQ(of_width(256), 20.0);
  EXPECT_DOUBLE_EQ(of_width(192), 20.0);
}

TEST(DecodeLayout, ACtaCostsByItsWidthAndItsRows) {
  Coefficients c;
  c.cta = 3.0, c.wide = 2.0, c.row = 0.25;
  AttentionDecodeShape s = step(50, 128, 32, 8, Implementation::vllm);  // 4 waves, groups of 4
  EXPECT_DOUBLE_EQ(model_us(s, "hopper", c), 4.0 * (3.0 + 0.25 * 4));
  s.head_dim = 256;  // twice as wide as 128: 2 us more, rows twice as long
  EXPECT_DOUBLE_EQ(model_us(s, "hopper", c), 4.0 * (3.0 + 2.0 + 0.25 * 4 * 2));
}

TEST(DecodeLayout, BlocksThatShareAnSmStandBesideTheChain) {
  // 400 CTAs x 10 blocks over 100 SMs; without a chain the blocks alone.
  Coefficients c;
  c.block = 0.5;
  EXPECT_DOUBLE_EQ(model_us(step(50, 1280, 32, 8, Implementation::vllm), "hopper", c), 0.5 * 10.0 * 4.0);
}

TEST(DecodeLayout, LatentAttentionHasTilesOf64QueryHeads) {
  AttentionDecodeShape s;
  s.batch = 200, s.kv_tokens = 200 * 128, s.q_heads = 128, s.latent_dim = 576;
  EXPECT_DOUBLE_EQ(waves(s, "hopper"), 4.0) << "two tiles a sequence";
  s.q_heads = 64;
  EXPECT_DOUBLE_EQ(waves(s, "hopper"), 2.0);
  s.q_heads = 65;
  EXPECT_DOUBLE_EQ(waves(s, "hopper"), 4.0);
  s.q_heads = 16;
  EXPECT_DOUBLE_EQ(waves(s, "hopper"), 2.0) << "at least one";
}

TEST(DecodeLayout, LatentAttentionSplitsWhereTheGenerationSaysSo) {
  AttentionDecodeShape s;
  s.batch = 1, s.kv_tokens = 12800, s.q_heads = 64, s.latent_dim = 576;  // 100 blocks, twice as wide
  hardware::Gpu gpu = gpu_of("hopper");
  Coefficients c;
  c.chain = 1.0;
  gpu.generation.latent_decode_splits = false;
  EXPECT_DOUBLE_EQ(attention_decode_model().time(s, gpu, c.list()).value() * 1e6, 200.0);
  gpu.generation.latent_decode_splits = true;  // 400 would fill the waves, 100 have a block each
  EXPECT_DOUBLE_EQ(attention_decode_model().time(s, gpu, c.list()).value() * 1e6, 2.0);
}

TEST(DecodeMemory, AStepFindsInL2WhatFitsThere) {
  hardware::Gpu gpu = gpu_of("hopper");
  gpu.memory_bandwidth = BytesPerSecond{1e12};
  gpu.l2_bandwidth = BytesPerSecond{1e300};
  // 512 B of cache a token and KV head: 50 MB are 97,656.25 tokens; take 50,000, 100,000, 200,000 of one head.
  const auto us = [&](std::int64_t tokens) {
    const AttentionDecodeShape s = step(1, tokens, 1, 1, Implementation::vllm);
    return attention_decode_model().time(s, gpu, Coefficients{}.list()).value() * 1e6;
  };
  EXPECT_NEAR(us(50'000), 0.0, 1e-9);
  // 102.4 MB, twice the L2 and more: all from HBM.
  EXPECT_NEAR(us(200'000), 102.4, 0.001);
  // 76.8 MB is 1.536 of the L2: 0.536 of it from HBM.
  EXPECT_NEAR(us(150'000), 76.8 * 0.536, 0.001);
}

}  // namespace
}  // namespace orrery::kernels
