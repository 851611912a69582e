// Work of whole layers and models out of their kernels, against the figures that papers print.
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {
namespace {

GemmShape gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype = Dtype::bf16) {
  GemmShape shape;
  shape.dtype = dtype, shape.m = m, shape.n = n, shape.k = k;
  return shape;
}

AttentionPrefillShape attention(std::int64_t batch, std::int64_t length, std::int64_t heads, std::int64_t width) {
  AttentionPrefillShape s;
  s.batch = batch, s.q_len = s.kv_len = length, s.q_heads = s.kv_heads = heads, s.head_dim = width;
  return s;
}

double flops(const std::vector<Kernel>& kernels) {
  double sum = 0.0;
  for (const Kernel& kernel : kernels) sum += work(kernel).flops.value();
  return sum;
}

/// The forward pass of one GPT layer of width h, whole rectangles of attention as the papers count.
std::vector<Kernel> gpt_layer(std::int64_t b, std::int64_t s, std::int64_t h, std::int64_t heads) {
  AttentionPrefillShape scores = attention(b, s, heads, h / heads);
  scores.causal = false;
  return {gemm(b * s, 3 * h, h), scores, gemm(b * s, h, h), gemm(b * s, 4 * h, h), gemm(b * s, h, 4 * h)};
}

TEST(PublishedFlops, OfAGptLayerAreMegatrons) {
  // Narayanan et al., SC 2021 (arXiv:2104.04473), appendix: 24·B·s·h² + 4·B·s²·h for the forward pass of one layer.
  for (const auto& [b, s, h, heads] : std::vector<std::array<std::int64_t, 4>>{
           {1, 2048, 12288, 96}, {4, 2048, 6144, 48}, {8, 1024, 1024, 16}, {1, 1, 64, 1}}) {
    const double B = static_cast<double>(b), S = static_cast<double>(s), H = static_cast<double>(h);
    EXPECT_DOUBLE_EQ(flops(gpt_layer(b, s, h, heads)), 24 * B * S * H * H + 4 * B * S * S * H) << h;
  }
}

TEST(PublishedFlops, OfAGpt3IterationAreMegatrons) {
  // The same appendix: 96·B·s·l·h²·(1 + s/6h + V/16lh) with recomputed activations (four forwards; the logits,
  // 2·B·s·h·V, are computed once and their backward is twice that). GPT-3 175B: l = 96, h = 12,288, V = 51,200, s =
  // 2,048.
  const std::int64_t b = 64, s = 2048, h = 12288, l = 96, vocabulary = 51200;
  const double layers = static_cast<double>(l) * flops(gpt_layer(b, s, h, 96));
  const double logits = flops({gemm(b * s, vocabulary, h)});
  const double B = 64, S = 2048, H = 12288, L = 96, V = 51200;
  EXPECT_NEAR(4.0 * layers + 3.0 * logits, 96 * B * S * L * H * H * (1 + S / (6 * H) + V / (16 * L * H)),
              1e-9 * layers);
}

TEST(PublishedFlops, OfAttentionAreFlashAttentions) {
  // FlashAttention-2 (arXiv:2307.08691 §4.1): 4·seqlen²·head dimension·heads, halved where causal, 2.5 times backward.
  const double formula = 4.0 * 16384.0 * 16384.0 * 128.0 * 16.0;
  AttentionPrefillShape s = attention(1, 16384, 16, 128);
  EXPECT_NEAR(work(s).flops.value(), formula / 2.0, 1e-4 * formula) << "and half of the diagonal";
  s.causal = false;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), formula);
  s.pass = Pass::backward;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.5 * formula);
}

TEST(PublishedFlops, OfTrainingATokenArePalms) {
  // PaLM (arXiv:2204.02311, appendix B): 6·N + 12·L·H·Q·T a token; attention's 12 are three forwards of 4, unfused.
  const std::int64_t heads = 48, width = 256, length = 2048;
  AttentionPrefillShape s = attention(1, length, heads, width);
  s.implementation = Implementation::unfused;
  double layer = work(s).flops.value();
  s.pass = Pass::backward;
  layer += work(s).flops.value();
  EXPECT_DOUBLE_EQ(layer / static_cast<double>(length), 12.0 * 48 * 256 * 2048);
}

TEST(PublishedFlops, OfAWeightAreTwoAToken) {
  // Llama 3 8B's linear layers (arXiv:2407.21783, table 3): 32 layers of 4,096 and 14,336, 8 of 32 KV heads.
  const std::vector<Kernel> layer = {gemm(1, 4096 + 2 * 1024, 4096), gemm(1, 4096, 4096), gemm(1, 2 * 14336, 4096),
                                     gemm(1, 4096, 14336)};
  // 8,030,261,248 parameters less the input embedding (128,256 x 4,096) and 65 norms.
  const double matrices = 8030261248.0 - 128256.0 * 4096.0 - 65.0 * 4096.0;
  EXPECT_DOUBLE_EQ(32.0 * flops(layer) + flops({gemm(1, 128256, 4096)}), 2.0 * matrices);
}

TEST(PublishedFlops, OfDeepSeekExpertsAreThoseOfNineMlps) {
  // DeepSeek-V3 (arXiv:2412.19437 §4.2): 8 routed of 256 and one shared expert, 7,168 by 2,048, three matrices.
  MoeShape routed;
  routed.tokens = 4096, routed.hidden = 7168, routed.inter = 2048, routed.topk = 8, routed.experts = 256;
  const double shared = flops({gemm(4096, 2 * 2048, 7168), gemm(4096, 7168, 2048)});
  EXPECT_DOUBLE_EQ(work(routed).flops.value(), 8.0 * shared);
  EXPECT_DOUBLE_EQ(shared, 4096.0 * 6.0 * 7168.0 * 2048.0);
}

/// Bytes of cache that one more token of one sequence adds to what a step reads.
double cache_bytes(AttentionDecodeShape s, double layers) {
  s.batch = 1, s.kv_tokens = 1000;
  const double before = work(s).read.value();
  s.kv_tokens = 1001;
  return layers * (work(s).read.value() - before);
}

TEST(PublishedBytes, OfATokensCacheAreThoseOfTable1) {
  // "Insights into DeepSeek-V3" (arXiv:2505.09343, table 1), KV cache per token in bf16: DeepSeek-V3 70.272 KB,
  // Qwen-2.5 72B 327.680 KB, LLaMA-3.1 405B 516.096 KB.
  AttentionDecodeShape latent;
  latent.q_heads = 128, latent.latent_dim = 512 + 64;
  EXPECT_DOUBLE_EQ(cache_bytes(latent, 61), 70272.0);
  AttentionDecodeShape grouped;
  grouped.q_heads = 64, grouped.kv_heads = 8, grouped.head_dim = 128;
  EXPECT_DOUBLE_EQ(cache_bytes(grouped, 80), 327680.0);
  grouped.q_heads = 128;
  EXPECT_DOUBLE_EQ(cache_bytes(grouped, 126), 516096.0);
  grouped.kv_dtype = Dtype::fp8;
  EXPECT_DOUBLE_EQ(cache_bytes(grouped, 126), 258048.0) << "half in fp8";
}

TEST(PublishedBytes, OfPagedAttentionsExample) {
  // vLLM (arXiv:2309.06180 §3): a token of OPT 13B needs 800 KB: 2 · 5,120 · 40 layers · 2 B.
  AttentionDecodeShape s;
  s.q_heads = s.kv_heads = 40, s.head_dim = 128;
  EXPECT_DOUBLE_EQ(cache_bytes(s, 40), 800.0 * 1024.0);
}

TEST(PublishedIntensity, ASquareOf8192IsBoundByComputeAndARowByMemory) {
  // NVIDIA, Matrix Multiplication Background, §2.1: 8192 x 128 x 8192 has 124.1 FLOP a byte, 8192² x 8192 2730;
  // 8192 x 1 x 8192 is 1.0 (V100: 138.9 FLOP a byte).
  const auto intensity = [](const GemmShape& shape) { return work(shape).flops.value() / work(shape).bytes().value(); };
  EXPECT_NEAR(intensity(gemm(8192, 128, 8192, Dtype::fp16)), 124.1, 0.05);
  EXPECT_NEAR(intensity(gemm(8192, 8192, 8192, Dtype::fp16)), 2730.0, 1.0);
  EXPECT_NEAR(intensity(gemm(8192, 1, 8192, Dtype::fp16)), 1.0, 0.001);
  const hardware::Gpu v100 = hardware::load_gpu("v100_sxm_16gb");
  EXPECT_NEAR(v100.matrix_peak(Dtype::fp16)->value() / v100.memory_bandwidth.value(), 138.9, 0.1);
}

TEST(PublishedIntensity, GroupedQueriesReadTheCacheOnceForTheirGroup) {
  // GQA (arXiv:2305.13245 §2.2): 64 query heads on 8 KV heads read an eighth of the cache for the same FLOP.
  AttentionDecodeShape s;
  s.batch = 16, s.kv_tokens = 16 * 8192, s.q_heads = 64, s.kv_heads = 64, s.head_dim = 128;
  const Work all = work(s);
  s.kv_heads = 8;
  const Work grouped = work(s);
  EXPECT_EQ(all.flops, grouped.flops);
  const double queries = 16.0 * 64 * 128 * 2;
  EXPECT_DOUBLE_EQ(all.read.value() - queries, 8.0 * (grouped.read.value() - queries));
}

TEST(PublishedIntensity, AbsorbedLatentAttentionComputesOnEveryByteForAllHeads) {
  // "Insights into DeepSeek-V3" §2.1.2 and FlashMLA's notes: 128 heads x 2 x (576 + 512) FLOP for 576 x 2 B of a token,
  // about 241.8 FLOP a byte: near the ridge of an H800 (989 TFLOP/s over 3.35 TB/s = 295).
  AttentionDecodeShape s;
  s.batch = 1, s.kv_tokens = 1 << 20, s.q_heads = 128, s.latent_dim = 576;
  EXPECT_NEAR(work(s).flops.value() / work(s).bytes().value(), 241.8, 0.1);
}

TEST(PublishedTimes, TheRoofOfAStepOfLlama70BIsItsWeights) {
  // Llama 3 70B's linear layers are 136.9 GB in bf16. At batch 1 the roofs of its GEMMs are their bytes over HBM.
  const hardware::Gpu h100 = hardware::load_gpu("h100_sxm");
  const std::vector<Kernel> layer = {gemm(1, 8192 + 2 * 1024, 8192), gemm(1, 8192, 8192), gemm(1, 2 * 28672, 8192),
                                     gemm(1, 8192, 28672)};
  double roof = 0.0, weights = 0.0;
  for (const Kernel& kernel : layer) {
    const auto& shape = std::get<GemmShape>(kernel);
    roof += roofline(kernel, h100).value();
    weights += 2.0 * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  }
  EXPECT_NEAR(80.0 * weights, 136.9e9, 0.1e9);
  EXPECT_DOUBLE_EQ(roof, weights / h100.memory_bandwidth.value());
}

}  // namespace
}  // namespace orrery::kernels
