#include "kernels/attention/mixed_batch.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
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

hardware::Gpu gpu_of(const char* generation, double nvlink) {
  hardware::Gpu gpu;
  gpu.name = "toy";
  gpu.generation = hardware::load_generation(generation);
  gpu.sm_count = 128;
  gpu.nvlink_bandwidth = BytesPerSecond{nvlink};
  gpu.memory_bandwidth = BytesPerSecond{1e12};
  gpu.l2_bandwidth = BytesPerSecond{5e12};
  gpu.l2_size = Bytes{10e6};
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

std::unique_ptr<KernelTimer> fitted() {
  for (const TimerRow& row : timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

constexpr Seconds kAlone{70e-6};

TEST(MixedBatch, ReadsTheCacheOncePerHeadThatComesLater) {
  const hardware::Gpu ada = gpu_of("ada", 0.0);
  const RoundTimer timer;
  const MixedBatch batch(ada, timer);
  // 8 sequences: compute (1 + 8·2) − (1 + 2) = 14 us; 4·8/128 of a group at once: one read of 8,000 tokens of
  // 4,096 bytes, 32.8 MB at 0.85 TB/s, 38.55 us; sqrt(14² + 38.55²) = 41.01.
  EXPECT_NEAR(batch.decodes(decode_of(8, 8000), kAlone).value(), 41.01e-6, 0.01e-6);
  // 64 sequences: 126 us; 4·64/128 = 2 reads; a KV head of 64,000 tokens is 32.8 MB, (7/32.77)² = 0.0456 of it kept:
  // 262.1 MB · 1.9544 at 0.85 TB/s = 602.7 us; with 126 us: 615.8.
  EXPECT_NEAR(batch.decodes(decode_of(64, 64000), kAlone).value(), 615.8e-6, 0.1e-6);
}

TEST(MixedBatch, StartsEmptyTilesForTheLongestPrompt) {
  const hardware::Gpu ada = gpu_of("ada", 0.0);
  const RoundTimer timer;
  const MixedBatch batch(ada, timer);
  const AttentionDecodeShape decode = decode_of(64, 64000);
  // The prompt fills the SMs in either case. 1,024 rows: 15 · 64 · 32 empty tiles over 128 SMs, 0.33 us each.
  const Seconds own{100e-6}, launch{2e-6};
  const Seconds few = batch.added(prompt_of(256), Seconds{302e-6}, launch, decode, own);
  const Seconds many = batch.added(prompt_of(1024), Seconds{302e-6}, launch, decode, own);
  EXPECT_NEAR((many - few).value(), 12.0 * 64 * 32 / 128 * 0.33e-6, 1e-12);
  EXPECT_NEAR(few.value(), 100e-6 + 3.0 * 64 * 32 / 128 * 0.33e-6, 1e-12);
}

TEST(MixedBatch, OverlapsPartsThatLeaveMultiprocessorsIdle) {
  const hardware::Gpu ada = gpu_of("ada", 0.0);
  const RoundTimer timer;
  const MixedBatch batch(ada, timer);
  const Seconds launch{2e-6};
  // 32 CTAs of 128 SMs each: the longer of 60 and 60/4 + 40/4 us, so nothing is added; 100 us are the longer: 40 more.
  EXPECT_NEAR(batch.added(prompt_of(64), Seconds{62e-6}, launch, decode_of(1, 1000), Seconds{40e-6}).value(), 0.0,
              1e-12);
  EXPECT_NEAR(batch.added(prompt_of(64), Seconds{62e-6}, launch, decode_of(1, 1000), Seconds{100e-6}).value(), 40e-6,
              1e-12);
}

TEST(MixedBatch, PaysTheLaunchOnceWhereOneCallServesAll) {
  const hardware::Gpu hopper = gpu_of("hopper", 450e9);
  const RoundTimer timer;
  const MixedBatch batch(hopper, timer);
  // Prompt 101 us; four sequences 33 us, of which a call's 3.
  EXPECT_TRUE(batch.one_call(decode_of(4, 4000)));
  EXPECT_NEAR(batch.time(prompt_of(100), decode_of(4, 4000)).value(), (101.0 + 30.0) * 1e-6, 1e-12);
}

TEST(MixedBatch, AddsTwoCallsElsewhere) {
  const RoundTimer timer;
  AttentionDecodeShape latent = decode_of(4, 4000), trtllm = decode_of(4, 4000);
  latent.latent_dim = 576, latent.kv_heads = 1;
  trtllm.implementation = Implementation::trtllm;
  const hardware::Gpu ampere = gpu_of("ampere", 300e9), hopper = gpu_of("hopper", 450e9);
  const hardware::Gpu blackwell = gpu_of("blackwell", 900e9);
  EXPECT_NEAR(MixedBatch(ampere, timer).time(prompt_of(100), latent).value(), 134e-6, 1e-12);
  EXPECT_NEAR(MixedBatch(hopper, timer).time(prompt_of(100), trtllm).value(), 134e-6, 1e-12);
  EXPECT_NEAR(MixedBatch(blackwell, timer).time(prompt_of(100), decode_of(4, 4000)).value(), 134e-6, 1e-12);
}

TEST(MixedBatch, CostsMoreOfLongerCachesAndMoreSequences) {
  const auto timer = fitted();
  for (const char* name : {"rtx_4090", "rtx_pro_6000_server", "a100_sxm"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    const MixedBatch batch(gpu, *timer);
    Seconds last;
    for (const std::int64_t kv : {16, 200, 1000, 3000, 9000}) {
      const Seconds now = batch.time(prompt_of(512), decode_of(64, 64 * kv));
      EXPECT_GT(now, last) << name << " " << kv;
      EXPECT_LT(now, batch.time(prompt_of(512), decode_of(128, 128 * kv))) << name << " " << kv;
      EXPECT_GE(now, timer->time(prompt_of(512), gpu)) << name;
      last = now;
    }
  }
}

TEST(MixedBatch, OfAPrefixIsThatOfOneCtaUnderFlashAttention2) {
  // A chunk of 16 tokens over 16 times the cache: nothing splits the keys, so the time follows their number.
  const hardware::Gpu gpu = hardware::load_gpu("rtx_4090");
  AttentionPrefillShape near = prompt_of(16), far = prompt_of(16);
  near.kv_len = 1040, far.kv_len = 16400;
  const auto timer = fitted();
  EXPECT_GT(timer->time(far, gpu) / timer->time(near, gpu), 10.0);
}

}  // namespace
}  // namespace orrery::kernels
