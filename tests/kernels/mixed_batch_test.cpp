#include "kernels/attention/mixed_batch.hpp"

#include <gtest/gtest.h>

#include "hardware/catalogue.hpp"
#include "kernels/family.hpp"

namespace orrery::kernels {
namespace {

/// Prices by hand: a prompt 1 us a row of its chunk beside 2 us, decoding 10 us a sequence beside 3 us.
class RoundTimer : public KernelTimer {
 public:
  [[nodiscard]] Seconds time(const Kernel& kernel, const hardware::Gpu&) const override {
    if (const auto* prompt = std::get_if<AttentionPrefillShape>(&kernel)) {
      return Seconds{1e-6 * (1.0 + static_cast<double>(prompt->batch * prompt->q_len))};
    }
    return Seconds{1e-6 * (3.0 + 10.0 * static_cast<double>(std::get<AttentionDecodeShape>(kernel).batch - 1))};
  }
  [[nodiscard]] Estimate explain(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    return {time(kernel, gpu), Provenance::datasheet, {}, {}};
  }
};

hardware::Gpu gpu_of(const char* architecture, double nvlink) {
  hardware::Gpu gpu;
  gpu.name = "toy";
  gpu.architecture = architecture;
  gpu.sm_count = 128;
  gpu.nvlink_bandwidth = BytesPerSecond{nvlink};
  return gpu;
}

AttentionPrefillShape prompt_of(std::int64_t tokens) {
  AttentionPrefillShape shape;
  shape.batch = 1, shape.q_len = shape.kv_len = tokens;
  shape.q_heads = 32, shape.kv_heads = 8, shape.head_dim = 128;
  shape.implementation = Implementation::vllm;
  return shape;
}

AttentionDecodeShape decode_of(std::int64_t batch, std::int64_t tokens) {
  AttentionDecodeShape shape;
  shape.batch = batch, shape.kv_tokens = tokens;
  shape.q_heads = 32, shape.kv_heads = 8, shape.head_dim = 128;
  shape.implementation = Implementation::vllm;
  return shape;
}

TEST(DecodeBesidePrompts, TakesATileOfAPromptUnderFlashAttention2) {
  for (const char* architecture : {"ampere", "ada", "blackwell"}) {  // without NVLink: workstation Blackwell
    const Kernel kernel = decode_beside_prompts(decode_of(8, 8 * 1000 + 3), gpu_of(architecture, 0.0));
    const auto* shape = std::get_if<AttentionPrefillShape>(&kernel);
    ASSERT_NE(shape, nullptr) << architecture;
    EXPECT_EQ(shape->batch, 8);
    EXPECT_EQ(shape->q_len, 2);
    EXPECT_EQ(shape->kv_len, 1001) << "the mean length, rounded up";
    EXPECT_EQ(shape->q_heads, 32);
    EXPECT_EQ(check(kernel), "");
  }
  const Kernel shortest = decode_beside_prompts(decode_of(4, 4), gpu_of("ada", 0.0));
  EXPECT_EQ(check(shortest), "");
}

TEST(DecodeBesidePrompts, IsTheSameUnderKernelsThatSplitAlways) {
  const AttentionDecodeShape decode = decode_of(8, 8000);
  EXPECT_TRUE(decode_beside_prompts(decode, gpu_of("hopper", 450e9)) == Kernel{decode});
  EXPECT_TRUE(decode_beside_prompts(decode, gpu_of("blackwell", 900e9)) == Kernel{decode});
  AttentionDecodeShape latent = decode;
  latent.latent_dim = 576, latent.kv_heads = 1;
  EXPECT_TRUE(decode_beside_prompts(latent, gpu_of("ampere", 300e9)) == Kernel{latent});
}

TEST(AttentionBatchTime, PaysTheLaunchOnce) {
  // Hopper, all SMs filled: launch max(2, 3) us, prompt 101 - 2 us, decode 33 - 3 us of 4 sequences.
  const std::vector<Kernel> parts = {prompt_of(100), decode_of(4, 4000)};
  const hardware::Gpu hopper = gpu_of("hopper", 450e9);
  EXPECT_NEAR(attention_batch_time(parts, hopper, RoundTimer{}).value(), (3.0 + 99.0 + 30.0) * 1e-6, 1e-12);
  EXPECT_NEAR(attention_batch_time({parts[0]}, hopper, RoundTimer{}).value(), 101e-6, 1e-12);
  EXPECT_EQ(attention_batch_time({}, hopper, RoundTimer{}).value(), 0.0);
}

TEST(AttentionBatchTime, OverlapsPartsThatLeaveMultiprocessorsIdle) {
  const hardware::Gpu ada = gpu_of("ada", 0.0);
  // 64 rows: 32 CTAs of 128 SMs each; 2 us and 63 us; the longer of 63 and 2 x 63/4 us.
  EXPECT_NEAR(attention_batch_time({prompt_of(64), prompt_of(64)}, ada, RoundTimer{}).value(), 65e-6, 1e-12);
  // 256 rows fill the GPU: 2 us + 255 us + 255 us.
  EXPECT_NEAR(attention_batch_time({prompt_of(256), prompt_of(256)}, ada, RoundTimer{}).value(), 512e-6, 1e-12);
}

TEST(AttentionBatchTime, OfAPrefixIsThatOfOneCtaUnderFlashAttention2) {
  // A chunk of 16 tokens over 16 times the cache: nothing splits the keys, so the time follows their number.
  const hardware::Gpu gpu = hardware::load_gpu("rtx_4090");
  for (const TimerRow& row : timers()) {
    if (row.name != "fitted") continue;
    AttentionPrefillShape near = prompt_of(16), far = prompt_of(16);
    near.kv_len = 1040, far.kv_len = 16400;
    const auto timer = row.make();
    EXPECT_GT(timer->time(far, gpu) / timer->time(near, gpu), 10.0);
  }
}

}  // namespace
}  // namespace orrery::kernels
