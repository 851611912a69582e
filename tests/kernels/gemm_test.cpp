#include "kernels/gemm/gemm.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

GemmShape gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype = Dtype::bf16) {
  GemmShape shape;
  shape.dtype = dtype, shape.m = m, shape.n = n, shape.k = k;
  return shape;
}

double model_us(const GemmShape& shape, const hardware::Gpu& gpu, const std::vector<double>& coefficients) {
  return gemm_model().time(shape, gpu, coefficients).value() * 1e6;
}

double default_us(const GemmShape& shape, const hardware::Gpu& gpu) {
  return model_us(shape, gpu, gemm_model().defaults(gpu));
}

std::size_t index_of(std::string_view coefficient) {
  const auto names = gemm_model().names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == coefficient) return i;
  }
  ADD_FAILURE() << "no coefficient " << coefficient;
  return 0;
}

TEST(GemmWork, CountsByDefinition) {
  // 2·4·8·16 = 1024 FLOP; A 4·16·2 = 128 B, B 8·16·2 = 256 B; C 4·8·2 = 64 B.
  const Work bf16 = work(gemm(4, 8, 16));
  EXPECT_EQ(bf16.flops.value(), 1024.0);
  EXPECT_EQ(bf16.read.value(), 384.0);
  EXPECT_EQ(bf16.written.value(), 64.0);
  EXPECT_EQ(bf16.bytes().value(), 448.0);
}

TEST(GemmWork, BatchMultipliesEverything) {
  GemmShape shape = gemm(4, 8, 16);
  shape.batch = 3;
  EXPECT_EQ(work(shape).flops.value(), 3072.0);
  EXPECT_EQ(work(shape).read.value(), 3 * 384.0);
  EXPECT_EQ(work(shape).written.value(), 3 * 64.0);
}

TEST(GemmWork, QuantisedInputsArriveInBf16) {
  // A 4·16·2 = 128 B (bf16, quantised on the way), B 8·16·1 = 128 B.
  EXPECT_EQ(work(gemm(4, 8, 16, Dtype::fp8)).read.value(), 256.0);
  // int4 is of the weights alone: B 8·16·4.25/8 = 68 B.
  EXPECT_EQ(work(gemm(4, 8, 16, Dtype::int4)).read.value(), 196.0);
  EXPECT_EQ(work(gemm(4, 8, 16, Dtype::int4)).written.value(), 64.0) << "bf16";
  // B 8·16·(0.5 + 1/16) = 72 B.
  EXPECT_EQ(work(gemm(4, 8, 16, Dtype::nvfp4)).read.value(), 200.0);
}

TEST(GemmWork, WideTypesAndAccumulationWriteFp32) {
  EXPECT_EQ(work(gemm(4, 8, 16, Dtype::tf32)).written.value(), 4.0 * 8 * 4);
  GemmShape shape = gemm(4, 8, 16);
  shape.accumulate = true;  // C is read and written, 4·8·4 = 128 B each
  EXPECT_EQ(work(shape).written.value(), 128.0);
  EXPECT_EQ(work(shape).read.value(), 384.0 + 128.0);
}

TEST(GemmTime, LargeSquareApproachesTheComputeRoof) {
  // 2·8192³ / 989.4 TFLOP/s = 1111 us; published measurements reach 700-850 TFLOP/s: 1290 to 1570 us.
  const double us = default_us(gemm(8192, 8192, 8192), tests::hopper_gpu());
  EXPECT_GT(us, 1200.0);
  EXPECT_LT(us, 1600.0);
}

TEST(GemmTime, OneColdRowStreamsTheWeights) {
  // 8192² bf16 weights are 134 MB: 40 us at 3.35 TB/s, 47 us at 85 % of it, plus the floor.
  const double us = default_us(gemm(1, 8192, 8192), tests::hopper_gpu());
  EXPECT_GT(us, 45.0);
  EXPECT_LT(us, 56.0);
}

TEST(GemmTime, TinyShapesCostTheFloor) {
  const auto gpu = tests::hopper_gpu();
  const double floor = gemm_model().defaults(gpu)[index_of("floor_us")];
  const double us = default_us(gemm(1, 16, 16), gpu);
  EXPECT_GE(us, floor);
  EXPECT_LT(us, floor + 1.0);
}

TEST(GemmTime, ColdWeightsAreNeverFasterThanWarmOnes) {
  for (const auto& gpu : {tests::hopper_gpu(), tests::round_gpu()}) {
    for (const std::int64_t m : {1, 64, 1000, 8192}) {
      for (const std::int64_t n : {256, 2048, 16384}) {
        GemmShape warm = gemm(m, n, 4096);
        warm.weights = CacheState::warm;
        EXPECT_LE(default_us(warm, gpu), default_us(gemm(m, n, 4096), gpu)) << m << ' ' << n;
      }
    }
  }
}

TEST(GemmTime, WarmWeightsThatFitSkipHbm) {
  // 2048² bf16 = 8.4 MB: 2.9 us of HBM time at 85 % of 3.35 TB/s saved, for one row.
  GemmShape warm = gemm(1, 2048, 2048);
  warm.weights = CacheState::warm;
  const auto gpu = tests::hopper_gpu();
  EXPECT_LT(default_us(warm, gpu) + 0.5, default_us(gemm(1, 2048, 2048), gpu));
}

TEST(GemmTime, Fp8BeatsBf16OnlyWhereTheMultiplicationOutweighsQuantising) {
  const auto gpu = tests::hopper_gpu();
  EXPECT_LT(default_us(gemm(8192, 8192, 8192, Dtype::fp8), gpu), 0.75 * default_us(gemm(8192, 8192, 8192), gpu));
  EXPECT_GT(default_us(gemm(1, 512, 512, Dtype::fp8), gpu), default_us(gemm(1, 512, 512), gpu));
}

TEST(GemmTime, WaveQuantisationShowsAsAStep) {
  // 100 SMs, n = 100·128. m = 128 is one full wave of 128x128 tiles. One more row needs, with whole waves lost:
  // six waves of 64x64 (a quarter tile each), or two of 128x128, or one of 256x128: at least 1.5 times the work.
  auto gpu = tests::round_gpu();
  gpu.memory_bandwidth = BytesPerSecond{1e14};  // out of the way
  std::vector<double> c = gemm_model().defaults(gpu);
  c[index_of("quantisation")] = 1.0, c[index_of("latency_ns")] = 0.1;
  const double full = model_us(gemm(128, 12800, 16384), gpu, c);
  const double step = model_us(gemm(129, 12800, 16384), gpu, c);
  EXPECT_GT(step, 1.3 * full);
  EXPECT_NEAR(model_us(gemm(130, 12800, 16384), gpu, c), step, 1e-3 * step);
  // Stream-K (q near 0) loses no wave: the step is only the padding.
  c[index_of("quantisation")] = 1e-3;
  EXPECT_LT(model_us(gemm(12801, 12800, 4096), gpu, c), 1.02 * model_us(gemm(12800, 12800, 4096), gpu, c));
}

TEST(GemmTime, SplitKHelpsFewTilesWithADeepK) {
  // 128x128x65536 is one tile: one of 100 SMs works unless k is split.
  const auto gpu = tests::round_gpu();
  std::vector<double> c = gemm_model().defaults(gpu);
  const double split = model_us(gemm(128, 128, 65536), gpu, c);
  c[index_of("split_us")] = 1e6;
  EXPECT_GT(model_us(gemm(128, 128, 65536), gpu, c), 2.0 * split);
}

TEST(GemmTime, GrowsWithEverySide) {
  // Up to 3 %: a larger k admits one more split factor, a larger m one more tile.
  for (const auto& gpu : {tests::hopper_gpu(), tests::round_gpu()}) {
    for (const std::int64_t base : {48, 640, 3000}) {
      double m_before = 0.0, n_before = 0.0, k_before = 0.0;
      for (std::int64_t side = 1; side <= 20000; side += 1 + side / 7) {
        const double by_m = default_us(gemm(side, base, 2048), gpu);
        const double by_n = default_us(gemm(base, side, 2048), gpu);
        const double by_k = default_us(gemm(base, 2048, side), gpu);
        EXPECT_GE(by_m, 0.97 * m_before) << "m " << side << " n " << base;
        EXPECT_GE(by_n, 0.97 * n_before) << "n " << side << " m " << base;
        EXPECT_GE(by_k, 0.97 * k_before) << "k " << side << " m " << base;
        m_before = std::max(m_before, by_m), n_before = std::max(n_before, by_n), k_before = std::max(k_before, by_k);
      }
    }
  }
}

TEST(GemmTime, FasterGpusAreFaster) {
  const auto gpu = tests::hopper_gpu();
  auto faster = gpu;
  faster.memory_bandwidth = BytesPerSecond{4.8e12};
  EXPECT_LT(default_us(gemm(1, 16384, 16384), faster), 0.75 * default_us(gemm(1, 16384, 16384), gpu));
  faster.peak[Dtype::bf16] = FlopsPerSecond{2 * 989.4e12};
  EXPECT_LT(default_us(gemm(8192, 8192, 8192), faster), default_us(gemm(8192, 8192, 8192), gpu));
}

TEST(GemmTime, AnUnsupportedDtypeThrows) {
  auto gpu = tests::round_gpu();
  gpu.peak = {};
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp8, Dtype::nvfp4}) {
    EXPECT_THROW(static_cast<void>(default_us(gemm(8, 8, 8, dtype), gpu)), std::invalid_argument) << name(dtype);
  }
}

// Weights that the GPU can't multiply are read as they are stored and multiplied in 16 bits: no pass over activations.
TEST(GemmTime, WidenedWeightsCostBytesAndNoScales) {
  const auto gpu = tests::round_gpu();
  EXPECT_LT(default_us(gemm(1, 8192, 8192, Dtype::fp8), gpu), 0.7 * default_us(gemm(1, 8192, 8192, Dtype::bf16), gpu));
  EXPECT_NEAR(
      default_us(gemm(8192, 8192, 8192, Dtype::fp8), gpu) / default_us(gemm(8192, 8192, 8192, Dtype::bf16), gpu), 1.0,
      0.05);
}

TEST(GemmFitKey, Fp16TakesBf16sFitAndOthersDoNot) {
  auto gpu = tests::hopper_gpu();
  gpu.fits.resize(1);
  gpu.fits[0].key = "gemm/trtllm/bf16";
  const auto key = [&](Dtype dtype) { return fit_key(gemm(1, 1, 1, dtype), gpu); };
  EXPECT_EQ(key(Dtype::bf16), "gemm/trtllm/bf16");
  EXPECT_EQ(key(Dtype::fp16), "gemm/trtllm/bf16");
  EXPECT_EQ(key(Dtype::fp8), "");
  EXPECT_EQ(key(Dtype::tf32), "");
}

}  // namespace
}  // namespace orrery::kernels
