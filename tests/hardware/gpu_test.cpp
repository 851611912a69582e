// What a GPU computes a number format in, of boards that have few formats or none.
#include "hardware/gpu.hpp"

#include <optional>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

constexpr FlopsPerSecond kHalf{100e12}, kBrain{90e12}, kEight{200e12}, kVector{10e12};

Gpu gpu_with(PeakRates peaks) {
  Gpu gpu;
  gpu.peak = peaks;
  gpu.vector_peak = kVector;
  return gpu;
}

TEST(MatrixPeak, OfFp32IsTheVectorUnits) {
  EXPECT_EQ(gpu_with({}).matrix_peak(Dtype::fp32), kVector);
  EXPECT_EQ(gpu_with({{Dtype::fp16, kHalf}}).matrix_peak(Dtype::fp32), kVector);
}

TEST(MatrixPeak, OfNarrowWeightsIsThatOfTheSixteenBitsTheyAreWidenedTo) {
  // bf16 before fp16, where there are both.
  for (const Dtype narrow : {Dtype::int4, Dtype::fp8, Dtype::nvfp4}) {
    EXPECT_EQ(gpu_with({{Dtype::bf16, kBrain}, {Dtype::fp16, kHalf}}).matrix_peak(narrow), kBrain) << name(narrow);
    EXPECT_EQ(gpu_with({{Dtype::fp16, kHalf}}).matrix_peak(narrow), kHalf) << name(narrow);
    EXPECT_EQ(gpu_with({}).matrix_peak(narrow), std::nullopt) << name(narrow);
  }
}

TEST(MatrixPeak, OfBlocksOfFp8IsThatOfFp8WhateverThatIs) {
  EXPECT_EQ(gpu_with({{Dtype::fp8, kEight}, {Dtype::bf16, kBrain}}).matrix_peak(Dtype::fp8_block), kEight);
  EXPECT_EQ(gpu_with({{Dtype::bf16, kBrain}}).matrix_peak(Dtype::fp8_block), kBrain);
  EXPECT_EQ(gpu_with({}).matrix_peak(Dtype::fp8_block), std::nullopt);
}

TEST(MatrixPeak, IsNoneWhereNothingStandsIn) {
  // int8 activations can't be widened; bf16's range does not fit fp16; tf32 is a format of the units alone.
  const Gpu volta = gpu_with({{Dtype::fp16, kHalf}});
  for (const Dtype dtype : {Dtype::int8, Dtype::bf16, Dtype::tf32}) {
    EXPECT_EQ(volta.matrix_peak(dtype), std::nullopt) << name(dtype);
  }
}

TEST(Multiplies, OnlyWhatItsUnitsTake) {
  const Gpu gpu = gpu_with({{Dtype::bf16, kBrain}, {Dtype::fp8, kEight}});
  EXPECT_TRUE(gpu.multiplies(Dtype::bf16));
  EXPECT_TRUE(gpu.multiplies(Dtype::fp8_block)) << "the same instruction";
  EXPECT_TRUE(gpu.multiplies(Dtype::fp32));
  for (const Dtype widened : {Dtype::int4, Dtype::nvfp4, Dtype::int8, Dtype::fp16}) {
    EXPECT_FALSE(gpu.multiplies(widened)) << name(widened);
  }
}

TEST(PeakRates, ARateOfNothingIsNone) {
  PeakRates rates{{Dtype::int8, kEight}};
  EXPECT_TRUE(rates.has(Dtype::int8));
  EXPECT_FALSE(rates.has(Dtype::nvfp4)) << "the last of them";
  rates[Dtype::int8] = FlopsPerSecond{0.0};
  EXPECT_FALSE(rates.has(Dtype::int8));
}

TEST(Fits, AreFoundByTheirWholeKey) {
  Gpu gpu;
  gpu.fits.resize(2);
  gpu.fits[0].key = "gemm/trtllm/bf16", gpu.fits[1].key = "gemm/trtllm/bf16_more";
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16"), &gpu.fits[0]);
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16_more"), &gpu.fits[1]);
  EXPECT_EQ(gpu.find_fit("gemm/trtllm"), nullptr);
  EXPECT_EQ(gpu.find_fit(""), nullptr);
}

}  // namespace
}  // namespace orrery::hardware
