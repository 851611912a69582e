// Bits of a quantised weight, scales and zero points included, and formats of single modules.
#include "models/architectures/quantization_formats.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A small model of experts after one dense layer, with the given object as its quantization_config.
Llm read(const std::string& quantised, const std::string& more = "") {
  return read_hf_config(R"({"model_type": "glm4_moe", "hidden_size": 256, "num_hidden_layers": 3,
      "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64, "intermediate_size": 512, "vocab_size": 1000,
      "max_position_embeddings": 4096, "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2,
      "moe_intermediate_size": 128, "first_k_dense_replace": 1, "tie_word_embeddings": false)" +
                            more + ", \"quantization_config\": " + quantised + "}",
                        "m/config.json");
}

struct Declared {
  const char* quantised;
  Dtype dtype;
  double bits;
};

TEST(QuantisationFormats, BitsAreThoseOfValuesScalesAndZeroPoints) {
  for (const Declared& row : {
           Declared{R"({"quant_method": "fp8"})", Dtype::fp8, 8.0},
           Declared{R"({"quant_method": "fbgemm_fp8"})", Dtype::fp8, 8.0},
           Declared{R"({"quant_method": "fp8", "weight_block_size": [128, 128]})", Dtype::fp8_block,
                    8.0 + 32.0 / 16384},
           Declared{R"({"quant_method": "awq", "bits": 4, "group_size": 128})", Dtype::int4, 4.0 + 20.0 / 128},
           Declared{R"({"quant_method": "awq", "w_bit": 4, "q_group_size": 64})", Dtype::int4, 4.0 + 20.0 / 64},
           Declared{R"({"quant_method": "gptq", "bits": 4, "group_size": -1})", Dtype::int4, 4.0},
           Declared{R"({"quant_method": "gptq", "bits": 8, "group_size": 128})", Dtype::int8, 8.0 + 24.0 / 128},
           Declared{R"({"quant_method": "mxfp4"})", Dtype::int4, 4.25},
           Declared{R"({"quant_method": "bitsandbytes", "load_in_4bit": true})", Dtype::int4, 4.5},
           Declared{R"({"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_use_double_quant": true})",
                    Dtype::int4, 4.0 + 8.0 / 64 + 32.0 / (64 * 256)},
           Declared{R"({"quant_method": "bitsandbytes", "load_in_8bit": true})", Dtype::int8, 8.0},
           Declared{R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})", Dtype::nvfp4, 4.5},
           Declared{R"({"quant_method": "modelopt", "quant_algo": "W4A16_NVFP4"})", Dtype::int4, 4.5},
           Declared{R"({"quant_method": "modelopt", "quant_algo": "MXFP8"})", Dtype::fp8_block, 8.25},
           Declared{R"({"quant_method": "modelopt", "quant_algo": "FP8"})", Dtype::fp8, 8.0},
       }) {
    const Llm llm = read(row.quantised);
    EXPECT_EQ(llm.weights().dtype, row.dtype) << row.quantised;
    EXPECT_DOUBLE_EQ(8.0 * llm.weights().size.value(), row.bits) << row.quantised;
  }
}

std::string group(const std::string& weights, const std::string& more = "") {
  return R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"targets": ["Linear"], "weights": )" +
         weights + more + "}}}";
}

TEST(QuantisationFormats, CompressedTensorsSayBitsGroupAndSymmetry) {
  const auto bits = [](const Llm& llm) { return 8.0 * llm.weights().size.value(); };
  const std::string activations = R"(, "input_activations": {"num_bits": 8})";
  const Llm packed = read(group(R"({"num_bits": 4, "type": "int", "group_size": 32, "symmetric": true})"));
  EXPECT_EQ(packed.dtype, Dtype::int4);
  EXPECT_DOUBLE_EQ(bits(packed), 4.5);
  EXPECT_DOUBLE_EQ(bits(read(group(R"({"num_bits": 4, "type": "int", "group_size": 128, "symmetric": false})"))),
                   4.0 + 20.0 / 128);
  const Llm whole = read(group(R"({"num_bits": 8, "type": "int", "strategy": "channel"})", activations));
  EXPECT_EQ(whole.dtype, Dtype::int8);
  EXPECT_DOUBLE_EQ(bits(whole), 8.0);
  EXPECT_THAT(read(group(R"({"num_bits": 8, "type": "int", "group_size": 128})")).assumed,
              Contains(HasSubstr("8-bit weights with 16-bit activations")));
  EXPECT_EQ(read(group(R"({"num_bits": 8, "type": "float", "strategy": "block"})", activations)).dtype,
            Dtype::fp8_block);
  EXPECT_EQ(read(group(R"({"num_bits": 4, "type": "float", "group_size": 16})", activations)).dtype, Dtype::nvfp4);
  EXPECT_EQ(read(group(R"({"num_bits": 4, "type": "float", "group_size": 16})")).dtype, Dtype::int4);
  EXPECT_THROW((void)read(group(R"({"num_bits": 3, "type": "int"})")), hardware::ConfigError);
}

constexpr WeightFormat kFp8{Dtype::fp8, Bytes{1.0}};

TEST(QuantisationFormats, GroupsOfCompressedTensorsEachHoldWhatTheyTarget) {
  const Llm llm = read(R"({"quant_method": "compressed-tensors", "ignore": ["lm_head", "re:.*shared_experts.*"],
      "config_groups": {
        "group_0": {"targets": ["re:.*self_attn.*"], "weights": {"num_bits": 8, "type": "float"},
                    "input_activations": {"num_bits": 8}},
        "group_1": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "float", "group_size": 16},
                    "input_activations": {"num_bits": 4}}}})");
  EXPECT_EQ(llm.dtype, Dtype::nvfp4);
  EXPECT_EQ(llm.layer(0).stored.mixer, kFp8);
  EXPECT_FALSE(llm.layer(0).stored.mlp);
  EXPECT_EQ(llm.layer(1).stored.shared, WeightFormat{});
  EXPECT_FALSE(llm.layer(1).stored.experts);
  EXPECT_THAT(llm.assumed, Contains(HasSubstr("in 8 bits (fp8), of 3 layers: attention in 3")));
  EXPECT_THAT(llm.assumed, Contains(HasSubstr("kept in 16 bit, of 3 layers: shared experts in 2")));
}

TEST(QuantisationFormats, MixedPrecisionIsReadLayerByLayer) {
  const Llm llm = read(R"({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
      "lm_head": {"quant_algo": "W4A16_NVFP4"},
      "model.layers.0.self_attn.q_proj": {"quant_algo": "FP8"},
      "model.layers.1.self_attn.q_proj": {"quant_algo": "FP8"},
      "model.layers.1.mlp.experts": {"quant_algo": "W4A16_NVFP4"},
      "model.layers.2.mlp.experts.0.down_proj": {"quant_algo": "W4A16_NVFP4"}}})");
  EXPECT_EQ(llm.dtype, Dtype::int4);
  EXPECT_EQ(llm.layer(0).stored.mixer, kFp8);
  EXPECT_EQ(llm.layer(0).stored.mlp, WeightFormat{}) << "what is not listed was not quantised";
  EXPECT_EQ(llm.layer(2).stored.mixer, WeightFormat{});
  EXPECT_FALSE(llm.layer(1).stored.experts);
  EXPECT_EQ(llm.layer(1).stored.shared, WeightFormat{});
  ASSERT_TRUE(llm.head);
  EXPECT_DOUBLE_EQ(8.0 * llm.head->size.value(), 4.5);
  EXPECT_THROW((void)read(R"({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
      "model.layers.0.mlp": {"quant_algo": "W1A1"}}})"),
               hardware::ConfigError);
}

TEST(QuantisationFormats, AFormatOfExpertsMayStandBesideTheOthers) {
  const std::string fp8 = R"({"quant_method": "fp8", "weight_block_size": [128, 128]})";
  const Llm plain = read(fp8), narrow = read(fp8, R"(, "expert_dtype": "fp4")");
  EXPECT_FALSE(plain.layer(1).stored.experts);
  ASSERT_TRUE(narrow.layer(1).stored.experts);
  EXPECT_DOUBLE_EQ(8.0 * narrow.layer(1).stored.experts->size.value(), 4.25);
  EXPECT_EQ(narrow.dtype, Dtype::fp8_block);
  const double experts = 2.0 * 8 * 3 * 256 * 128;
  EXPECT_NEAR((checkpoint_bytes(plain) - checkpoint_bytes(narrow)).value(), experts * (8.0 + 32.0 / 16384 - 4.25) / 8.0,
              1.0);
}

TEST(QuantisationFormats, ACheckpointsBytesAreItsParametersTimesTheirFormats) {
  const Llm llm = read(R"({"quant_method": "awq", "bits": 4, "group_size": 128})");
  // Embedding, head, norms of 256 (two a layer and the last), routers and their biases stay in 16 bit.
  const double plain = 2.0 * 1000 * 256 + 7.0 * 256 + 2.0 * (256 * 8 + 8);
  const double linear = static_cast<double>(parameters(llm)) - plain;
  EXPECT_NEAR(checkpoint_bytes(llm).value(), 2.0 * plain + linear * (4.0 + 20.0 / 128) / 8.0, 1.0);
}

}  // namespace
}  // namespace orrery::models
