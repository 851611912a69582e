// Rows of tables of single operators and of whole attention blocks.
#include <algorithm>

#include <gtest/gtest.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "kernels/family.hpp"
#include "tests/calibrate/temporary_folder.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::calibrate {
namespace {

using kernels::AttentionDecodeShape;
using kernels::AttentionPrefillShape;
using kernels::GemmShape;
using kernels::MemoryOp;
using kernels::MemoryShape;

TableRows read(const std::string& text, const char* family) {
  const tests::TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("table.csv", text));
  const TableKind* kind = kind_of(table);
  EXPECT_NE(kind, nullptr);
  EXPECT_EQ(kind->family, family);
  return kind->read(table, tests::hopper_gpu());
}

TEST(QuantizeRows, AreTheTwoPassesBeforeAnFp8Multiplication) {
  const TableRows rows = read(
      "op,dtype,m,k,time_us\ncomputescale,fp8,64,4096,7.5\nscale_matrix,fp8,64,4096,1.5\n"
      "transpose,fp8,64,4096,1.5\nscale_matrix,fp3,64,4096,1.5\n",
      "memory");
  ASSERT_EQ(rows.rows.size(), 2u);
  const auto& largest = std::get<MemoryShape>(rows.rows[0].kernel);
  EXPECT_EQ(largest.op, MemoryOp::amax);
  EXPECT_EQ(largest.read.value(), 2.0 * 64 * 4096);
  EXPECT_EQ(largest.written.value(), 0.0);
  EXPECT_EQ(rows.rows[0].fit_key, "memory/trtllm/amax");
  const auto& scaled = std::get<MemoryShape>(rows.rows[1].kernel);
  EXPECT_EQ(scaled.op, MemoryOp::quantize);
  EXPECT_EQ(scaled.written.value(), 64.0 * 4096);
  EXPECT_EQ(rows.rows[1].family_key, "k=4096");
  ASSERT_EQ(rows.skipped.size(), 2u);
  EXPECT_EQ(rows.skipped[0].line, 4);
  EXPECT_EQ(rows.skipped[0].reason, "no kernel describes this operator");
  EXPECT_EQ(rows.skipped[1].reason, "unknown dtype");
}

TEST(MlaBmmRows, AreAMatrixAHead) {
  const TableRows rows = read(
      "op,dtype,tokens,heads,time_us\nmla_gen_pre,bfloat16,64,16,4.4\nmla_gen_post,fp8,64,1,6.8\n"
      "mla_gen_mid,fp8,64,1,6.8\n",
      "gemm");
  ASSERT_EQ(rows.rows.size(), 2u);
  const auto& before = std::get<GemmShape>(rows.rows[0].kernel);
  EXPECT_EQ(before.batch, 16);
  EXPECT_EQ(before.n, 512);
  EXPECT_EQ(before.k, 128);
  EXPECT_EQ(rows.rows[0].fit_key, "gemm/trtllm/batched_bf16");
  const auto& behind = std::get<GemmShape>(rows.rows[1].kernel);
  EXPECT_EQ(behind.n, 128);
  EXPECT_EQ(behind.k, 512);
  EXPECT_TRUE(behind.strided) << "the kernel of several, of one head too";
  EXPECT_EQ(rows.rows[1].fit_key, "gemm/trtllm/batched_fp8");
  EXPECT_EQ(rows.skipped.size(), 1u);
}

TEST(StridedGemm, TakesItsOwnFitAndElseThatOfOneMatrix) {
  hardware::Gpu gpu = tests::hopper_gpu();
  GemmShape shape;
  shape.m = 64, shape.n = 512, shape.k = 128, shape.batch = 16, shape.strided = true;
  gpu.fits.resize(1);
  gpu.fits[0].key = "gemm/trtllm/bf16";
  EXPECT_EQ(kernels::fit_key(shape, gpu), "gemm/trtllm/bf16");
  gpu.fits.resize(2);
  gpu.fits[1].key = "gemm/trtllm/batched_bf16";
  EXPECT_EQ(kernels::fit_key(shape, gpu), "gemm/trtllm/batched_bf16");
  shape.batch = 1;
  EXPECT_EQ(kernels::fit_key(shape, gpu), "gemm/trtllm/batched_bf16");
  shape.batch = 16, shape.strided = false;
  EXPECT_EQ(kernels::fit_key(shape, gpu), "gemm/trtllm/bf16") << "scores of unfused attention are of other sizes";
}

TEST(TrainingRows, AreMultiplicationsInThreeLayouts) {
  const TableRows rows = read(
      "dtype,m,n,k,batch,layout,accumulate,out_dtype,time_us\nbf16,4096,8192,1024,1,TN,0,bf16,500\n"
      "bf16,8192,1024,4096,1,NT,1,fp32,500\n",
      "gemm");
  ASSERT_EQ(rows.rows.size(), 2u);
  EXPECT_EQ(rows.rows[0].family_key, "TN");
  EXPECT_EQ(rows.rows[0].fit_key, "");
  EXPECT_FALSE(std::get<GemmShape>(rows.rows[0].kernel).accumulate);
  EXPECT_TRUE(std::get<GemmShape>(rows.rows[1].kernel).accumulate);
}

TEST(TrainingRows, OfGroupsAreAMatrixAnExpert) {
  const TableRows rows =
      read("dtype,groups,m,n,k,stage,accumulate,time_us\nbf16,80,308,5120,1536,bwd_grad_w,1,900\n", "gemm");
  ASSERT_EQ(rows.rows.size(), 1u);
  const auto& shape = std::get<GemmShape>(rows.rows[0].kernel);
  EXPECT_EQ(shape.batch, 80);
  EXPECT_TRUE(shape.accumulate);
  EXPECT_EQ(rows.rows[0].family_key, "bwd_grad_w");
}

TEST(TrainingRows, OfAttentionHaveTwoPasses) {
  const TableRows rows = read(
      "dtype,direction,batch,seq,q_heads,kv_heads,head_dim,v_head_dim,qkv_contiguous,time_us\n"
      "bf16,fwd,1,4096,32,4,128,128,1,167\nbf16,bwd,1,4096,128,128,192,128,0,2370\nbf16,all,1,4096,1,1,64,64,0,9\n",
      "attention_prefill");
  ASSERT_EQ(rows.rows.size(), 2u);
  const auto& forward = std::get<AttentionPrefillShape>(rows.rows[0].kernel);
  EXPECT_EQ(forward.v_head_dim, 0);
  EXPECT_EQ(forward.kv_heads, 4);
  EXPECT_EQ(forward.pass, kernels::Pass::forward);
  const auto& backward = std::get<AttentionPrefillShape>(rows.rows[1].kernel);
  EXPECT_EQ(backward.pass, kernels::Pass::backward);
  EXPECT_EQ(backward.v_head_dim, 128);
  EXPECT_EQ(rows.skipped.at(0).reason, "neither a forward nor a backward pass");
}

TEST(TrainingRows, AreTimedAtTheClockOfTheBoardThatWasMeasured) {
  const tests::TemporaryFolder folder;
  const std::string row = "bf16,16384,8192,8192,1,TN,0,bf16,3000\n";
  const auto training = folder.file("t.csv", "dtype,m,n,k,batch,layout,accumulate,out_dtype,time_us\n" + row);
  const auto bursts = folder.file("b.csv", "dtype,m,n,k,time_us\nbf16,16384,8192,8192,3000\n");
  hardware::Gpu gpu = tests::hopper_gpu();
  const auto timer = kernels::timers().back().make();
  const auto predicted = [&](const std::filesystem::path& table) {
    return validate_kernels(table, gpu, *timer).rows.at(0).predicted;
  };
  const double usual = predicted(training);
  EXPECT_EQ(usual, predicted(bursts));
  gpu.states.push_back({"hot", 1.3, Seconds{1e-9}, "made up"});
  EXPECT_EQ(predicted(training), usual) << "nothing says that this board was in it";
  gpu.software.training_state = "hot";
  EXPECT_NEAR(predicted(training) / usual, 1.3, 1e-3);
  EXPECT_EQ(predicted(bursts), usual);
}

TEST(ExpertGroupRows, ReadSlotsAndTheLoadOfTheHottestRank) {
  const TableRows wide = read(
      "op,kernel,dtype,tokens,dp_tokens,rank0_tokens,hidden,inter,topk,experts,slots,moe_ep,distribution,time_us\n"
      "wideep_moe_eplb,wideep_compute_cutlass,fp8_block,160,5,41,6144,2048,8,256,288,32,power_law_1.2_eplb,142\n"
      "wideep_moe,wideep_compute_cutlass,fp8_block,160,5,41,6144,2048,8,256,256,32,power_law_1.2,142\n",
      "moe");
  ASSERT_EQ(wide.rows.size(), 2u);
  const auto& balanced = std::get<kernels::MoeShape>(wide.rows[0].kernel);
  EXPECT_EQ(balanced.experts, 288);
  EXPECT_EQ(balanced.expert_parallel, 32);
  EXPECT_EQ(balanced.load, kernels::ExpertLoad::balanced);
  EXPECT_EQ(std::get<kernels::MoeShape>(wide.rows[1].kernel).load, kernels::ExpertLoad::power_law_1_2);
  const std::string columns = "phase,dtype,tokens,hidden,inter,topk,experts,moe_ep,distribution,time_us\n";
  const std::string shape = "decode,fp8_block,512,7168,2048,8,256,64,";
  const TableRows deepep = read(columns + shape + "uniform,53\n" + shape + "power_law_0.6,53\n" + shape +
                                    "power_law_1.02,53\n" + shape + "power_law_x,53\n" + shape + "zipf,53\n",
                                "moe");
  ASSERT_EQ(deepep.rows.size(), 3u);
  EXPECT_EQ(std::get<kernels::MoeShape>(deepep.rows[0].kernel).load, kernels::ExpertLoad::balanced);
  EXPECT_EQ(std::get<kernels::MoeShape>(deepep.rows[1].kernel).load, kernels::ExpertLoad::power_law_1_01);
  EXPECT_EQ(std::get<kernels::MoeShape>(deepep.rows[2].kernel).load, kernels::ExpertLoad::power_law_1_01);
  EXPECT_EQ(deepep.skipped.size(), 2u);
}

constexpr const char* kBlockColumns = "model,mla_dtype,kv_dtype,gemm_dtype,heads,batch,seq,past,time_us\n";

std::vector<kernels::Kernel> all_of(const MeasuredRow& row) {
  std::vector<kernels::Kernel> kernels = row.after;
  kernels.insert(kernels.begin(), row.kernel);
  return kernels;
}

template <class Shape>
std::vector<Shape> of_kind(const MeasuredRow& row) {
  std::vector<Shape> shapes;
  for (const kernels::Kernel& kernel : all_of(row)) {
    if (const auto* shape = std::get_if<Shape>(&kernel)) shapes.push_back(*shape);
  }
  return shapes;
}

TEST(AttentionBlockRows, DecodeOnTheLatent) {
  const TableRows rows = read(std::string(kBlockColumns) +
                                  "deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,4,1,1023,70\n"
                                  "nobody/No-Model,bfloat16,fp8,fp8_block,16,4,1,1023,70\n",
                              "attention_block");
  ASSERT_EQ(rows.rows.size(), 1u);
  EXPECT_EQ(rows.rows[0].fit_key, "") << "each kernel has its own";
  const auto cores = of_kind<AttentionDecodeShape>(rows.rows[0]);
  ASSERT_EQ(cores.size(), 1u);
  EXPECT_EQ(cores[0].kv_tokens, 4 * 1024);
  EXPECT_EQ(cores[0].q_heads, 16);
  EXPECT_EQ(cores[0].latent_dim, 576);
  EXPECT_EQ(cores[0].kv_dtype, Dtype::fp8);
  // Down to both latents, up to queries of 192, two products with the latent, out of 16 heads of 128.
  std::vector<std::pair<std::int64_t, std::int64_t>> sizes;
  for (const GemmShape& gemm : of_kind<GemmShape>(rows.rows[0])) sizes.emplace_back(gemm.n, gemm.k);
  std::sort(sizes.begin(), sizes.end());
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected = {
      {128, 512}, {512, 128}, {2112, 7168}, {3072, 1536}, {7168, 2048}};
  EXPECT_EQ(sizes, expected);
  ASSERT_EQ(rows.skipped.size(), 1u);
  EXPECT_EQ(rows.skipped[0].reason, "a model whose sizes are not known here");
}

TEST(AttentionBlockRows, PrefillExpandsTheLatent) {
  const TableRows rows = read(std::string(kBlockColumns) +
                                  "deepseek-ai/DeepSeek-V3,bfloat16,bfloat16,bfloat16,16,1,1,128,70\n"
                                  "deepseek-ai/DeepSeek-V3,bfloat16,bfloat16,bfloat16,16,2,512,0,200\n",
                              "attention_block");
  ASSERT_EQ(rows.rows.size(), 2u);
  for (const MeasuredRow& row : rows.rows) EXPECT_TRUE(of_kind<AttentionDecodeShape>(row).empty());
  const auto cores = of_kind<AttentionPrefillShape>(rows.rows[1]);
  ASSERT_EQ(cores.size(), 1u);
  EXPECT_EQ(cores[0].head_dim, 192);
  EXPECT_EQ(cores[0].v_head_dim, 128);
  EXPECT_EQ(of_kind<AttentionPrefillShape>(rows.rows[0])[0].kv_len, 129);
}

TEST(AttentionBlockRows, OfSparseAttentionHaveAnIndexer) {
  const TableRows rows = read(std::string(kBlockColumns) +
                                  "deepseek-ai/DeepSeek-V3.2,bfloat16,bfloat16,bfloat16,64,1,1,8191,140\n"
                                  "zai-org/GLM-5,bfloat16,bfloat16,bfloat16,64,1,1,8191,140\n",
                              "attention_block");
  ASSERT_EQ(rows.rows.size(), 2u);
  for (const MeasuredRow& row : rows.rows) {
    EXPECT_EQ(of_kind<AttentionDecodeShape>(row).at(0).kv_tokens, 2048) << "of 8,192 the chosen ones";
    const auto gemms = of_kind<GemmShape>(row);
    EXPECT_TRUE(std::any_of(gemms.begin(), gemms.end(), [](const GemmShape& gemm) {
      return gemm.n == 128 && gemm.batch == 1;
    })) << "the indexer's key";
  }
}

TEST(AttentionBlockRows, EnterNoFit) {
  const tests::TemporaryFolder folder;
  std::string text = kBlockColumns;
  for (int i = 1; i < 60; ++i)
    text += "deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,4,1," + std::to_string(i) + ",70\n";
  const FitOutcome outcome = fit_table(folder.file("block.csv", text), tests::hopper_gpu(), "2026-12-01");
  EXPECT_TRUE(outcome.fits.empty());
  ASSERT_FALSE(outcome.left_out.empty());
  EXPECT_EQ(outcome.left_out[0].reason, "a block of kernels, each of which has its own fit");
}

}  // namespace
}  // namespace orrery::calibrate
