// Number formats: their storage by the definition of each format, and the words they are read from.
#include "hardware/dtype.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace orrery {
namespace {

TEST(Dtype, StorageIsThatOfTheFormatWithItsScales) {
  EXPECT_EQ(element_size(Dtype::fp32).value(), 4.0);
  EXPECT_EQ(element_size(Dtype::tf32).value(), 4.0) << "19 bits, but stored as fp32";
  EXPECT_EQ(element_size(Dtype::fp16).value(), 2.0);
  EXPECT_EQ(element_size(Dtype::bf16).value(), 2.0);
  EXPECT_EQ(element_size(Dtype::fp8).value(), 1.0) << "one scale per tensor is nothing";
  EXPECT_EQ(element_size(Dtype::int8).value(), 1.0);
  // DeepSeek-V3 (arXiv 2412.19437 §3.3): a block of 128 x 128 weights has one fp32 scale: 16,388 bytes.
  EXPECT_DOUBLE_EQ(element_size(Dtype::fp8_block).value() * 128 * 128, 16384.0 + 4.0);
  // NVFP4: 16 values of 4 bits and one e4m3 scale: 9 bytes.
  EXPECT_DOUBLE_EQ(element_size(Dtype::nvfp4).value() * 16, 9.0);
  // Groups of 128 of 4 bits with an fp16 scale and an fp16 zero point: 68 bytes.
  EXPECT_DOUBLE_EQ(element_size(Dtype::int4).value() * 128, 64.0 + 2.0 + 2.0);
}

TEST(Dtype, EveryOneIsListedOnceAndReadsBackFromItsName) {
  std::set<std::string_view> names;
  for (const Dtype dtype : all_dtypes()) {
    EXPECT_TRUE(names.insert(name(dtype)).second) << name(dtype);
    EXPECT_EQ(parse_dtype(name(dtype)), dtype) << name(dtype);
    EXPECT_GT(element_size(dtype).value(), 0.0);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Dtype::nvfp4) + 1) << "nvfp4 is the last";
  EXPECT_EQ(all_dtypes().front(), Dtype::fp32);
  EXPECT_EQ(all_dtypes().back(), Dtype::nvfp4);
}

TEST(Dtype, TakesTheWordsOfModelConfigurations) {
  // torch_dtype of config.json, and the columns of measured tables.
  EXPECT_EQ(parse_dtype("bfloat16"), Dtype::bf16);
  EXPECT_EQ(parse_dtype("float16"), Dtype::fp16);
  EXPECT_EQ(parse_dtype("half"), Dtype::fp16);
  EXPECT_EQ(parse_dtype("float32"), Dtype::fp32);
  EXPECT_EQ(parse_dtype("float8_e4m3fn"), Dtype::fp8);
}

TEST(Dtype, RefusesWhatIsNearlyAName) {
  for (const char* text : {"", "BF16", "bf16 ", " bf16", "bf", "fp8_blocks", "fp4", "float64", "e5m2", "float"}) {
    EXPECT_FALSE(parse_dtype(text).has_value()) << '\'' << text << '\'';
  }
}

}  // namespace
}  // namespace orrery
