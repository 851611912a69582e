#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "calibrate/rows.hpp"
#include "calibrate/split.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "kernels/family.hpp"

namespace orrery::calibrate {
namespace {

using kernels::AttentionDecodeShape;
using kernels::AttentionPrefillShape;
using kernels::GemmShape;
using kernels::MemoryShape;

hardware::Gpu board(const char* name) {
  hardware::Gpu gpu;
  gpu.name = name;
  gpu.generation = hardware::load_generation("ada");
  return gpu;
}
hardware::Gpu rtx_4090() { return board("rtx_4090"); }

TableRows layers(const char* file, std::vector<std::vector<std::string>> rows, const char* gpu = "rtx_4090") {
  const CsvTable table{file, {"layer", "tokens", "time_us"}, std::move(rows)};
  return kind_of(table)->read(table, board(gpu));
}

TEST(VllmLayerRows, AreShapesOfTheModelInTheFilesName) {
  // Llama 3.1 8B: hidden 4096, 32 query and 8 KV heads of 128, inter 14336.
  const TableRows read =
      layers("/data/RTX4090_Llama-3.1-8B_tp1_dense.csv",
             {{"qkv_proj", "7", "60"}, {"o_proj", "7", "40"}, {"gate_up_proj", "7", "250"}, {"down_proj", "7", "130"}});
  ASSERT_EQ(read.rows.size(), 4u);
  const std::int64_t n[] = {(32 + 16) * 128, 4096, 28672, 4096}, k[] = {4096, 4096, 4096, 14336};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& gemm = std::get<GemmShape>(read.rows[i].kernel);
    EXPECT_EQ(gemm.m, 7);
    EXPECT_EQ(gemm.n, n[i]);
    EXPECT_EQ(gemm.k, k[i]);
    EXPECT_EQ(gemm.weights, kernels::CacheState::cold);
    EXPECT_EQ(read.rows[i].fit_key, "gemm/vllm/bf16");
    EXPECT_EQ(read.rows[i].line, static_cast<int>(i) + 2);
  }
  EXPECT_NEAR(read.rows[0].measured.value(), 60e-6, 1e-15);
}

TEST(VllmLayerRows, ShareLayersAmongTensorParallelRanks) {
  // Qwen3-30B-A3B, 2 ranks: hidden 2048, 32 query and 4 KV heads of 128.
  const TableRows read = layers("RTX4090_Qwen3-30B-A3B-Instruct-2507_tp2_dense.csv",
                                {{"qkv_proj", "3", "20"}, {"o_proj", "3", "20"}, {"qk_norm", "3", "2"}});
  ASSERT_EQ(read.rows.size(), 3u);
  EXPECT_EQ(std::get<GemmShape>(read.rows[0].kernel).n, (16 + 4) * 128);
  EXPECT_EQ(std::get<GemmShape>(read.rows[1].kernel).k, 16 * 128);
  EXPECT_EQ(std::get<MemoryShape>(read.rows[2].kernel).elements, 3 * (32 + 4) * 128);
}

TEST(VllmLayerRows, OfMemoryKernelsAreRowsThatL2Holds) {
  const TableRows read = layers("RTX4090_Llama-3.1-8B_tp1_dense.csv", {{"layernorm", "5", "2"},
                                                                       {"rotary_emb", "5", "2"},
                                                                       {"act_fn", "5", "3"},
                                                                       {"embedding", "5", "3"},
                                                                       {"sampler", "5", "30"}});
  ASSERT_EQ(read.rows.size(), 4u);
  EXPECT_EQ(read.rows[0].fit_key, "memory/vllm/norm");
  EXPECT_EQ(read.rows[0].family_key, "layernorm,4096");
  EXPECT_EQ(read.rows[1].fit_key, "memory/vllm/rotary");
  EXPECT_EQ(read.rows[2].family_key, "act_fn,14336");
  for (const MeasuredRow& row : read.rows) {
    EXPECT_EQ(std::get<MemoryShape>(row.kernel).rows, 5);
    EXPECT_EQ(std::get<MemoryShape>(row.kernel).inputs, kernels::CacheState::warm);
  }
  // bf16: the norm reads the layer's output and the residual and writes both: 5 x 4096 x 2 B x 2.
  const auto& norm = std::get<MemoryShape>(read.rows[0].kernel);
  EXPECT_EQ(norm.read.value(), 81920.0 * 1.0);
  EXPECT_EQ(norm.written.value(), 81920.0);
  // gate and up in, their product out.
  const auto& activation = std::get<MemoryShape>(read.rows[2].kernel);
  EXPECT_EQ(activation.read.value(), 2.0 * activation.written.value());
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_EQ(read.skipped[0].description, "sampler");
}

TEST(VllmLayerRows, OfHeadsThatAreNormedAreWholeAtEveryDegree) {
  // Measured once: the files of two ranks have the times of one, and those are of all 64 + 8 heads.
  const TableRows read = layers("RTXPRO6000_Qwen3-32B_tp2_dense.csv", {{"qk_norm", "3", "2"}}, "rtx_pro_6000_server");
  ASSERT_EQ(read.rows.size(), 1u);
  const auto& norm = std::get<MemoryShape>(read.rows[0].kernel);
  EXPECT_EQ(norm.rows, 3 * 72);
  EXPECT_EQ(norm.elements, 3 * 72 * 128);
  EXPECT_EQ(read.rows[0].family_key, "qk_norm,128");
}

TEST(VllmAttentionRows, TellPromptsDecodingAndMixedBatches) {
  const CsvTable table{"RTX4090_Llama-3.1-8B_tp1_attention.csv",
                       {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"},
                       {{"64", "512", "0", "0", "25"},
                        {"0", "0", "8", "1024", "50"},
                        {"64", "512", "8", "1024", "110"},
                        {"0", "0", "0", "0", "1"}}};
  const TableRows read = kind_of(table)->read(table, rtx_4090());
  ASSERT_EQ(read.rows.size(), 3u);
  const auto& prompt = std::get<AttentionPrefillShape>(read.rows[0].kernel);
  EXPECT_EQ(prompt.q_len, 64);
  EXPECT_EQ(prompt.kv_len, 576);
  EXPECT_EQ(read.rows[0].fit_key, "attention_prefill/vllm/bf16");
  const auto& decode = std::get<AttentionDecodeShape>(read.rows[1].kernel);
  EXPECT_EQ(decode.batch, 8);
  EXPECT_EQ(decode.kv_tokens, 8 * 1025) << "the new token is cached before it is read";
  EXPECT_EQ(read.rows[1].fit_key, "attention_decode/vllm/bf16");
  ASSERT_TRUE(read.rows[2].second.has_value());
  EXPECT_EQ(read.rows[2].fit_key, "");
  ASSERT_EQ(read.skipped.size(), 1u);
  EXPECT_EQ(read.skipped[0].reason, "an empty batch");
}

TEST(VllmLayerRows, RefuseFilesWhoseNamesSayNothingOrAnotherGpu) {
  EXPECT_THROW((void)layers("dense.csv", {}), hardware::ConfigError);
  EXPECT_THROW((void)layers("RTX4090_No-Such-Model_tp1_dense.csv", {}), hardware::ConfigError);
  EXPECT_THROW((void)layers("RTXPRO6000_Llama-3.1-8B_tp1_dense.csv", {}), hardware::ConfigError);
}

// On measured tables.
class MeasuredLayers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (data_folder().empty()) GTEST_SKIP() << "ORRERY_DATA is not set";
    for (const kernels::TimerRow& row : kernels::timers()) {
      if (row.name == "fitted") timer_ = row.make();
    }
  }

  [[nodiscard]] std::map<std::string, ErrorSummary> groups(const char* file, const char* gpu) const {
    const std::filesystem::path path = data_folder() / "kernels" / "llmservingsim" / file;
    std::map<std::string, ErrorSummary> out;
    for (const ErrorSummary& group : validate_kernels(path, hardware::load_gpu(gpu), *timer_).groups) {
      out[group.name] = group;
    }
    return out;
  }

  std::unique_ptr<kernels::KernelTimer> timer_;
};

TEST_F(MeasuredLayers, OfTheRtx4090AreNearTheProfilesFits) {
  const auto attention = groups("RTX4090_Llama-3.1-8B_tp1_attention.csv", "rtx_4090");
  EXPECT_LE(attention.at("unseen_point").median_error, 0.10);
  EXPECT_LE(attention.at("unseen_family").median_error, 0.08);
  EXPECT_LE(attention.at("mixed").median_error, 0.20);
  const auto dense = groups("RTX4090_Llama-3.1-8B_tp1_dense.csv", "rtx_4090");
  EXPECT_LE(dense.at("seen").median_error, 0.05);
  EXPECT_LE(dense.at("unseen_point").median_error, 0.05);
  const auto head = groups("RTX4090_Llama-3.1-8B_tp1_per_sequence.csv", "rtx_4090");
  EXPECT_LE(head.at("unseen_family").median_error, 0.08) << "the vocabulary's projection is in no fit";
}

TEST_F(MeasuredLayers, OfTheRtxPro6000AreNearAFitToOtherMeasurements) {
  const auto attention = groups("RTXPRO6000_Qwen3-32B_tp1_attention.csv", "rtx_pro_6000_server");
  EXPECT_LE(attention.at("unseen_family").median_error, 0.12);
  EXPECT_LE(attention.at("mixed").median_error, 0.15);
  EXPECT_LE(groups("RTXPRO6000_Qwen3-32B_tp1_per_sequence.csv", "rtx_pro_6000_server").at("unseen_family").median_error,
            0.15);
}

}  // namespace
}  // namespace orrery::calibrate
