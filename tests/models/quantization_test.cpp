// Quantised checkpoints: their format, what they keep in 16 bit, and the weights that this makes.
#include "models/architectures/quantization.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/serving/kv_pool.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A small Llama with the given object as its quantization_config.
std::string config_with(const std::string& quantised) {
  return R"({"model_type": "llama", "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 4, "intermediate_size": 1536, "vocab_size": 32000,
             "max_position_embeddings": 4096)" +
         (quantised.empty() ? "" : ", \"quantization_config\": " + quantised) + "}";
}

Llm read(const std::string& quantised) { return read_hf_config(config_with(quantised), "m/config.json"); }

Bytes weights(const Llm& llm) {
  ServingJob job = testing::small_job();
  job.llm = llm;
  job.config.weight_dtype = llm.dtype;
  return stage_weights(job, 0);
}

TEST(Quantisation, TheFormatIsTheMethods) {
  EXPECT_EQ(read("").dtype, Dtype::bf16);
  EXPECT_EQ(read(R"({"quant_method": "fp8"})").dtype, Dtype::fp8);
  EXPECT_EQ(read(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})").dtype, Dtype::fp8_block);
  EXPECT_EQ(read(R"({"quant_method": "awq", "bits": 4})").dtype, Dtype::int4);
  EXPECT_EQ(read(R"({"quant_method": "gptq", "bits": 8})").dtype, Dtype::int8);
  EXPECT_EQ(read(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})").dtype, Dtype::nvfp4);
  EXPECT_EQ(read(R"({"quant_method": "compressed-tensors",
                     "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}})")
                .dtype,
            Dtype::fp8);
  EXPECT_THROW((void)read(R"({"quant_method": "magic"})"), hardware::ConfigError);
}

TEST(Quantisation, TheCacheHasTheFormatThatTheCheckpointHasScalesFor) {
  EXPECT_FALSE(read(R"({"quant_method": "fp8"})").kv_dtype.has_value());
  EXPECT_EQ(read(R"({"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"})").kv_dtype,
            Dtype::fp8);
  EXPECT_EQ(read(R"({"quant_method": "modelopt", "quant_algo": "NVFP4",
                     "kv_cache_scheme": {"num_bits": 8, "type": "float"}})")
                .kv_dtype,
            Dtype::fp8);
}

TEST(Quantisation, WhatIsKeptIsCountedInSixteenBits) {
  const Llm all = read(R"({"quant_method": "fp8"})");
  const Llm some = read(R"({"quant_method": "fp8", "modules_to_not_convert": ["lm_head", "model.layers.1.self_attn",
                            "model.layers.2.mlp.down_proj"]})");
  EXPECT_FALSE(some.layer(0).stored.mixer);
  EXPECT_EQ(some.layer(1).stored.mixer, WeightFormat{});
  EXPECT_FALSE(some.layer(1).stored.mlp);
  EXPECT_EQ(some.layer(2).stored.mlp, WeightFormat{});
  EXPECT_THAT(some.assumed, Contains(HasSubstr("kept in 16 bit, of 4 layers: attention in 1, the MLP in 1")));
  // A byte more for each weight of one layer's attention and one layer's MLP: 4·512² and 3·512·1536.
  EXPECT_NEAR((weights(some) - weights(all)).value(), 4.0 * 512 * 512 + 3.0 * 512 * 1536, 1.0);
  EXPECT_LT(weights(all), weights(read("")));
}

TEST(Quantisation, AFileBesideTheConfigSaysItToo) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "orrery_quantised";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << config_with("");
  std::ofstream(folder / "hf_quant_config.json")
      << R"({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8",
             "exclude_modules": ["lm_head", "model.layers.0.self_attn*"]}})";
  const Llm llm = load_model(folder.string());
  EXPECT_EQ(llm.dtype, Dtype::fp8);
  EXPECT_EQ(llm.kv_dtype, Dtype::fp8);
  EXPECT_EQ(llm.layer(0).stored.mixer, WeightFormat{});
  EXPECT_FALSE(llm.layer(1).stored.mixer);
  std::ofstream(folder / "hf_quant_config.json") << "{\"quantization\": {\"quant_algo\": \"W1A1\"}}";
  EXPECT_THROW((void)load_model(folder.string()), hardware::ConfigError);
  std::filesystem::remove_all(folder);
}

TEST(Quantisation, TooManyPatternsAreAnError) {
  std::string list = "\"a\"";
  for (int i = 0; i < 600'000; ++i) list += ",\"a\"";
  EXPECT_THROW((void)read("{\"quant_method\": \"fp8\", \"ignore\": [" + list + "]}"), hardware::ConfigError);
}

}  // namespace
}  // namespace orrery::models
