#include "kernels/table/roofline.hpp"

#include <gtest/gtest.h>

#include "kernels/kernel.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

GemmShape gemm(std::int64_t m, std::int64_t n, std::int64_t k) {
  GemmShape shape;
  shape.m = m, shape.n = n, shape.k = k;
  return shape;
}

TEST(Roofline, ComputeBoundIsFlopsOverPeak) {
  // 2·10000³ = 2e12 FLOP at 1 PFLOP/s: 2 ms. Bytes: 3·10000²·2 = 600 MB, 0.6 ms at 1 TB/s.
  const Bounds bounds = roofline_bounds(gemm(10000, 10000, 10000), tests::round_gpu());
  EXPECT_DOUBLE_EQ(bounds.compute.value(), 2e-3);
  EXPECT_LT(bounds.memory.value(), 0.6e-3);
  EXPECT_DOUBLE_EQ(bounds.l2.value(), 600e6 / 10e12);
  EXPECT_DOUBLE_EQ(roofline(gemm(10000, 10000, 10000), tests::round_gpu()).value(), 2e-3);
}

TEST(Roofline, ColdWeightsCrossHbmEvenWhereTheyFitInL2) {
  // One row, 1000x1000 weights: 2 MB, fits the 10 MB L2. Cold: 2 us at 1 TB/s. Warm: 2.004 MB / 10 TB/s.
  const auto gpu = tests::round_gpu();
  GemmShape shape = gemm(1, 1000, 1000);
  EXPECT_DOUBLE_EQ(roofline(shape, gpu).value(), 2e-6);
  shape.weights = CacheState::warm;
  EXPECT_DOUBLE_EQ(roofline_bounds(shape, gpu).memory.value(), 0.0);
  EXPECT_DOUBLE_EQ(roofline(shape, gpu).value(), 2.004e6 / 10e12);
}

TEST(Roofline, WarmWeightsBeyondL2CrossHbm) {
  // 4000x4000 bf16 = 32 MB, 16 kB of activations: 32.016 MB − 10 MB of L2 = 22.016 MB.
  GemmShape shape = gemm(1, 4000, 4000);
  shape.weights = CacheState::warm;
  EXPECT_NEAR(roofline(shape, tests::round_gpu()).value(), 22.016e-6, 1e-12);
}

TEST(Roofline, MemoryKernelsCountBytesBeyondL2AndVectorFlops) {
  MemoryShape shape;
  shape.elements = 50'000'000;
  shape.read = Bytes{100e6}, shape.written = Bytes{100e6};
  shape.flops_per_element = 1.0;
  const Bounds bounds = roofline_bounds(shape, tests::round_gpu());
  EXPECT_DOUBLE_EQ(bounds.memory.value(), 190e-6);  // 200 MB − 10 MB
  EXPECT_DOUBLE_EQ(bounds.l2.value(), 20e-6);
  EXPECT_DOUBLE_EQ(bounds.compute.value(), 5e-6);  // 5e7 / 1e13
}

TEST(Roofline, HostCopiesAreBoundByPcie) {
  EXPECT_DOUBLE_EQ(roofline(HostCopyShape{Bytes{50e6}, true, true}, tests::round_gpu()).value(), 1e-3);
}

TEST(Roofline, OfAttentionWithANarrowCacheIsThatOfTheFasterFormat) {
  auto gpu = tests::round_gpu();
  gpu.peak[Dtype::fp8] = FlopsPerSecond{2e15};
  AttentionPrefillShape prompt;
  prompt.batch = 1, prompt.q_len = prompt.kv_len = 32768, prompt.q_heads = prompt.kv_heads = 32, prompt.head_dim = 128;
  AttentionDecodeShape step;
  step.batch = 64, step.kv_tokens = 64 * 4096, step.q_heads = 32, step.kv_heads = 8, step.head_dim = 128;
  const double wide = roofline_bounds(prompt, gpu).compute.value(),
               of_step = roofline_bounds(step, gpu).compute.value();
  prompt.kv_dtype = step.kv_dtype = Dtype::fp8;
  EXPECT_DOUBLE_EQ(roofline_bounds(prompt, gpu).compute.value(), wide / 2.0);
  EXPECT_DOUBLE_EQ(roofline_bounds(step, gpu).compute.value(), of_step / 2.0);
  gpu.peak[Dtype::fp8] = FlopsPerSecond{0.0};  // widened: no faster than bf16
  EXPECT_DOUBLE_EQ(roofline_bounds(prompt, gpu).compute.value(), wide);
}

TEST(Roofline, UnsupportedDtypeThrows) {
  GemmShape shape = gemm(8, 8, 8);
  shape.dtype = Dtype::nvfp4;
  auto gpu = tests::round_gpu();
  gpu.peak = {};
  EXPECT_THROW(static_cast<void>(roofline(shape, gpu)), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::kernels
