// What a layer keeps of a sequence: tokens, windows, chunks, latents in fp8, states, and their sums.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "models/layer/cache.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

std::vector<LayerElement> with(const CoreAttention& core) {
  LayerElement element;
  element.block = core;
  element.part = Part::attention;
  return {element};
}

/// Eight heads of keys and of values, 128 each.
CoreAttention grouped() {
  CoreAttention core;
  core.queries = shared_width(32, 128);
  core.keys = shared_width(8, 128);
  core.value_dim = 128;
  core.cached = {shared_width(8, 128), shared_width(8, 128)};
  return core;
}

TEST(LayerCache, OfFullAttentionKeepsEveryToken) {
  const LayerCache cache = layer_cache(with(grouped()), 1);
  EXPECT_EQ(cache.values, 2 * 8 * 128);
  EXPECT_EQ(cache.recent_values, 0);
  EXPECT_EQ(cache.per_token(Dtype::bf16).value(), 4096.0);
  EXPECT_EQ(cache.per_token(Dtype::fp8).value(), 2048.0) << "no scale beside";
  EXPECT_EQ(layer_cache(with(grouped()), 4).values, 2 * 2 * 128);
  EXPECT_EQ(layer_cache(with(grouped()), 32).values, 2 * 128) << "one head at least";
}

TEST(LayerCache, OfAWindowOrAChunkKeepsNoMoreThanThat) {
  CoreAttention sliding = grouped(), chunked = grouped();
  sliding.window = 100;
  chunked.chunk = 100;
  for (const CoreAttention& core : {sliding, chunked}) {
    const LayerCache cache = layer_cache(with(core), 1);
    EXPECT_EQ(cache.values, 0);
    EXPECT_EQ(cache.recent_values, 2048);
    EXPECT_EQ(cache.window, 100);
    EXPECT_EQ(cache.per_token(Dtype::bf16).value(), 0.0);
    EXPECT_EQ(cache.per_recent_token(Dtype::bf16).value(), 4096.0);
    EXPECT_EQ(sequence_bytes(cache, 60, 0, Dtype::bf16).value(), 60 * 4096.0);
    EXPECT_EQ(sequence_bytes(cache, 100, 0, Dtype::bf16).value(), 100 * 4096.0);
    EXPECT_EQ(sequence_bytes(cache, 5000, 0, Dtype::bf16).value(), 100 * 4096.0);
    EXPECT_EQ(sequence_bytes(cache, 5000, 16, Dtype::bf16).value(), 116 * 4096.0) << "a step's tokens stand beside";
    EXPECT_EQ(sequence_bytes(cache, 104, 16, Dtype::bf16).value(), 104 * 4096.0);
  }
}

TEST(LayerCache, OfALatentInFp8HasScalesAndAWideRotaryKey) {
  // FlashMLA's README: 512 bytes of values, 16 of scales, 128 of the rotary key: 656.
  const auto elements = layer_elements(load_model("deepseek-v3"), 5);
  const LayerCache cache = layer_cache(elements, 1);
  EXPECT_EQ(cache.per_token(Dtype::bf16).value(), 2.0 * (512 + 64));
  EXPECT_EQ(cache.per_token(Dtype::fp8).value(), 656.0);
  EXPECT_EQ(cache.beside_values(Dtype::bf16).value(), 0.0);
  EXPECT_EQ(cache.beside_values(Dtype::fp8).value(), 656.0 - 576.0);
  EXPECT_EQ(layer_cache(elements, 8).per_token(Dtype::fp8).value(), 656.0) << "whole on each rank";
}

TEST(LayerCache, OfAnIndexHasAKeyInFp8WhateverTheCacheIsIn) {
  CoreAttention core = grouped();
  core.topk = 16;
  std::vector<LayerElement> elements = with(core);
  LayerElement index;
  index.block = SparseIndex{4, 128, 1};
  elements.push_back(index);
  EXPECT_EQ(layer_cache(elements, 1).per_token(Dtype::bf16).value(), 4096.0 + 132.0);
  EXPECT_EQ(layer_cache(elements, 1).per_token(Dtype::fp8).value(), 2048.0 + 132.0);
  std::get<SparseIndex>(elements.back().block).compress = 4;
  EXPECT_EQ(layer_cache(elements, 1).index.value(), 33.0) << "a key for four tokens";
}

TEST(LayerCache, OfNothingIsNothing) {
  const LayerCache cache = layer_cache({}, 1);
  EXPECT_EQ(sequence_bytes(cache, 1000, 64, Dtype::bf16).value(), 0.0);
}

TEST(KvBytesPerToken, OfAModelAreThoseOfItsLayers) {
  // Three layers of full attention and one that slides: only what is kept for ever grows with the sequence.
  Llm llm = read_hf_config(R"({"model_type": "gpt_oss", "hidden_size": 256, "num_hidden_layers": 4,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64, "vocab_size": 100, "intermediate_size": 64,
      "num_local_experts": 4, "layer_types": ["full_attention", "full_attention", "sliding_attention",
      "full_attention"]})",
                           "m.json");
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 3.0 * 2 * 2 * 64 * 2);
  llm.layers = 8;  // a pattern that is shorter starts again
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 6.0 * 2 * 2 * 64 * 2);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(LayerCacheProperties, OneMoreTokenAddsItsBytesOrNoneBeyondTheWindow) {
  EXPECT_TRUE(rc::check([] {
    LayerCache cache;
    cache.values = *rc::gen::inRange<std::int64_t>(0, 5000);
    cache.recent_values = *rc::gen::inRange<std::int64_t>(0, 5000);
    cache.window = *rc::gen::inRange<std::int64_t>(0, 200);
    cache.state = Bytes{static_cast<double>(*rc::gen::inRange(0, 5000))};
    const auto tokens = *rc::gen::inRange<std::int64_t>(1, 400), ahead = *rc::gen::inRange<std::int64_t>(0, 64);
    const double step =
        (sequence_bytes(cache, tokens + 1, ahead, Dtype::bf16) - sequence_bytes(cache, tokens, ahead, Dtype::bf16))
            .value();
    const double recent = tokens < cache.window + ahead ? cache.per_recent_token(Dtype::bf16).value() : 0.0;
    RC_ASSERT(step == cache.per_token(Dtype::bf16).value() + recent);
    RC_ASSERT(sequence_bytes(cache, 0, ahead, Dtype::bf16).value() == 0.0);
  }));
}

TEST(LayerCacheProperties, RanksHoldAllHeadsTogether) {
  EXPECT_TRUE(rc::check([] {
    const auto heads = *rc::gen::inRange<std::int64_t>(1, 17), ranks = std::int64_t{1} << *rc::gen::inRange(0, 5);
    CoreAttention core;
    core.cached = {shared_width(heads, 64), shared_width(heads, 32)};
    const std::int64_t all = layer_cache(with(core), 1).values, each = layer_cache(with(core), ranks).values;
    RC_ASSERT(all == heads * 96);
    if (heads % ranks == 0) RC_ASSERT(each * ranks == all);
    if (heads < ranks) RC_ASSERT(each == 96);
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
