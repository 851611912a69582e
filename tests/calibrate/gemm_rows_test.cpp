#include <gtest/gtest.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "tests/calibrate/temporary_folder.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::calibrate {
namespace {

using tests::TemporaryFolder;

const kernels::GemmShape& shape_of(const MeasuredRow& row) { return std::get<kernels::GemmShape>(row.kernel); }

TableRows read(const std::string& text, const hardware::Gpu& gpu) {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("gemm.csv", text));
  const TableKind* kind = kind_of(table);
  EXPECT_NE(kind, nullptr);
  EXPECT_EQ(kind->family, "gemm");
  return kind->read(table, gpu);
}

TEST(GemmRows, MapColumnsToShapes) {
  const auto rows = read("dtype,m,n,k,time_us\nbfloat16,16,4096,1024,12.5\n", tests::hopper_gpu()).rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].line, 2);
  EXPECT_EQ(shape_of(rows[0]).dtype, Dtype::bf16);
  EXPECT_EQ(shape_of(rows[0]).m, 16);
  EXPECT_EQ(shape_of(rows[0]).n, 4096);
  EXPECT_EQ(shape_of(rows[0]).k, 1024);
  EXPECT_NEAR(rows[0].measured.value(), 12.5e-6, 1e-18);
  EXPECT_EQ(rows[0].fit_key, "gemm/trtllm/bf16");
  EXPECT_EQ(rows[0].family_key, "n=4096,k=1024");
}

TEST(GemmRows, WeightsAreWarmWhereFiveCopiesStayInL2) {
  // L2 50 MiB, of which 0.7 hold: 36.7 MB. 5·1024²·2 = 10.5 MB stay; 5·2048²·2 = 41.9 MB do not.
  const auto rows = read(
                        "dtype,m,n,k,time_us\nbfloat16,1,1024,1024,3\nbfloat16,1,2048,2048,7\nfp8,1,2048,2048,14\n"
                        "bfloat16,32768,1024,1024,140\n",
                        tests::hopper_gpu())
                        .rows;
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(shape_of(rows[0]).weights, kernels::CacheState::warm);
  EXPECT_EQ(shape_of(rows[1]).weights, kernels::CacheState::cold);
  EXPECT_EQ(shape_of(rows[2]).weights, kernels::CacheState::warm);  // 21 MB in fp8
  EXPECT_EQ(shape_of(rows[3]).weights, kernels::CacheState::cold);  // 134 MB of activations sweep it out
}

TEST(GemmRows, TheProfileTellsTheLibrary) {
  const std::string text = "dtype,m,n,k,time_us\nbfloat16,1,1024,1024,3\n";
  const auto key = [&](const hardware::Gpu& gpu) { return read(text, gpu).rows[0].fit_key; };
  EXPECT_EQ(key(hardware::load_gpu("a100_sxm")), "gemm/sglang/bf16");
  EXPECT_EQ(key(hardware::load_gpu("rtx_pro_6000_server")), "gemm/vllm/bf16");
  EXPECT_EQ(key(hardware::load_gpu("b200_sxm")), "gemm/trtllm/bf16");
  auto gpu = tests::hopper_gpu();
  gpu.name = "a100_sxm";
  EXPECT_EQ(key(gpu), "gemm/trtllm/bf16") << "a name says nothing";
  gpu.software.gemm_table = "somebody";
  EXPECT_THROW((void)key(gpu), std::invalid_argument);
}

TEST(GemmRows, UnknownDtypesAreSkippedByName) {
  const auto result = read("dtype,m,n,k,time_us\nint3,1,2,3,4\nfp8,1,2,3,4\n", tests::hopper_gpu());
  ASSERT_EQ(result.skipped.size(), 1u);
  EXPECT_EQ(result.skipped[0].line, 2);
  EXPECT_EQ(result.skipped[0].description, "int3");
  EXPECT_EQ(result.rows.size(), 1u);
}

TEST(GemmRows, ACellThatIsNoNumberIsAnError) {
  EXPECT_THROW(read("dtype,m,n,k,time_us\nfp8,1,two,3,4\n", tests::hopper_gpu()), hardware::ConfigError);
}

TEST(TableKinds, ATableOfNoKindIsAnErrorThatNamesTheKinds) {
  const TemporaryFolder folder;
  const auto path = folder.file("t.csv", "a,b\n1,2\n");
  EXPECT_EQ(kind_of(read_csv(path)), nullptr);
  try {
    static_cast<void>(fit_table(path, tests::hopper_gpu(), "2025-01-01"));
    FAIL() << "no kind has columns a, b";
  } catch (const hardware::ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("gemm"), std::string::npos);
  }
}

}  // namespace
}  // namespace orrery::calibrate
