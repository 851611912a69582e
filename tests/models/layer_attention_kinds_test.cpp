// Attention of every kind: gates, sinks, norms, borrowed and shared keys, indexes, compressed keys — tensors counted by
// hand, what is cached, and the kernels that prompts and decodes become.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "models/layer/cache.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "models/layer/serving.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using testing::find;
using testing::labels;
using testing::serving_reading;
using testing::training_reading;

/// Hidden 64; four heads of 16 over two of keys: q and o 64·64, k and v 64·32.
Llm model() {
  Llm llm;
  llm.hidden = 64;
  llm.layers = 1;
  llm.vocab = 10;
  llm.attention.heads = 4;
  llm.attention.kv_heads = 2;
  llm.attention.head_dim = 16;
  llm.mlp = {.inter = 128, .gated = true, .bias = false};
  return llm;
}
constexpr std::int64_t kPlain = 2 * 64 * 64 + 2 * 64 * 32;

std::int64_t attention_of(const Llm& llm) { return layer_parameters(llm, 0).attention; }
LayerCache cache_of(const Llm& llm, std::int64_t tensor = 1) { return layer_cache(layer_elements(llm, 0), tensor); }

TEST(AttentionParameters, GrowByWhatEachKindAdds) {
  EXPECT_EQ(attention_of(model()), kPlain);
  Llm llm = model();
  llm.attention.gate = OutputGate::per_value;
  EXPECT_EQ(attention_of(llm), kPlain + 64 * 64) << "as wide as the output";
  llm.attention.qkv_bias = true;
  EXPECT_EQ(attention_of(llm), kPlain + 64 * 64 + 64 + 32 + 32 + 64);
  llm = model();
  llm.attention.gate = OutputGate::per_head;
  EXPECT_EQ(attention_of(llm), kPlain + 64 * 4);
  llm = model();
  llm.attention.sinks = true;
  EXPECT_EQ(attention_of(llm), kPlain + 4);
  llm = model();
  llm.attention.out_bias = true;
  EXPECT_EQ(attention_of(llm), kPlain + 64);
}

TEST(AttentionParameters, OfNormsAreOfAHeadOrOfAllHeads) {
  Llm llm = model();
  llm.attention.qk_norm = true;
  EXPECT_EQ(attention_of(llm), kPlain + 2 * 16);
  llm.attention.wide_norm = true;
  EXPECT_EQ(attention_of(llm), kPlain + 16 * (4 + 2));
  llm.attention.borrows_keys = true;
  EXPECT_EQ(attention_of(llm), 2 * 64 * 64 + 16 * 4) << "queries alone";
}

TEST(AttentionParameters, OfSharedAndBorrowedKeys) {
  Llm llm = model();
  llm.attention.keys_are_values = true;
  EXPECT_EQ(attention_of(llm), kPlain - 64 * 32) << "no projection of values";
  EXPECT_EQ(cache_of(llm).values, 2 * 32) << "cached all the same";
  llm = model();
  llm.attention.borrows_keys = true;
  EXPECT_EQ(attention_of(llm), 2 * 64 * 64);
  EXPECT_EQ(cache_of(llm).values, 0);
  llm.attention.spare_keys = true;
  EXPECT_EQ(attention_of(llm), kPlain) << "made in vain";
  EXPECT_EQ(cache_of(llm).values, 0);
}

TEST(AttentionParameters, OfNarrowValuesAndQueriesOfALatent) {
  Llm llm = model();
  llm.attention.v_head_dim = 8;
  // q 64·64, k 64·32, v 64·16, o 32·64.
  EXPECT_EQ(attention_of(llm), 64 * (64 + 32 + 16) + 32 * 64);
  EXPECT_EQ(cache_of(llm).values, 2 * 16 + 2 * 8);
  llm = model();
  llm.attention.q_lora_rank = 24;
  // 64·(24 + 32 + 32), norm 24, 24·64, o 64·64.
  EXPECT_EQ(attention_of(llm), 64 * 88 + 24 + 24 * 64 + 64 * 64);
}

TEST(AttentionParameters, OfAnIndexAndNoneOfASharedOne) {
  Llm llm = model();
  llm.attention.index = {.heads = 2, .dim = 8, .topk = 16};
  // Queries and one key from the input, a weight a head, LayerNorm of the key.
  const std::int64_t own = 64 * 16 + 64 * 8 + 64 * 2 + 2 * 8;
  EXPECT_EQ(attention_of(llm), kPlain + own);
  EXPECT_EQ(cache_of(llm).index.value(), 8.0 + 4.0);
  EXPECT_EQ(cache_of(llm, 2).index.value(), 8.0 + 4.0) << "whole on each rank";
  llm.attention.index.normed_queries = true;
  EXPECT_EQ(attention_of(llm), kPlain + own - 64 * 2) << "RMSNorm of both in place of weights";
  llm.attention.index.shared = true;
  EXPECT_EQ(attention_of(llm), kPlain);
  EXPECT_EQ(cache_of(llm).index.value(), 0.0);
  EXPECT_EQ(core_attention(layer_elements(llm, 0))->topk, 16) << "it attends to the same keys";
}

Llm compressed(std::int64_t ratio, bool index) {
  Llm llm = model();
  AttentionConfig& a = llm.attention;
  a.kind = AttentionKind::compressed;
  a.kv_heads = 1;
  a.rope_head_dim = 8;
  a.q_lora_rank = 24;
  a.out_rank = 8;
  a.out_groups = 2;
  a.window = 8;
  a.compress = ratio;
  if (index) a.index = {.heads = 2, .dim = 8, .topk = 16};
  return llm;
}

TEST(CompressedAttention, HasACompressorForKeysAndOneForItsIndex) {
  // q 64·24 + 24 + 24·64, the key 64·16 + 16, four sinks, out 32·(2·8) by groups and 16·64.
  const std::int64_t base = 64 * 24 + 24 + 24 * 64 + 64 * 16 + 16 + 4 + 32 * 16 + 16 * 64;
  EXPECT_EQ(attention_of(compressed(0, false)), base);
  // Two projections to 16, a bias for each of 128 places, a norm.
  EXPECT_EQ(attention_of(compressed(128, false)), base + 2 * 64 * 16 + 128 * 16 + 16);
  // Overlapping blocks: twice as wide; the index compresses a key of 8 likewise, has queries and weights.
  const std::int64_t keys = 2 * 64 * 32 + 4 * 32 + 16, index = 2 * 64 * 16 + 4 * 16 + 8 + 24 * 16 + 64 * 2;
  EXPECT_EQ(attention_of(compressed(4, true)), base + keys + index);
}

TEST(CompressedAttention, KeepsAKeyOfTheWindowAndOneForEveryBlock) {
  const LayerCache none = cache_of(compressed(0, false)), heavy = cache_of(compressed(128, false));
  EXPECT_EQ(none.values, 0);
  EXPECT_EQ(none.recent_values, 16);
  EXPECT_EQ(none.window, 8);
  EXPECT_EQ(heavy.values, 1) << "16 values over 128 tokens, rounded up";
  EXPECT_EQ(cache_of(compressed(4, true)).values, 4);
  EXPECT_EQ(cache_of(compressed(4, true)).index.value(), (8.0 + 4.0) / 4) << "a key for four tokens";
}

TEST(CompressedAttention, SeesTheWindowAndTheChosenBlocks) {
  const auto keys = [](const Llm& llm, double tokens) {
    return attended_keys(*core_attention(layer_elements(llm, 0)), tokens);
  };
  EXPECT_EQ(keys(compressed(0, false), 1000.0), 8.0);
  EXPECT_EQ(keys(compressed(128, false), 1280.0), 8.0 + 10.0);
  EXPECT_EQ(keys(compressed(4, true), 40.0), 8.0 + 10.0);
  EXPECT_EQ(keys(compressed(4, true), 4000.0), 8.0 + 16.0) << "no more than the index chooses";
}

TEST(AttendedKeys, AreBoundByTheSmallestLimit) {
  CoreAttention a;
  EXPECT_EQ(attended_keys(a, 500.0), 500.0);
  a.window = 100;
  EXPECT_EQ(attended_keys(a, 500.0), 100.0);
  EXPECT_EQ(attended_keys(a, 50.0), 50.0);
  a.topk = 64;
  EXPECT_EQ(attended_keys(a, 500.0), 64.0);
  a = {};
  a.chunk = 100;
  EXPECT_EQ(attended_keys(a, 100.0), 100.0);
  EXPECT_EQ(attended_keys(a, 101.0), 50.0) << "half a chunk on average";
}

TEST(ServedAttention, BoundsAPromptsKeysByAWindow) {
  const auto window = [](const Llm& llm, std::int64_t q_len, std::int64_t kv_len) {
    const auto ops = prefill_ops(serving_reading(), served(layer_elements(llm, 0)).attention, 1, q_len, kv_len);
    return std::get<kernels::AttentionPrefillShape>(ops.back().kernel).window;
  };
  Llm llm = model();
  EXPECT_EQ(window(llm, 64, 64), 0);
  llm.attention.window = 32;
  EXPECT_EQ(window(llm, 64, 64), 32);
  llm.attention.index = {.heads = 2, .dim = 8, .topk = 16};
  EXPECT_EQ(window(llm, 64, 64), 16) << "the smaller of both";
  llm = model();
  llm.attention.chunk = 100;
  EXPECT_EQ(window(llm, 100, 100), 0);
  EXPECT_EQ(window(llm, 100, 200), 50);
  // The middle query of the last 100 of 356 tokens sees 8 and 306/128 ≈ 2 keys.
  EXPECT_EQ(window(compressed(128, false), 100, 356), 10);
}

TEST(ServedAttention, DecodesReadTheKeysThatAreSeen) {
  const auto tokens = [](const Llm& llm, std::int64_t sequences, std::int64_t kv) {
    const auto ops = decode_ops(serving_reading(), served(layer_elements(llm, 0)).attention, sequences, kv);
    return std::get<kernels::AttentionDecodeShape>(ops.back().kernel).kv_tokens;
  };
  Llm llm = model();
  EXPECT_EQ(tokens(llm, 4, 4000), 4000);
  EXPECT_EQ(tokens(llm, 4, 1), 4) << "a token each at least";
  llm.attention.index = {.heads = 2, .dim = 8, .topk = 16};
  EXPECT_EQ(tokens(llm, 4, 4000), 4 * 16);
  EXPECT_EQ(tokens(llm, 4, 40), 40);
  llm = model();
  llm.attention.chunk = 100;
  EXPECT_EQ(tokens(llm, 4, 4000), 4 * 50);
  EXPECT_EQ(tokens(compressed(128, false), 2, 2560), 2 * (8 + 10));
}

TEST(ServedAttention, OfAnIndexScoresAllKeysFirst) {
  Llm llm = model();
  llm.attention.index = {.heads = 2, .dim = 8, .topk = 16};
  const auto layer = served(layer_elements(llm, 0));
  const auto prompts = prefill_ops(serving_reading(), layer.attention, 3, 100, 300);
  EXPECT_EQ(labels(prompts), (std::vector<std::string_view>{"index scores", "index top-k", "attention prefill"}));
  const auto& scores = std::get<kernels::GemmShape>(prompts[0].kernel);
  EXPECT_EQ(scores.m, 100);
  EXPECT_EQ(scores.n, 250) << "what the middle query sees";
  EXPECT_EQ(scores.k, 2 * 8);
  EXPECT_EQ(scores.batch, 3);
  EXPECT_EQ(std::get<kernels::MemoryShape>(prompts[1].kernel).read.value(), 4.0 * 3 * 100 * 250);
  const auto decodes = decode_ops(serving_reading(), layer.attention, 4, 4000);
  // A key of 8 bytes with a scale of 4 is read, a score of 4 written and read again.
  EXPECT_EQ(std::get<kernels::MemoryShape>(decodes[0].kernel).read.value(), 12.0 * 4000);
  EXPECT_EQ(std::get<kernels::MemoryShape>(decodes[0].kernel).written.value(), 4.0 * 4000);
  EXPECT_EQ(std::get<kernels::MemoryShape>(decodes[1].kernel).read.value(), 4.0 * 4000);
}

TEST(TrainedAttention, OfAnIndexHasItsScoresForwardAndTwiceBackward) {
  Llm llm = model();
  llm.attention.index = {.heads = 2, .dim = 8, .topk = 16};
  const auto elements = layer_elements(llm, 0);
  const auto forward = forward_ops(training_reading(200), elements),
             backward = backward_ops(training_reading(200), elements);
  const auto& scores = std::get<kernels::GemmShape>(find(forward, "index scores")->kernel);
  EXPECT_EQ(scores.m, 200);
  EXPECT_EQ(scores.n, 100) << "half the sequence on average";
  EXPECT_EQ(scores.k, 16);
  const auto all = labels(backward);
  EXPECT_EQ(std::count(all.begin(), all.end(), "index scores"), 2);
  EXPECT_EQ(std::get<kernels::AttentionPrefillShape>(find(forward, "attention")->kernel).window, 16);
}

}  // namespace
}  // namespace orrery::models
