// The launchers on a real GPU: results against a reference, times against what physics allows.
// Skipped, by name and with the loader's reason, where there is no module, driver or GPU.
#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/cuda/loader.hpp"

namespace orrery::kernels::cuda {
namespace {

class Gpu : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef ORRERY_CUDA_MODULE_FILE
    module_ = Module::open(ORRERY_CUDA_MODULE_FILE);
#else
    module_ = Module::find();
#endif
    if (module_.state() != ModuleState::ready) GTEST_SKIP() << module_.describe();
  }

  const OrreryCudaModule& table() { return *module_.table(); }
  const OrreryCudaDevice& device() { return module_.devices().front(); }
  bool has_fp8() { return device().compute_major * 10 + device().compute_minor >= 89; }

  Module module_ = Module::open("");
  OrreryCudaStatus status_{};
  OrreryCudaTiming timing_{};
  OrreryCudaCheck check_{};
};

constexpr OrreryCudaMeasure kCold{0, 3, 21, 1};
constexpr OrreryCudaMeasure kWarm{0, 3, 21, 0};

// A bf16 result is rounded to 8 bits: it is off by at most 2⁻⁸ of itself, and it is at most Σ|a·b|. A transposed
// operand or a wrong stride is off by about 1/√k of Σ|a·b|, 0.03 for the largest k here.
constexpr double kBf16Rounding = 1.0 / 256.0;

TEST_F(Gpu, GemmMatchesAPlainKernelInBf16) {
  for (const OrreryCudaGemm& gemm :
       {OrreryCudaGemm{ORRERY_CUDA_BF16, 0, 128, 256, 512, 1}, OrreryCudaGemm{ORRERY_CUDA_BF16, 0, 1, 4096, 1024, 1},
        OrreryCudaGemm{ORRERY_CUDA_BF16, 0, 96, 136, 264, 3}}) {
    ASSERT_EQ(table().check_gemm(&gemm, 0, &check_, &status_), ORRERY_CUDA_OK) << status_.message;
    EXPECT_EQ(check_.compared, gemm.m * gemm.n * gemm.batch);
    EXPECT_LE(check_.max_error, kBf16Rounding) << gemm.m << "x" << gemm.n << "x" << gemm.k;
    EXPECT_GT(check_.max_error, 0.0) << "a comparison that finds no rounding compares nothing";
  }
}

TEST_F(Gpu, GemmAddsToTheOldResultWhereAsked) {
  // Sums in fp32: the order of additions differs, about k·2⁻²⁴ = 6e-5 of Σ|a·b| at most.
  const OrreryCudaGemm gemm{ORRERY_CUDA_BF16, 1, 256, 256, 1024, 1};
  ASSERT_EQ(table().check_gemm(&gemm, 0, &check_, &status_), ORRERY_CUDA_OK) << status_.message;
  EXPECT_LE(check_.max_error, 6.2e-5);
}

TEST_F(Gpu, GemmMatchesAPlainKernelInFp8) {
  const OrreryCudaGemm gemm{ORRERY_CUDA_FP8_E4M3, 0, 256, 512, 1024, 1};
  const std::int32_t code = table().check_gemm(&gemm, 0, &check_, &status_);
  if (!has_fp8()) {
    EXPECT_EQ(code, ORRERY_CUDA_UNSUPPORTED) << status_.message;
    return;
  }
  ASSERT_EQ(code, ORRERY_CUDA_OK) << status_.message;
  EXPECT_LE(check_.max_error, kBf16Rounding);
}

TEST_F(Gpu, GemmRefusesAnEmptyShape) {
  const OrreryCudaGemm gemm{ORRERY_CUDA_BF16, 0, 0, 256, 512, 1};
  EXPECT_EQ(table().time_gemm(&gemm, &kWarm, &timing_, &status_), ORRERY_CUDA_UNSUPPORTED);
  EXPECT_STREQ(status_.message, "m, n, k and batch must be at least 1");
}

TEST_F(Gpu, GemmTimeGrowsWithTheWork) {
  const OrreryCudaGemm small{ORRERY_CUDA_BF16, 0, 2048, 2048, 2048, 1};
  const OrreryCudaGemm large{ORRERY_CUDA_BF16, 0, 8192, 8192, 8192, 1};
  OrreryCudaTiming longer{};
  ASSERT_EQ(table().time_gemm(&small, &kWarm, &timing_, &status_), ORRERY_CUDA_OK) << status_.message;
  ASSERT_EQ(table().time_gemm(&large, &kWarm, &longer, &status_), ORRERY_CUDA_OK) << status_.message;
  // 64 times the work; the small one fills the GPU less well.
  EXPECT_GT(longer.median_s, 10.0 * timing_.median_s);
  // No GPU of this decade computes 2·8192³ = 1.1e12 FLOP dense in bf16 above 5 PFLOP/s.
  EXPECT_GT(longer.min_s, 1.1e12 / 5e15);
  EXPECT_LE(longer.min_s, longer.median_s);
  EXPECT_LE(longer.median_s, longer.p90_s);
}

TEST_F(Gpu, NormsMatchDoubleArithmetic) {
  for (const std::int32_t kind : {ORRERY_CUDA_RMS_NORM, ORRERY_CUDA_LAYER_NORM}) {
    for (const std::int32_t residual : {0, 1}) {
      for (const std::int64_t columns : {8, 768, 4096, 5120, 16384}) {
        const OrreryCudaNorm norm{kind, residual, 37, columns};
        ASSERT_EQ(table().check_norm(&norm, 0, &check_, &status_), ORRERY_CUDA_OK) << status_.message;
        EXPECT_LE(check_.max_error, kBf16Rounding) << kind << " " << residual << " " << columns;
        EXPECT_GT(check_.max_error, 0.0);
      }
    }
  }
}

TEST_F(Gpu, NormRefusesColumnsThatItCannotLoad) {
  const OrreryCudaNorm norm{ORRERY_CUDA_RMS_NORM, 0, 4, 4097};
  EXPECT_EQ(table().time_norm(&norm, &kCold, &timing_, &status_), ORRERY_CUDA_UNSUPPORTED);
  EXPECT_STREQ(status_.message, "columns must be a multiple of 8 in 8 … 16384, not 4097");
}

TEST_F(Gpu, ColdNormIsNotFasterThanTheMemoryBus) {
  if (device().memory_bytes_per_second <= 0.0) GTEST_SKIP() << "the driver doesn't say the memory clock";
  const OrreryCudaNorm norm{ORRERY_CUDA_RMS_NORM, 0, 65536, 8192};  // 1 GiB in, 1 GiB out: L2 can't hold it
  ASSERT_EQ(table().time_norm(&norm, &kCold, &timing_, &status_), ORRERY_CUDA_OK) << status_.message;
  const double bytes = 2.0 * 2.0 * 65536.0 * 8192.0;
  const double efficiency = bytes / device().memory_bytes_per_second / timing_.median_s;
  EXPECT_LE(efficiency, 1.0);
  EXPECT_GE(efficiency, 0.6);
}

TEST_F(Gpu, CopiesArriveWhole) {
  for (const std::int32_t kind :
       {ORRERY_CUDA_DEVICE_TO_DEVICE, ORRERY_CUDA_HOST_TO_DEVICE, ORRERY_CUDA_DEVICE_TO_HOST}) {
    for (const std::int32_t pinned : {0, 1}) {
      const OrreryCudaCopy copy{kind, pinned, 3'000'001};
      ASSERT_EQ(table().check_copy(&copy, 0, &check_, &status_), ORRERY_CUDA_OK) << status_.message;
      EXPECT_EQ(check_.compared, 3'000'001);
      EXPECT_EQ(check_.max_error, 0.0);
    }
  }
}

TEST_F(Gpu, CopyOnTheDeviceIsFasterThanOverPcie) {
  const OrreryCudaCopy near{ORRERY_CUDA_DEVICE_TO_DEVICE, 1, 256U << 20};
  const OrreryCudaCopy far{ORRERY_CUDA_HOST_TO_DEVICE, 1, 256U << 20};
  OrreryCudaTiming slower{};
  ASSERT_EQ(table().time_copy(&near, &kCold, &timing_, &status_), ORRERY_CUDA_OK) << status_.message;
  ASSERT_EQ(table().time_copy(&far, &kCold, &slower, &status_), ORRERY_CUDA_OK) << status_.message;
  EXPECT_LT(timing_.median_s, slower.median_s);
}

TEST_F(Gpu, AMissingDeviceIsNamed) {
  const OrreryCudaCopy copy{ORRERY_CUDA_DEVICE_TO_DEVICE, 1, 4096};
  OrreryCudaMeasure measure = kWarm;
  measure.device = 4096;
  EXPECT_NE(table().time_copy(&copy, &measure, &timing_, &status_), ORRERY_CUDA_OK);
  EXPECT_THAT(status_.message, ::testing::HasSubstr("cudaSetDevice"));
}

// Needs the module, not the GPU: without one every call must come back with a status, not a crash.
TEST(CudaModule, ReportsAStatusWithoutAGpu) {
#ifdef ORRERY_CUDA_MODULE_FILE
  const Module module = Module::open(ORRERY_CUDA_MODULE_FILE);
  ASSERT_NE(module.table(), nullptr) << module.describe();
  if (module.state() == ModuleState::ready) GTEST_SKIP() << "a GPU is here: " << module.describe();
  const OrreryCudaGemm gemm{ORRERY_CUDA_BF16, 0, 16, 16, 16, 1};
  const OrreryCudaNorm norm{ORRERY_CUDA_RMS_NORM, 0, 4, 64};
  const OrreryCudaCopy copy{ORRERY_CUDA_DEVICE_TO_DEVICE, 1, 4096};
  OrreryCudaTiming timing{};
  OrreryCudaStatus status{};
  EXPECT_NE(module.table()->time_gemm(&gemm, &kWarm, &timing, &status), ORRERY_CUDA_OK);
  EXPECT_NE(module.table()->time_norm(&norm, &kWarm, &timing, &status), ORRERY_CUDA_OK);
  EXPECT_NE(module.table()->time_copy(&copy, &kWarm, &timing, &status), ORRERY_CUDA_OK);
  EXPECT_THAT(status.message, ::testing::HasSubstr("kernels/cuda/resources.hpp"));
  EXPECT_THAT(status.message, ::testing::HasSubstr("no device"));
#else
  GTEST_SKIP() << "built without the CUDA module";
#endif
}

}  // namespace
}  // namespace orrery::kernels::cuda
