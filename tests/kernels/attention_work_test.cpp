// FLOP and bytes of attention by hand arithmetic, and the sentences of the shape checks.
#include <gtest/gtest.h>

#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

AttentionPrefillShape small_prefill() {
  AttentionPrefillShape s;
  s.batch = 2, s.q_len = 4, s.kv_len = 4, s.q_heads = 6, s.kv_heads = 3, s.head_dim = 8;
  return s;
}

AttentionDecodeShape small_decode() {
  AttentionDecodeShape s;
  s.batch = 2, s.kv_tokens = 10, s.q_heads = 6, s.kv_heads = 3, s.head_dim = 8;
  return s;
}

TEST(AttentionPrefillWork, CountsTheCausalTriangleExactly) {
  const AttentionPrefillShape s = small_prefill();
  // 1 + 2 + 3 + 4 = 10 pairs; 2 sequences x 6 heads x 10 pairs x 2 GEMMs x 2 x 8 = 3840 FLOP.
  EXPECT_DOUBLE_EQ(attention_pairs(s), 10.0);
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 3840.0);
}

TEST(AttentionPrefillWork, CountsWholeRectanglesWithoutCausality) {
  AttentionPrefillShape s = small_prefill();
  s.causal = false;
  EXPECT_DOUBLE_EQ(attention_pairs(s), 16.0);
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.0 * 6 * 16 * 4 * 8);
}

TEST(AttentionPrefillWork, AddsTheCachedPrefixToEveryQuery) {
  AttentionPrefillShape s = small_prefill();
  s.kv_len = 104;  // 100 cached: 4 x 100 + 10 pairs
  EXPECT_DOUBLE_EQ(attention_pairs(s), 410.0);
}

TEST(AttentionPrefillWork, CapsEachQueryAtTheWindow) {
  AttentionPrefillShape s = small_prefill();
  s.q_len = s.kv_len = 10, s.window = 3;  // 1 + 2 + 3 x 8 = 27
  EXPECT_DOUBLE_EQ(attention_pairs(s), 27.0);
  s.q_len = 4;  // 6 cached tokens fill the window before the first query: 4 x 3
  EXPECT_DOUBLE_EQ(attention_pairs(s), 12.0);
  s.kv_len = 5, s.window = 3;  // queries at positions 1..4 see 2, 3, 3, 3
  EXPECT_DOUBLE_EQ(attention_pairs(s), 11.0);
  s.window = 100;  // wider than the sequence: as without a window, 4 x 1 + 10
  EXPECT_DOUBLE_EQ(attention_pairs(s), 14.0);
}

TEST(AttentionPrefillWork, ReadsSharedKeysOncePerKvHead) {
  const Work need = work(small_prefill());
  // Q: 2 x 4 x 6 x 8 x 2 B = 768; K and V: 2 x 4 x 3 x (8 + 8) x 2 B = 768; O = Q = 768.
  EXPECT_DOUBLE_EQ(need.read.value(), 1536.0);
  EXPECT_DOUBLE_EQ(need.written.value(), 768.0);
  AttentionPrefillShape s = small_prefill();
  s.kv_heads = 1;  // a third of the keys
  EXPECT_DOUBLE_EQ(work(s).read.value(), 768.0 + 256.0);
  s.kv_dtype = Dtype::fp8;  // of half the bytes
  EXPECT_DOUBLE_EQ(work(s).read.value(), 768.0 + 128.0);
}

TEST(AttentionPrefillWork, ReadsOnlyKeysThatSomeWindowReaches) {
  AttentionPrefillShape s = small_prefill();
  s.kv_len = 100, s.window = 10;  // 4 queries reach 4 + 10 - 1 = 13 keys
  EXPECT_DOUBLE_EQ(work(s).read.value(), 768.0 + 2.0 * 13 * 3 * 16 * 2);
}

TEST(AttentionPrefillWork, BackwardIsTwoAndAHalfForwards) {
  AttentionPrefillShape s = small_prefill();
  const double forward = work(s).flops.value();
  s.pass = Pass::backward;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.5 * forward);
  // Read Q, K, V (1536), O and dO (2 x 768), 4 B of statistics for 2 x 6 x 4 rows; written dQ, dK, dV.
  EXPECT_DOUBLE_EQ(work(s).read.value(), 1536.0 + 1536.0 + 192.0);
  EXPECT_DOUBLE_EQ(work(s).written.value(), 1536.0);
}

TEST(AttentionPrefillWork, MlaMultipliesWideKeysAndNarrowValues) {
  AttentionPrefillShape s;
  s.batch = 1, s.q_len = s.kv_len = 2, s.q_heads = s.kv_heads = 1, s.head_dim = 192, s.v_head_dim = 128;
  // 3 pairs x 2 x (192 + 128) = 1920 FLOP forward; backward 3 x 2 x (3 x 192 + 2 x 128) = 4992.
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 1920.0);
  s.pass = Pass::backward;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 4992.0);
}

TEST(AttentionPrefillWork, UnfusedComputesMaskedPairsAndMovesScores) {
  AttentionPrefillShape s = small_prefill();
  s.implementation = Implementation::unfused;
  // Two batched GEMMs over whole 4 x 4 rectangles: 12 heads x 16 x 2 x 16 = 6144 FLOP.
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 6144.0);
  // Scores: 12 x 16 x 2 B = 384, written by the first GEMM and read by the second.
  EXPECT_DOUBLE_EQ(work(s).read.value(), 1536.0 + 384.0);
  EXPECT_DOUBLE_EQ(work(s).written.value(), 768.0 + 384.0);
  s.pass = Pass::backward;  // four GEMMs, the probabilities are kept
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.0 * 6144.0);
  // Read: Q, K, V (1536), dO (768), P once and dS twice; written: dQ, dK, dV (1536) and dP.
  EXPECT_DOUBLE_EQ(work(s).read.value(), 1536.0 + 768.0 + 3.0 * 384.0);
  EXPECT_DOUBLE_EQ(work(s).written.value(), 1536.0 + 384.0);
}

TEST(AttentionPrefillCheck, NamesWhatIsWrong) {
  const auto complaint = [](auto change) {
    AttentionPrefillShape s = small_prefill();
    change(s);
    return check(s);
  };
  EXPECT_EQ(complaint([](auto&) {}), "");
  EXPECT_EQ(complaint([](auto& s) { s.batch = 0; }), "attention needs batch, q_len, kv_len > 0, has 0, 4, 4");
  EXPECT_EQ(complaint([](auto& s) { s.head_dim = 0; }), "attention needs q_heads, kv_heads, head_dim > 0, has 6, 3, 0");
  EXPECT_EQ(complaint([](auto& s) { s.kv_heads = 4; }), "attention's 6 query heads can't share 4 KV heads evenly");
  EXPECT_EQ(complaint([](auto& s) { s.q_len = 5; }), "causal attention has 5 queries but only 4 keys");
  EXPECT_EQ(complaint([](auto& s) { s.window = -1; }), "attention's v_head_dim and window can't be negative");
  EXPECT_EQ(complaint([](auto& s) { s.causal = false, s.window = 2; }), "an attention window needs causal attention");
}

TEST(AttentionPrefillDescribe, TellsShapesApart) {
  AttentionPrefillShape s = small_prefill();
  EXPECT_EQ(describe(s), "attention_prefill bf16 b2 q4 kv4 h6/3 d8");
  s.kv_dtype = Dtype::fp8, s.window = 2, s.pass = Pass::backward, s.implementation = Implementation::vllm;
  EXPECT_EQ(describe(s), "attention_prefill bf16/fp8 b2 q4 kv4 h6/3 d8 window 2 backward (vllm)");
}

TEST(AttentionDecodeWork, ReadsTheCacheOnce) {
  const Work need = work(small_decode());
  EXPECT_DOUBLE_EQ(need.flops.value(), 4.0 * 6 * 8 * 10);
  // Cache: 10 tokens x 3 heads x 2 x 8 x 2 B = 960; queries and outputs: 2 x 6 x 8 x 2 B = 192 each.
  EXPECT_DOUBLE_EQ(need.read.value(), 960.0 + 192.0);
  EXPECT_DOUBLE_EQ(need.written.value(), 192.0);
}

TEST(AttentionDecodeWork, CapsTheCacheAtTheWindow) {
  AttentionDecodeShape s = small_decode();
  s.window = 3;  // 2 sequences x 3 of 5 tokens
  EXPECT_DOUBLE_EQ(visible_tokens(s), 6.0);
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 4.0 * 6 * 8 * 6);
  s.window = 50;
  EXPECT_DOUBLE_EQ(visible_tokens(s), 10.0);
}

TEST(AttentionDecodeWork, AbsorbedMlaReadsOneLatentForAllHeads) {
  AttentionDecodeShape s;
  s.batch = 1, s.kv_tokens = 100, s.q_heads = 128, s.latent_dim = 576;
  // FLOP: 2 x 128 x (576 + 512) x 100; cache: 576 x 100 x 2 B; queries 128 x 576 x 2 B, outputs 128 x 512 x 2 B.
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.0 * 128 * 1088 * 100);
  EXPECT_DOUBLE_EQ(work(s).read.value(), 115200.0 + 147456.0);
  EXPECT_DOUBLE_EQ(work(s).written.value(), 131072.0);
}

TEST(AttentionDecodeCheck, NamesWhatIsWrong) {
  const auto complaint = [](auto change) {
    AttentionDecodeShape s = small_decode();
    change(s);
    return check(s);
  };
  EXPECT_EQ(complaint([](auto&) {}), "");
  EXPECT_EQ(complaint([](auto& s) { s.batch = 0; }), "decode attention needs batch > 0, has 0");
  EXPECT_EQ(complaint([](auto& s) { s.kv_tokens = 1; }),
            "decode attention holds 1 cached tokens for 2 sequences: at least one each");
  EXPECT_EQ(complaint([](auto& s) { s.kv_heads = 5; }),
            "decode attention's 6 query heads can't share 5 KV heads evenly");
  EXPECT_EQ(complaint([](auto& s) { s.latent_dim = 64; }),
            "an MLA latent of 64 leaves no values beside its 64 rotary elements");
  EXPECT_EQ(complaint([](auto& s) { s.latent_dim = 576, s.kv_heads = 0; }), "");
}

}  // namespace
}  // namespace orrery::kernels
