#include <gtest/gtest.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::calibrate {
namespace {

using tests::TemporaryFolder;

TableRows read(const std::string& text, const char* gpu = "h100_sxm") {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("attention.csv", text));
  const TableKind* kind = kind_of(table);
  EXPECT_NE(kind, nullptr);
  return kind->read(table, hardware::load_gpu(gpu));
}

const std::string kPrefill = "kernel,attn_dtype,kv_dtype,batch,seq,past,q_heads,kv_heads,head_dim,window,time_us\n";
const std::string kDecode = "kernel,attn_dtype,kv_dtype,batch,past,q_heads,kv_heads,head_dim,window,time_us\n";
const std::string kMla = "mla_dtype,kv_dtype,heads,batch,seq,past,time_us\n";

TEST(AttentionRows, MapPrefillColumnsToShapes) {
  const auto rows = read(kPrefill + "torch_flow,bfloat16,fp8,8,1024,0,96,2,256,128,47063.6\n").rows;
  ASSERT_EQ(rows.size(), 1u);
  const auto& shape = std::get<kernels::AttentionPrefillShape>(rows[0].kernel);
  EXPECT_EQ(shape.batch, 8);
  EXPECT_EQ(shape.q_len, 1024);
  EXPECT_EQ(shape.kv_len, 1024);
  EXPECT_EQ(shape.q_heads, 96);
  EXPECT_EQ(shape.kv_heads, 2);
  EXPECT_EQ(shape.head_dim, 256);
  EXPECT_EQ(shape.window, 128);
  EXPECT_EQ(shape.kv_dtype, Dtype::fp8);
  EXPECT_TRUE(shape.causal);
  EXPECT_EQ(rows[0].fit_key, "attention_prefill/trtllm/bf16_kv_fp8");
  EXPECT_EQ(rows[0].family_key, "h=96/2,d=256,w=128,bf16/fp8,torch_flow");
  EXPECT_NEAR(rows[0].measured.value(), 47063.6e-6, 1e-12);
  EXPECT_EQ(rows[0].line, 2);
}

TEST(AttentionRows, KeyPrefillByMatrixAndCacheDtype) {
  const auto rows = read(kPrefill +
                         "torch_flow,bfloat16,bfloat16,1,64,0,8,8,128,0,9\n"
                         "torch_flow,fp8,fp8,1,64,0,8,8,128,0,9\n"
                         "vllm_flash_attn_fa3,bfloat16,fp8,1,64,0,8,8,128,0,9\n")
                        .rows;
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].fit_key, "attention_prefill/trtllm/bf16");
  EXPECT_EQ(rows[1].fit_key, "attention_prefill/trtllm/fp8");
  EXPECT_EQ(rows[2].fit_key, "attention_prefill/vllm/bf16_kv_fp8");
}

TEST(AttentionRows, DecodeHoldsTheNewTokenToo) {
  const auto rows = read(kDecode + "vllm_flash_attn_fa3,bfloat16,bfloat16,32,127,64,8,128,0,20\n").rows;
  ASSERT_EQ(rows.size(), 1u);
  const auto& shape = std::get<kernels::AttentionDecodeShape>(rows[0].kernel);
  EXPECT_EQ(shape.batch, 32);
  EXPECT_EQ(shape.kv_tokens, 32 * 128);  // 127 cached and the new one
  EXPECT_EQ(rows[0].fit_key, "attention_decode/vllm/bf16");
}

TEST(AttentionRows, OneNewMlaTokenOverACacheIsDecode) {
  const auto rows = read(kMla + "bfloat16,bfloat16,16,4,1024,0,50\nbfloat16,fp8,16,4,1,1023,20\n").rows;
  ASSERT_EQ(rows.size(), 2u);
  const auto& prefill = std::get<kernels::AttentionPrefillShape>(rows[0].kernel);
  EXPECT_EQ(prefill.head_dim, 192);
  EXPECT_EQ(prefill.v_head_dim, 128);
  EXPECT_EQ(prefill.kv_heads, 16);
  EXPECT_EQ(rows[0].fit_key, "attention_prefill/trtllm/mla");
  const auto& decode = std::get<kernels::AttentionDecodeShape>(rows[1].kernel);
  EXPECT_EQ(decode.latent_dim, 576);
  EXPECT_EQ(decode.kv_tokens, 4 * 1024);
  EXPECT_EQ(rows[1].fit_key, "attention_decode/trtllm/mla_fp8");
}

TEST(AttentionRows, NameWhatTheyLeaveOut) {
  const auto unknown = read(kDecode + "vllm_triton_attn,bfloat16,bfloat16,1,1,8,8,192,0,9\n");
  EXPECT_TRUE(unknown.rows.empty());
  ASSERT_EQ(unknown.skipped.size(), 1u);
  EXPECT_EQ(unknown.skipped[0].line, 2);
  EXPECT_EQ(unknown.skipped[0].description, "vllm_triton_attn");
  EXPECT_EQ(unknown.skipped[0].reason, "no kernel class describes it");

  const std::string impossible = kPrefill + "vllm_flashinfer,bfloat16,fp8,8,16384,0,64,2,128,0,627\n";
  EXPECT_TRUE(read(impossible, "rtx_pro_6000_server").rows.empty());
  EXPECT_EQ(read(impossible, "b200_sxm").rows.size(), 1u);  // the kernel is another one there
}

}  // namespace
}  // namespace orrery::calibrate
