// Timing models of attention: hand-computed cases, floors, waves, monotonicity and the roofline bound.
#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/attention/attention.hpp"
#include "kernels/attention/kernel_class.hpp"
#include "kernels/attention/power_sum.hpp"

namespace orrery::kernels {
namespace {

const KernelTimer& fitted() {
  static const std::unique_ptr<KernelTimer> timer = [] {
    for (const TimerRow& row : timers()) {
      if (row.name == "fitted") return row.make();
    }
    return std::unique_ptr<KernelTimer>();
  }();
  return *timer;
}

// 100 SMs, 100 TFLOP/s, 1 TB/s: round numbers for arithmetic by hand.
hardware::Gpu round_gpu() {
  hardware::Gpu gpu;
  gpu.name = "round", gpu.generation = hardware::load_generation("ampere"), gpu.sm_count = 100;
  gpu.peak[Dtype::bf16] = FlopsPerSecond{100e12};
  gpu.memory_bandwidth = BytesPerSecond{1e12};
  gpu.l2_size = Bytes{50e6};
  gpu.l2_bandwidth = BytesPerSecond{4e12};
  return gpu;
}

AttentionPrefillShape prompt(std::int64_t batch, std::int64_t length) {
  AttentionPrefillShape s;
  s.batch = batch, s.q_len = s.kv_len = length, s.q_heads = 32, s.kv_heads = 8, s.head_dim = 128;
  return s;
}

AttentionDecodeShape step(std::int64_t batch, std::int64_t length) {
  AttentionDecodeShape s;
  s.batch = batch, s.kv_tokens = batch * length, s.q_heads = 32, s.kv_heads = 8, s.head_dim = 128;
  return s;
}

TEST(PowerSum, LiesBetweenTheLargerAndTheSum) {
  EXPECT_DOUBLE_EQ(power_sum(3.0, 4.0, 1.0), 7.0);
  EXPECT_DOUBLE_EQ(power_sum(3.0, 4.0, 2.0), 5.0);
  EXPECT_NEAR(power_sum(3.0, 4.0, 50.0), 4.0, 1e-6);
  EXPECT_DOUBLE_EQ(power_sum(0.0, 0.0, 2.0), 0.0);
  EXPECT_DOUBLE_EQ(power_sum(0.0, 4.0, 2.0), 4.0);
}

// What is not computed is known: the bits are those of the formula, with its powers of 1 and its sums that stay 1.
TEST(PowerSum, IsTheFormulaToTheLastBit) {
  std::mt19937_64 random(5);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  int sums_of_one = 0;
  for (int i = 0; i < 20000; ++i) {
    const double a = std::exp2(-40.0 * uniform()), b = std::exp2(-40.0 * uniform());
    const double p = i % 3 == 0 ? 1.0 : 1.0 + 9.0 * uniform();
    const double large = std::max(a, b), power = std::pow(std::min(a, b) / large, p);
    ASSERT_EQ(power_sum(a, b, p), large * std::pow(1.0 + power, 1.0 / p)) << a << ' ' << b << ' ' << p;
    if (1.0 + power == 1.0) ++sums_of_one;
  }
  EXPECT_GT(sums_of_one, 1000);
}

TEST(PowerSum, OfFourIsTheGeneralOneWithoutPow) {
  EXPECT_EQ(power_sum_of_4(0.0, 0.0), 0.0);
  EXPECT_EQ(power_sum_of_4(3.0, 0.0), 3.0);
  for (double a = 1e-9; a < 1e9; a *= 1.37) {
    for (double b = 1e-9; b < 1e9; b *= 3.1) {
      EXPECT_NEAR(power_sum_of_4(a, b), power_sum(a, b, 4.0), 1e-15 * power_sum(a, b, 4.0)) << a << ' ' << b;
    }
  }
}

TEST(AttentionPrefillModel, MatchesAHandComputedCase) {
  // FlashAttention-2 class: tiles of 64 queries and 128 keys. One sequence of 128 tokens, one head of 128:
  // 2 CTAs; ends at 64 and 128 touch 1 block each: 2 blocks, the longest CTA has 1.
  // Block: 2 x 64 x 128 x 256 = 4.194304 MFLOP at 0.5 x 1 TFLOP/s per SM = 8.388608 us + softmax 0.4 x 0.5 us.
  // Total (2 x 1 + 2 x 8.588608)/100 = 0.19177216 us; longest 1 + 8.588608 = 9.588608 us, balance 1: their sum.
  // Bytes: 4 x 128 x 128 x 2 B = 131,072 at 0.5 TB/s = 0.262144 us; overlap 1: added. Floor 10 us.
  AttentionPrefillShape s = prompt(1, 128);
  s.q_heads = s.kv_heads = 1;
  const std::vector<double> c = {10.0, 0.5, 0.4, 1.0, 0.5, 1.0, 1.0, 0.5, 3.0, 1.0, 5.0};
  const Seconds time = attention_prefill_model().time(s, round_gpu(), c);
  EXPECT_NEAR(time.value() * 1e6, 10.0 + 0.19177216 + 9.588608 + 0.262144, 1e-9);
}

TEST(AttentionPrefillModel, ChargesTheCacheAppendToServingEnginesOnly) {
  AttentionPrefillShape s = prompt(1, 128);
  s.q_heads = s.kv_heads = 1;
  const std::vector<double> c = {10.0, 0.5, 0.4, 1.0, 0.5, 1.0, 1.0, 0.5, 3.0, 1.0, 5.0};
  const double training = attention_prefill_model().time(s, round_gpu(), c).value();
  s.implementation = Implementation::vllm;
  // 128 tokens x 256 elements x (2 + 2) B = 131,072 B at 0.5 TB/s = 0.262144 us;
  // 128 tokens x 3 ns x (128 of 512 threads) = 0.096 us.
  const double serving = attention_prefill_model().time(s, round_gpu(), c).value();
  EXPECT_NEAR((serving - training) * 1e6, 0.262144 + 0.096, 1e-9);
}

TEST(AttentionPrefillModel, BackwardScalesTheForwardByThePublishedFactor) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape s = prompt(4, 8192);
  s.kv_heads = 32, s.implementation = Implementation::cudnn;
  const double forward = fitted().time(s, gpu).value();
  s.pass = Pass::backward;
  // 2.5 x 551/445 = 3.10 on the compute part, a little more for the passes before and after.
  const double ratio = fitted().time(s, gpu).value() / forward;
  EXPECT_GT(ratio, 2.9);
  EXPECT_LT(ratio, 3.5);
}

TEST(AttentionPrefillModel, ReproducesDeepSeeksBackwardKernel) {
  // DeepSeek profile-data train.json, H800: forward 1.25 ms; backward 3.86 ms and 0.475 ms of passes around it.
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape s;
  s.batch = 1, s.q_len = s.kv_len = 4096, s.q_heads = s.kv_heads = 128, s.head_dim = 192, s.v_head_dim = 128;
  s.implementation = Implementation::cudnn;
  EXPECT_NEAR(fitted().time(s, gpu).value(), 1.25e-3, 0.25 * 1.25e-3);
  s.pass = Pass::backward;
  EXPECT_NEAR(fitted().time(s, gpu).value(), 4.33e-3, 0.25 * 4.33e-3);
}

TEST(AttentionPrefillModel, WindowsCostLessThanFullAttention) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape s = prompt(1, 32768);
  const double full = fitted().time(s, gpu).value();
  s.window = 1024;
  EXPECT_LT(fitted().time(s, gpu).value(), full / 5.0);
}

TEST(AttentionPrefillModel, AWindowAsWideAsTheSequenceChangesNothing) {
  const hardware::Gpu gpu = hardware::load_gpu("a100_sxm");
  AttentionPrefillShape s = prompt(2, 2048);
  const double full = fitted().time(s, gpu).value();
  s.window = 2048;
  EXPECT_NEAR(fitted().time(s, gpu).value(), full, 1e-3 * full);
}

TEST(AttentionPrefillModel, AChunkOnACacheCostsItsShareOfTheWholePrompt) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape whole = prompt(1, 32768);
  AttentionPrefillShape chunk = whole;
  chunk.q_len = 8192;  // the last quarter of the prompt has 7/16 of its pairs
  const double ratio = fitted().time(chunk, gpu).value() / fitted().time(whole, gpu).value();
  EXPECT_NEAR(ratio, 7.0 / 16.0, 0.03);
}

TEST(AttentionPrefillModel, GrowsWithEverySizeOverRandomShapes) {
  std::mt19937 random(7);
  for (const char* name : {"h100_sxm", "a100_sxm", "b200_sxm"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (int i = 0; i < 300; ++i) {
      AttentionPrefillShape s = prompt(1 + random() % 32, 128 * (1 + random() % 64));
      s.head_dim = 64 << (random() % 3);
      s.implementation = random() % 2 ? Implementation::vllm : Implementation::trtllm;
      const double time = fitted().time(s, gpu).value();
      AttentionPrefillShape larger = s;
      larger.batch *= 2;
      EXPECT_GE(fitted().time(larger, gpu).value(), 0.999 * time) << describe(s);
      larger = s;
      larger.q_len *= 2, larger.kv_len *= 2;
      EXPECT_GE(fitted().time(larger, gpu).value(), 0.999 * time) << describe(s);
      larger = s;
      larger.kv_len *= 4;  // the same queries on a longer cache
      EXPECT_GE(fitted().time(larger, gpu).value(), 0.95 * time) << describe(s);
    }
  }
}

TEST(AttentionModels, NeverBeatTheRooflineOverRandomShapes) {
  std::mt19937 random(11);
  for (const char* name : {"h100_sxm", "a100_sxm", "b200_sxm", "l40s"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (int i = 0; i < 300; ++i) {
      AttentionPrefillShape p = prompt(1 + random() % 64, 1 + random() % 16384);
      if (random() % 3 == 0) p.pass = Pass::backward;
      AttentionDecodeShape d = step(1 + random() % 1024, 1 + random() % 65536);
      EXPECT_GE(fitted().time(p, gpu), roofline(p, gpu)) << describe(p);
      EXPECT_GE(fitted().time(d, gpu), roofline(d, gpu)) << describe(d);
      EXPECT_TRUE(std::isfinite(fitted().time(d, gpu).value()));
    }
  }
}

TEST(AttentionDecodeModel, MatchesAHandComputedCase) {
  // FlashAttention-2 class, 100 sequences of 128 tokens with 2 query and 2 KV heads: 200 CTAs in 2 waves, no splits
  // (one query per KV head), no regrouping. CTA: 3 + row 0.5 x 1 x 1 = 3.5 us x 2 waves = 7 us.
  // Blocks: 1 of 128 keys: 0.4 x 200/100 = 0.8 us against a chain of 0.1 us, 4th powers: 0.8 (1 + 8^-4)^(1/4).
  // Cache: 12,800 tokens x 2 x 256 x 2 B = 13,107,200 B from L2 at 0.5 x 4 TB/s = 6.5536 us;
  // queries and outputs 2 x 100 x 2 x 128 x 2 B = 102,400 B at 4 TB/s = 0.0256 us. Overlap 1: all added; floor 5 us.
  AttentionDecodeShape s = step(100, 128);
  s.q_heads = s.kv_heads = 2;
  const std::vector<double> c = {5.0, 0.8, 0.5, 3.0, 0.2, 0.5, 0.4, 0.1, 2.0, 1.0, 1.3, 1.0, 3.0, 7.0};
  const double sm = 7.0 + 0.8 * std::pow(1.0 + std::pow(0.125, 4.0), 0.25);
  const Seconds time = attention_decode_model().time(s, round_gpu(), c);
  EXPECT_NEAR(time.value() * 1e6, 5.0 + sm + 6.5536 + 0.0256, 1e-9);
}

TEST(AttentionDecodeModel, ManyShortSequencesCostTimePerSequence) {
  // TensorRT-LLM on H100, 32 query and 8 KV heads, past <= 63: 24.6 us at batch 64, 298 us at 1024, 595 us at 2048.
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionDecodeShape s = step(1024, 32);
  s.implementation = Implementation::trtllm;
  const double at_1024 = fitted().time(s, gpu).value() * 1e6;
  s.batch = 2048, s.kv_tokens = 2048 * 32;
  const double at_2048 = fitted().time(s, gpu).value() * 1e6;
  EXPECT_NEAR(at_1024, 298.0, 0.25 * 298.0);
  EXPECT_NEAR(at_2048 / at_1024, 2.0, 0.1);
}

TEST(AttentionDecodeModel, ReachesTheMemoryRateOnLongCaches) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionDecodeShape s = step(64, 16384);  // 4.3 GB of cache
  const double rate = work(s).bytes().value() / fitted().time(s, gpu).value() / gpu.memory_bandwidth.value();
  EXPECT_GT(rate, 0.75);
  EXPECT_LE(rate, 1.0);
}

TEST(AttentionDecodeModel, GoesByTheTotalOfARaggedBatch) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionDecodeShape s = step(64, 1024);
  const double even = fitted().time(s, gpu).value();
  s.kv_tokens += 1;  // one sequence is a token longer
  EXPECT_NEAR(fitted().time(s, gpu).value(), even, 0.01 * even);
}

TEST(AttentionDecodeModel, GrowsWithBatchAndCacheOverRandomShapes) {
  std::mt19937 random(13);
  for (const char* name : {"h100_sxm", "a100_sxm", "b200_sxm"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (int i = 0; i < 300; ++i) {
      AttentionDecodeShape s = step(1 + random() % 256, 1 + random() % 8192);
      if (random() % 4 == 0) s.latent_dim = 576;
      const double time = fitted().time(s, gpu).value();
      AttentionDecodeShape larger = s;
      larger.batch *= 4, larger.kv_tokens *= 4;
      EXPECT_GE(fitted().time(larger, gpu).value(), 0.95 * time) << describe(s);
      larger = s;
      larger.kv_tokens *= 4;
      EXPECT_GE(fitted().time(larger, gpu).value(), 0.95 * time) << describe(s);
    }
  }
}

TEST(AttentionModels, RefuseADtypeThatTheGpuLacks) {
  hardware::Gpu gpu = round_gpu();
  AttentionPrefillShape p = prompt(1, 128);
  AttentionDecodeShape d = step(1, 128);
  p.dtype = d.dtype = Dtype::nvfp4;
  gpu.peak = {};
  EXPECT_THROW((void)fitted().time(p, gpu), std::invalid_argument);
  EXPECT_THROW((void)fitted().time(d, gpu), std::invalid_argument);
}

TEST(AttentionFits, AreChosenByLibraryAndCacheDtype) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape p = prompt(1, 128);
  const auto key = [&gpu](const Kernel& kernel) { return fit_key(kernel, gpu); };
  EXPECT_EQ(key(p), "attention_prefill/trtllm/bf16");
  p.implementation = Implementation::vllm, p.kv_dtype = Dtype::fp8;
  EXPECT_EQ(key(p), "attention_prefill/vllm/bf16_kv_fp8");
  p.implementation = Implementation::unfused;
  EXPECT_EQ(key(p), "");
  AttentionDecodeShape d = step(1, 128);
  d.kv_dtype = Dtype::fp8, d.implementation = Implementation::vllm;
  EXPECT_EQ(key(d), "attention_decode/vllm/fp8");
  d.latent_dim = 576, d.kv_dtype = Dtype::bf16;
  EXPECT_EQ(key(d), "attention_decode/trtllm/mla");
}

TEST(AttentionClass, FollowsArchitectureAndLibrary) {
  const auto of = [](const char* gpu, Implementation i) { return attention_class(i, hardware::load_gpu(gpu)); };
  EXPECT_EQ(of("h100_sxm", Implementation::vllm), AttentionClass::flash3);
  EXPECT_EQ(of("h100_sxm", Implementation::automatic), AttentionClass::trtllm_hopper);
  EXPECT_EQ(of("a100_sxm", Implementation::automatic), AttentionClass::flash2);
  EXPECT_EQ(of("b200_sxm", Implementation::vllm), AttentionClass::blackwell);
  EXPECT_EQ(of("rtx_pro_6000_server", Implementation::vllm), AttentionClass::flash2);
}

}  // namespace
}  // namespace orrery::kernels
