// The types that collectives are asked about by, and what NCCL makes of them.
#include "calibrate/nccl_types.hpp"

#include <gtest/gtest.h>

namespace orrery::calibrate {
namespace {

TEST(NcclTypes, AreThoseOfItsTestsWithTheirSizes) {
  // nccl-tests src/common.cu, test_typenames; sizes of ncclDataType_t.
  constexpr std::pair<const char*, double> kTests[] = {{"int8", 1},   {"uint8", 1},    {"int32", 4},  {"uint32", 4},
                                                       {"int64", 8},  {"uint64", 8},   {"half", 2},   {"float", 4},
                                                       {"double", 8}, {"bfloat16", 2}, {"f8e4m3", 1}, {"f8e5m2", 1}};
  for (const auto& [name, bytes] : kTests) {
    const NcclType* type = find_nccl_type(name);
    ASSERT_NE(type, nullptr) << name;
    EXPECT_EQ(type->name, name);
    EXPECT_EQ(type->bytes, bytes) << name;
    EXPECT_FALSE(type->only_moved) << name;
  }
  EXPECT_EQ(find_nccl_type("quad"), nullptr);
  EXPECT_EQ(find_nccl_type(""), nullptr);
}

TEST(NcclTypes, HaveAWordForEachOfOurFormats) {
  for (const Dtype dtype : all_dtypes()) {
    EXPECT_EQ(nccl_type(dtype).dtype, dtype) << name(dtype);
    EXPECT_EQ(find_nccl_type(name(dtype)), &nccl_type(dtype));
  }
  EXPECT_EQ(find_nccl_type("float16")->name, "half") << "other names of ours";
}

TEST(NcclTypes, OfWhichNcclHasNoneAreBytes) {
  for (const char* word : {"int4", "nvfp4", "fp8_block"}) {
    const NcclType* type = find_nccl_type(word);
    ASSERT_NE(type, nullptr) << word;
    EXPECT_TRUE(type->only_moved) << word;
    EXPECT_EQ(type->name, "uint8") << word;
    EXPECT_EQ(type->bytes, 1.0) << word;
  }
}

}  // namespace
}  // namespace orrery::calibrate
