#include <gtest/gtest.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::calibrate {
namespace {

using tests::TemporaryFolder;

const std::string kHeader = "kernel,dtype,tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution,time_us\n";

TableRows read(const std::string& row) {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("moe.csv", kHeader + row));
  const TableKind* kind = kind_of(table);
  EXPECT_NE(kind, nullptr);
  EXPECT_EQ(kind->family, "moe");
  return kind->read(table, hardware::load_gpu("h100_sxm"));
}

const kernels::MoeShape& shape_of(const TableRows& rows) { return std::get<kernels::MoeShape>(rows.rows.at(0).kernel); }

TEST(MoeRows, MapColumnsToShapes) {
  const TableRows rows = read("moe_torch_flow_cutlass,fp8_block,128,7168,2048,8,256,2,16,power_law_1.2,90.5\n");
  ASSERT_EQ(rows.rows.size(), 1u);
  const kernels::MoeShape& shape = shape_of(rows);
  EXPECT_EQ(shape.dtype, Dtype::fp8_block);
  EXPECT_EQ(shape.tokens, 128);
  EXPECT_EQ(shape.hidden, 7168);
  EXPECT_EQ(shape.inter, 2048);
  EXPECT_EQ(shape.topk, 8);
  EXPECT_EQ(shape.experts, 256);
  EXPECT_EQ(shape.tensor_parallel, 2);
  EXPECT_EQ(shape.expert_parallel, 16);
  EXPECT_EQ(shape.load, kernels::ExpertLoad::power_law_1_2);
  EXPECT_TRUE(shape.gated);
  EXPECT_EQ(rows.rows[0].fit_key, "moe/trtllm/fp8_block");
  EXPECT_EQ(rows.rows[0].family_key, "7168x2048,top8of256");
  EXPECT_NEAR(rows.rows[0].measured.value(), 90.5e-6, 1e-12);
}

TEST(MoeRows, KnowKernelsWithoutAGateAndInt4Weights) {
  EXPECT_FALSE(shape_of(read("moe_torch_flow_nongated,bfloat16,1,4096,1024,8,128,1,1,balanced,9\n")).gated);
  const TableRows int4 = read("sglang_marlin_moe,int4_wo,1,4096,1024,8,128,1,1,balanced,9\n");
  EXPECT_EQ(shape_of(int4).dtype, Dtype::int4);
  EXPECT_EQ(int4.rows[0].fit_key, "moe/sglang/int4");
}

TEST(MoeRows, CountTheWorkThatSglangDoesUnderExpertParallelism) {
  // Balanced, 8 ranks, top 8: each rank has 1/8 of the pairs by its tokens and computes all of them.
  EXPECT_EQ(shape_of(read("sglang_fused_moe_triton,bfloat16,1024,7168,2048,8,256,1,8,balanced,9\n")).tokens, 8192);
  // 4 ranks: 1/4 of the pairs, so only four times the tokens are needed to compute all.
  EXPECT_EQ(shape_of(read("sglang_fused_moe_triton,bfloat16,1024,7168,2048,8,256,1,4,balanced,9\n")).tokens, 4096);
  // One rank, too few pairs to keep every expert busy, and other libraries: as they stand.
  EXPECT_EQ(shape_of(read("sglang_fused_moe_triton,bfloat16,1024,7168,2048,8,256,1,1,balanced,9\n")).tokens, 1024);
  EXPECT_EQ(shape_of(read("sglang_fused_moe_triton,bfloat16,16,7168,2048,8,256,1,8,balanced,9\n")).tokens, 16);
  EXPECT_EQ(shape_of(read("moe_torch_flow_cutlass,bfloat16,1024,7168,2048,8,256,1,8,balanced,9\n")).tokens, 1024);
}

TEST(MoeRows, NameWhatTheyLeaveOut) {
  const auto reason = [](const std::string& row) {
    const TableRows rows = read(row);
    EXPECT_TRUE(rows.rows.empty());
    return rows.skipped.empty() ? std::string() : rows.skipped[0].reason;
  };
  EXPECT_EQ(reason("triton_moe,bfloat16,1,4096,1024,8,128,1,1,balanced,9\n"), "no kernel class describes it");
  EXPECT_EQ(reason("moe_torch_flow,w4a16_mxfp4,1,4096,1024,8,128,1,1,balanced,9\n"), "unknown dtype");
  EXPECT_EQ(reason("moe_torch_flow_cutlass,fp8,1,4096,1024,8,128,1,1,zipf,9\n"), "unknown distribution of tokens");
  EXPECT_NE(reason("moe_torch_flow_min_latency,nvfp4,1,4096,1024,8,128,1,1,balanced,9\n").find("min-latency"),
            std::string::npos);
}

}  // namespace
}  // namespace orrery::calibrate
