// Configs of published models that are not among the measured data, with the parameters that their makers print.
#include <string>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

double billions(const Llm& llm) { return static_cast<double>(parameters(llm)) / 1e9; }

// google/gemma-3n-E4B-it: the class's defaults (transformers models/gemma3n, configuration_gemma3n.py). Its card prints
// 8 B with embeddings, the Hub 7.85 B; timm's network for images is the 300M of its name.
TEST(PublishedConfigs, Gemma3nHasFourStreamsAndEmbeddingsForEachLayer) {
  const Llm llm = read_hf_config(R"({"model_type": "gemma3n", "text_config": {"model_type": "gemma3n_text",
      "hidden_size": 2048, "num_hidden_layers": 35, "max_position_embeddings": 32768},
      "audio_config": {"model_type": "gemma3n_audio"}, "vision_config": {"model_type": "gemma3n_vision"}})",
                                 "m.json");
  EXPECT_NEAR(billions(llm), 7.85, 0.01);
  EXPECT_NEAR(static_cast<double>(llm.vision_parameters) / 1e9, 0.98, 0.01);
  EXPECT_EQ(llm.streams, 4);
  EXPECT_GT(layer_cache(layer_elements(llm, 19), 1).values, 0);  // every fifth attends to everything
  EXPECT_EQ(layer_cache(layer_elements(llm, 18), 1).window, 512);
  for (const std::int64_t borrowing : {20, 34}) {
    EXPECT_EQ(layer_cache(layer_elements(llm, borrowing), 1).values, 0) << borrowing;
    EXPECT_EQ(layer_cache(layer_elements(llm, borrowing), 1).recent_values, 0) << borrowing;
  }
}

// stepfun-ai/step3 config.json: 321 B, of which 316 B are the language model (arXiv:2507.19427 table 1).
TEST(PublishedConfigs, Step3SharesOneWideHeadOfKeys) {
  std::string sparse = "4";
  for (int i = 5; i < 60; ++i) sparse += "," + std::to_string(i);
  const std::string text = R"("text_config": {"model_type": "step3_text", "hidden_size": 7168,
      "intermediate_size": 18432, "num_attention_heads": 64, "num_attention_groups": 1, "num_hidden_layers": 61,
      "vocab_size": 128815, "moe_intermediate_size": 5120, "moe_num_experts": 48, "moe_top_k": 3,
      "share_expert_dim": 5120, "share_q_dim": 2048, "head_dim": 256, "max_position_embedding": 65536,
      "moe_layers_enum": ")" +
                           sparse + "\"}";
  const Llm llm = read_hf_config(R"({"model_type": "step3_vl", )" + text + "}", "m.json");
  EXPECT_EQ(llm.architecture, "step3_vl");
  EXPECT_NEAR(billions(llm), 316.0, 1.0);
  EXPECT_NEAR(static_cast<double>(active_parameters(llm)) / 1e9, 38.0, 1.0);
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 61 * 2 * 256 * 2.0);
  const Llm seeing = read_hf_config(R"({"model_type": "step3_vl", "vision_config": {"hidden_size": 1792,
      "intermediate_size": 15360, "output_hidden_size": 4096, "num_hidden_layers": 63, "patch_size": 14,
      "image_size": 728}, )" + text + "}",
                                    "m.json");
  EXPECT_NEAR(billions(seeing), 321.0, 1.5);
}

// moonshotai/Kimi-Linear-48B-A3B-Instruct config.json.
TEST(PublishedConfigs, KimiLinearKeepsStatesInThreeOfFourLayers) {
  const Llm llm = read_hf_config(R"({"model_type": "kimi_linear", "hidden_size": 2304, "intermediate_size": 9216,
      "num_attention_heads": 32, "num_key_value_heads": 32, "num_hidden_layers": 27, "vocab_size": 163840,
      "kv_lora_rank": 512, "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "num_experts": 256, "num_experts_per_token": 8, "num_shared_experts": 1, "moe_intermediate_size": 1024,
      "first_k_dense_replace": 1, "moe_layer_freq": 1, "model_max_length": 1048576, "linear_attn_config": {
      "full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4}})",
                                 "m.json");
  EXPECT_NEAR(billions(llm), 49.1, 0.1);
  EXPECT_NEAR(static_cast<double>(active_parameters(llm)) / 1e9, 3.5, 0.3);
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 7 * (512 + 64) * 2.0);
  EXPECT_EQ(layer_cache(layer_elements(llm, 0), 1).state.value(), 32 * 128 * 128 * 4.0 + 3 * 3 * 32 * 128 * 2.0);
  EXPECT_EQ(llm.max_positions, 1'048'576);
}

// MiniMaxAI/MiniMax-Text-01 config.json: 456 B, 45.9 B of a token, embedding and head left away (arXiv:2501.08313).
TEST(PublishedConfigs, MiniMax01AttendsToEverythingInEveryEighthLayer) {
  std::string types = "0";
  for (int i = 1; i < 80; ++i) types += i % 8 == 7 ? ",1" : ",0";
  const Llm llm = read_hf_config(R"({"model_type": "minimax_text_01", "hidden_size": 6144, "intermediate_size": 9216,
      "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "num_hidden_layers": 80,
      "vocab_size": 200064, "num_local_experts": 32, "num_experts_per_tok": 2, "max_position_embeddings": 10240000,
      "shared_intermediate_size": 0, "attn_type_list": [)" +
                                     types + "]}",
                                 "m.json");
  EXPECT_NEAR(billions(llm), 456.0, 0.5);
  const std::int64_t ends = embedding_parameters(llm) + head_parameters(llm);
  EXPECT_NEAR(static_cast<double>(active_parameters(llm) - ends) / 1e9, 45.9, 0.1);
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::bf16).value(), 10 * 2 * 8 * 128 * 2.0);
}

// Llama-4-Scout's and Mistral Small 3.1's towers (config.json of meta-llama/Llama-4-Scout-17B-16E-Instruct and
// mistralai/Mistral-Small-3.1-24B-Instruct-2503): 24.0 B with the tower of the latter.
TEST(PublishedConfigs, TowersOfLlama4AndPixtralAreCounted) {
  const Llm scout = read_hf_config(R"({"model_type": "llama4", "text_config": {"model_type": "llama4_text",
      "hidden_size": 5120, "intermediate_size": 8192, "intermediate_size_mlp": 16384, "num_hidden_layers": 48,
      "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 202048,
      "num_local_experts": 16, "max_position_embeddings": 10485760}, "vision_config": {"hidden_size": 1408,
      "intermediate_size": 5632, "num_hidden_layers": 34, "image_size": 336, "patch_size": 14,
      "vision_output_dim": 4096}})",
                                   "m.json");
  EXPECT_TRUE(scout.vision_apart);
  EXPECT_NEAR(billions(scout) + static_cast<double>(scout.vision_parameters) / 1e9, 108.6, 0.3);
  const Llm small = read_hf_config(R"({"model_type": "mistral3", "text_config": {"model_type": "mistral",
      "hidden_size": 5120, "intermediate_size": 32768, "num_hidden_layers": 40, "num_attention_heads": 32,
      "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072, "max_position_embeddings": 131072,
      "sliding_window": null}, "vision_config": {"model_type": "pixtral", "hidden_size": 1024,
      "intermediate_size": 4096, "num_hidden_layers": 24, "patch_size": 14}})",
                                   "m.json");
  EXPECT_NEAR(billions(small), 24.01, 0.02);
  EXPECT_NEAR(static_cast<double>(small.vision_parameters) / 1e9, 0.44, 0.01);
}

}  // namespace
}  // namespace orrery::models
