// Every architecture of the table reads a small config, whose parameters are counted by hand, and its layers hold what
// they should: windows, states, choices, sinks.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "models/architectures/architectures.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/more_family_configs.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

Llm family(std::string_view type) {
  const std::vector<FamilyConfig> all = all_family_configs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const FamilyConfig& f) { return f.type == type; });
  if (found == all.end()) throw std::logic_error("no small config of " + std::string(type));
  return read_hf_config(decoder(found->type, found->more), "tiny.json");
}

LayerCache cache_of(const Llm& llm, std::int64_t layer) { return layer_cache(layer_elements(llm, layer), 1); }

class Families : public ::testing::TestWithParam<FamilyConfig> {};

TEST_P(Families, HaveTheParametersThatAreCountedByHand) {
  const FamilyConfig& config = GetParam();
  ASSERT_NE(find_architecture(config.type), nullptr) << config.type;
  const Llm llm = read_hf_config(decoder(config.type, config.more), "tiny.json");
  EXPECT_EQ(parameters(llm) - correction_biases(llm), config.parameters) << config.arithmetic;
  EXPECT_LE(active_parameters(llm), parameters(llm));
}

INSTANTIATE_TEST_SUITE_P(Table, Families, ::testing::ValuesIn(all_family_configs()),
                         [](const auto& of) { return std::string(of.param.type); });

TEST(Families, WindowsBoundWhatIsKept) {
  const Llm llm = family("gemma4");
  const LayerCache sliding = cache_of(llm, 0), full = cache_of(llm, 1);
  EXPECT_EQ(sliding.values, 0);
  EXPECT_EQ(sliding.recent_values, 2 * 2 * 16);
  EXPECT_EQ(sliding.window, 8);
  EXPECT_EQ(full.values, 2 * 32);  // keys and values both, though one projection makes them
  // 5 tokens are all in the window; of 100 it holds 8, and 3 more that a step brings.
  EXPECT_EQ(sequence_bytes(sliding, 5, 0, Dtype::bf16).value(), 5 * 64 * 2.0);
  EXPECT_EQ(sequence_bytes(sliding, 100, 3, Dtype::bf16).value(), 11 * 64 * 2.0);
  EXPECT_EQ(sequence_bytes(sliding, 0, 3, Dtype::bf16).value(), 0.0);
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 64 * 2.0);
}

TEST(Families, RecurrentLayersKeepAStateAndNoTokens) {
  const Llm llm = family("qwen3_5");
  EXPECT_EQ(cache_of(llm, 0).values, 0);
  // 4 heads of 8 x 8 in fp32, 3 taps of 16 + 16 + 32 channels in 16 bits.
  EXPECT_EQ(cache_of(llm, 0).state.value(), 4 * 64 * 4.0 + 3 * 64 * 2.0);
  EXPECT_EQ(cache_of(llm, 1).values, 2 * 2 * 16);
  // Each of two ranks holds half of the heads.
  EXPECT_EQ(layer_cache(layer_elements(llm, 0), 2).state.value(), (4 * 64 * 4.0 + 3 * 64 * 2.0) / 2);
}

TEST(Families, QueriesSeeWhatWindowsChunksAndIndexesLeave) {
  const auto keys = [](const Llm& llm, std::int64_t layer, double tokens) {
    return attended_keys(*core_attention(layer_elements(llm, layer)), tokens);
  };
  EXPECT_EQ(keys(family("gpt_oss"), 0, 100.0), 8.0);
  EXPECT_EQ(keys(family("gpt_oss"), 1, 100.0), 100.0);
  EXPECT_EQ(keys(family("deepseek_v32"), 0, 10.0), 10.0);
  EXPECT_EQ(keys(family("deepseek_v32"), 0, 100.0), 16.0);
  EXPECT_EQ(keys(family("llama4"), 0, 8192.0), 8192.0);
  EXPECT_EQ(keys(family("llama4"), 0, 20'000.0), 4096.0);
  // The window and every 128th; the window and 16 of every 4th.
  EXPECT_EQ(keys(family("deepseek_v4"), 0, 12'800.0), 8.0 + 100.0);
  EXPECT_EQ(keys(family("deepseek_v4"), 1, 12'800.0), 8.0 + 16.0);
}

TEST(Families, AnIndexKeepsAKeyOfItsOwnUnlessItIsShared) {
  const Llm llm = family("glm_moe_dsa");
  EXPECT_EQ(cache_of(llm, 0).values, 96 + 8);
  EXPECT_EQ(cache_of(llm, 0).index.value(), 8.0 + 4.0);  // fp8 with a scale
  EXPECT_EQ(cache_of(llm, 1).index.value(), 0.0);
  EXPECT_EQ(core_attention(layer_elements(llm, 1))->topk, 16);
}

TEST(Families, LayersOfOneKindAreListedOnce) {
  const Llm llm = family("nemotron_h");
  EXPECT_EQ(llm.kinds.size(), 4U);
  EXPECT_EQ(layer_kinds(llm).size(), 4U);
  EXPECT_TRUE(llm.is_moe_layer(2));
  EXPECT_EQ(core_attention(layer_elements(llm, 0)), nullptr);
  // More layers than the pattern has start it again.
  Llm longer = llm;
  longer.layers = 6;
  EXPECT_EQ(longer.kind_of(4), llm.kind_of(0));
}

TEST(Families, ATextConfigIsReadByItsOwnType) {
  const std::string inner = decoder("qwen3_vl_text", R"("num_key_value_heads": 2, "head_dim": 16)");
  const Llm llm = read_hf_config(R"({"model_type": "qwen3_vl", "tie_word_embeddings": true, "text_config": )" + inner +
                                     R"(, "vision_config": {"depth": 1, "hidden_size": 32, "intermediate_size": 64,
                                  "patch_size": 2, "num_position_embeddings": 4, "out_hidden_size": 64}})",
                                 "vl.json");
  EXPECT_EQ(llm.architecture, "qwen3_vl");
  EXPECT_TRUE(llm.tied_embeddings);
  // Patches 3*2*2*2*32 + 32, positions 4*32, a block of 4*(32*32 + 32) + 32*64 + 64 + 64*32 + 32 + 4*32, a norm of 64,
  // the merger 128*128 + 128 + 128*64 + 64.
  EXPECT_EQ(llm.vision_parameters, 800 + 128 + 4224 + 2112 + 2080 + 128 + 64 + 16'512 + 8256);
  EXPECT_EQ(parameters(llm) - llm.vision_parameters, 6400 + 2 * (12'288 + 32 + 24'576 + 128) + 64);
  const Llm unknown = read_hf_config(R"({"model_type": "some_vl", "text_config": )" + inner + "}", "vl.json");
  EXPECT_EQ(unknown.architecture, "qwen3_vl");
  EXPECT_TRUE(contains(unknown.assumed.front(), "model_type \"some_vl\": read as its text_config's qwen3_vl"));
}

TEST(Families, ARelativeIsReadUnderAnotherRow) {
  const Llm told = read_hf_config(tiny("", "my_llama"), "m.json", "llama");
  EXPECT_EQ(parameters(told), parameters(read_hf_config(tiny(""), "m.json")));
  EXPECT_TRUE(contains(told.assumed.front(), "model_type \"my_llama\": read as llama, as told"));
  const Llm named = read_hf_config(tiny(R"("architectures": ["LlamaForCausalLM"])", "my_llama"), "m.json");
  EXPECT_EQ(parameters(named), parameters(told));
  try {
    static_cast<void>(read_hf_config(tiny(""), "m.json", "lama"));
    FAIL() << "an unknown row was taken";
  } catch (const hardware::ConfigError& error) {
    EXPECT_TRUE(contains(error.what(), "as: unknown architecture \"lama\"; known, nearest first: llama"));
  }
}

TEST(Families, WhatAConfigLeavesOpenIsNamed) {
  const Llm llm = read_hf_config(tiny("\"num_nextn_predict_layers\": 2"), "m.json");
  const auto has = [&](const std::string& note) {
    return std::find(llm.assumed.begin(), llm.assumed.end(), note) != llm.assumed.end();
  };
  EXPECT_TRUE(has("head_dim: hidden/heads"));
  EXPECT_TRUE(has("max_position_embeddings: 2048 (the class's default)"));
  EXPECT_TRUE(has("speculative heads: 2, not counted and not priced"));
  EXPECT_TRUE(load_model("llama-3-8b").assumed.empty());
}

}  // namespace
}  // namespace orrery::models
