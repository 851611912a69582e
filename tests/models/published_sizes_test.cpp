// Models whose repositories name their parameters: each config reads with as many. Totals of the safetensors index as
// the model's page shows them; in billions where a paper alone tells.
#include <cmath>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

struct Published {
  std::string_view model;
  std::string_view config;
  double parameters = 0.0;
  double tolerance = 0.0;  ///< of the count: 0 where every tensor is counted
  double active = 0.0;     ///< 0: not told
};

class PublishedSizes : public ::testing::TestWithParam<Published> {};

TEST_P(PublishedSizes, AreThoseOfTheConfig) {
  const Published& published = GetParam();
  const Llm llm = read_hf_config(std::string(published.config), "config.json");
  const auto counted = static_cast<double>(parameters(llm) - correction_biases(llm));
  EXPECT_NEAR(counted, published.parameters, published.tolerance * published.parameters + 0.5) << published.model;
  if (published.active > 0.0) {
    EXPECT_NEAR(static_cast<double>(active_parameters(llm)), published.active, 0.03 * published.active)
        << published.model;
  }
}

constexpr double kRounded = 0.005;  // of a figure with three digits

const Published kModels[] = {
    {"OLMoE-1B-7B", R"({"model_type": "olmoe", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
        "intermediate_size": 1024, "num_experts": 64, "num_experts_per_tok": 8, "vocab_size": 50304})",
     6.919e9, 0.001, 1.28e9},
    {"Jamba-v0.1", R"({"model_type": "jamba", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "intermediate_size": 14336, "vocab_size": 65536})",
     51.57e9, 0.001, 12e9},
    {"dbrx", R"({"model_type": "dbrx", "d_model": 6144, "n_heads": 48, "n_layers": 40, "max_seq_len": 32768,
        "vocab_size": 100352, "attn_config": {"kv_n_heads": 8},
        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4}})",
     131'596'523'520.0, 0.0, 36e9},
    {"t5-base", R"({"model_type": "t5", "d_model": 768, "d_ff": 3072, "d_kv": 64, "num_heads": 12, "num_layers": 12,
        "num_decoder_layers": 12, "vocab_size": 32128})",
     222'903'552.0, 1e-5},
    {"Hunyuan-A13B", R"({"model_type": "hunyuan_v1_moe", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072,
        "num_experts": 64, "moe_topk": 8, "moe_intermediate_size": 3072, "num_shared_expert": 1,
        "vocab_size": 128167, "tie_word_embeddings": true})",
     80.39e9, kRounded, 13e9},
    {"ERNIE-4.5-21B-A3B", R"({"model_type": "ernie4_5_moe", "hidden_size": 2560, "num_hidden_layers": 28,
        "num_attention_heads": 20, "num_key_value_heads": 4, "intermediate_size": 12288, "moe_num_experts": 64,
        "moe_k": 6, "moe_intermediate_size": 1536, "moe_num_shared_experts": 2, "vocab_size": 103424})",
     21.83e9, kRounded},
    {"dots.llm1", R"({"model_type": "dots1", "hidden_size": 4096, "num_hidden_layers": 62, "num_attention_heads": 32,
        "num_key_value_heads": 32, "intermediate_size": 10944, "moe_intermediate_size": 1408, "n_routed_experts": 128,
        "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1, "vocab_size": 152064})",
     142.77e9, kRounded, 14e9},
    {"deepseek-moe-16b", R"({"model_type": "deepseek", "hidden_size": 2048, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 10944, "moe_intermediate_size": 1408,
        "n_routed_experts": 64, "num_experts_per_tok": 6, "n_shared_experts": 2, "first_k_dense_replace": 1,
        "vocab_size": 102400})",
     16'375'728'128.0, 0.0, 2.8e9},
    {"granite-4.0-h-small", R"({"model_type": "granitemoehybrid", "hidden_size": 4096, "num_hidden_layers": 40,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 768, "shared_intermediate_size": 1536,
        "num_local_experts": 72, "num_experts_per_tok": 10, "mamba_n_heads": 128, "mamba_d_head": 64,
        "mamba_d_state": 128, "vocab_size": 100352, "tie_word_embeddings": true, "layer_types": ["mamba", "mamba",
        "mamba", "mamba", "mamba", "attention", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba",
        "mamba", "attention", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba",
        "attention", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "mamba", "attention",
        "mamba", "mamba", "mamba", "mamba"]})",
     32.2e9, kRounded, 9e9},
    {"Bamba-9B", R"({"model_type": "bamba", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "attn_layer_indices": [9, 18, 27], "mamba_n_heads": 128,
        "mamba_d_state": 128, "vocab_size": 128256})",
     9.78e9, kRounded},
    {"recurrentgemma-2b", R"({"model_type": "recurrent_gemma", "hidden_size": 2560, "num_hidden_layers": 26,
        "num_attention_heads": 10, "intermediate_size": 15360, "lru_width": 2560, "vocab_size": 256000})",
     2.68e9, kRounded},
    {"Seed-OSS-36B", R"({"model_type": "seed_oss", "hidden_size": 5120, "num_hidden_layers": 64,
        "num_attention_heads": 80, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 27648,
        "vocab_size": 155136})",
     36'151'104'512.0, 0.0},
    {"EXAONE-4.0-32B", R"({"model_type": "exaone4", "hidden_size": 5120, "num_hidden_layers": 64,
        "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 27392,
        "vocab_size": 102400, "sliding_window": 4096, "sliding_window_pattern": "LLLG"})",
     32.0e9, kRounded},
    {"SmolLM3-3B", R"({"model_type": "smollm3", "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16,
        "intermediate_size": 11008, "vocab_size": 128256})",
     3'075'098'624.0, 0.0},
    {"Apertus-8B", R"({"model_type": "apertus", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 21504, "vocab_size": 131072})",
     8.05e9, kRounded},
    {"AFM-4.5B", R"({"model_type": "arcee", "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 20,
        "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 18432, "vocab_size": 128004})",
     4.62e9, kRounded},
    {"mpt-7b", R"({"model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": 50432})",
     6'649'286'656.0, 0.0},
    {"gpt-neo-2.7B", R"({"model_type": "gpt_neo", "hidden_size": 2560, "num_layers": 32, "num_heads": 20,
        "max_position_embeddings": 2048, "vocab_size": 50257})",
     2'651'307'520.0, 0.0},
    {"stablelm-2-1_6b", R"({"model_type": "stablelm", "hidden_size": 2048, "num_hidden_layers": 24,
        "num_attention_heads": 32, "intermediate_size": 5632, "use_qkv_bias": true, "vocab_size": 100352})",
     1'644'515'328.0, 0.0},
    {"Baichuan2-7B", R"({"model_type": "baichuan", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "intermediate_size": 11008, "vocab_size": 125696})",
     7'505'973'248.0, 0.0},
    {"Qwen-7B", R"({"model_type": "qwen", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "intermediate_size": 22016, "vocab_size": 151936})",
     7'721'324'544.0, 0.0},
    {"chatglm3-6b", R"({"model_type": "chatglm", "hidden_size": 4096, "num_layers": 28, "num_attention_heads": 32,
        "ffn_hidden_size": 13696, "kv_channels": 128, "multi_query_attention": true, "multi_query_group_num": 2,
        "padded_vocab_size": 65024, "seq_length": 8192, "add_qkv_bias": true})",
     6'243'584'000.0, 0.0},
    {"MiniCPM-2B", R"({"model_type": "minicpm", "hidden_size": 2304, "num_hidden_layers": 40, "num_attention_heads": 36,
        "num_key_value_heads": 36, "intermediate_size": 5760, "vocab_size": 122753})",
     2'724'880'896.0, 0.0},
    {"PaLM 540B (table 1)", R"({"model_type": "palm", "hidden_size": 18432, "num_hidden_layers": 118,
        "num_attention_heads": 48, "intermediate_size": 73728, "vocab_size": 256000})",
     540.35e9, 0.0005},
    {"GLM-130B (table 11)", R"({"model_type": "glm_130b", "hidden_size": 12288, "num_hidden_layers": 70,
        "num_attention_heads": 96, "intermediate_size": 32768, "vocab_size": 150528})",
     130e9, 0.015},
};

INSTANTIATE_TEST_SUITE_P(Table, PublishedSizes, ::testing::ValuesIn(kModels),
                         [](const auto& of) { return std::to_string(of.index); });

TEST(Windows, OfExaone4AndGptNeoSlideWhereTheirPatternsSay) {
  const auto windows = [](const std::string& config) {
    const Llm llm = read_hf_config(config, "config.json");
    std::string pattern;
    for (std::int64_t i = 0; i < llm.layers; ++i) pattern += llm.layer(i).attention.window > 0 ? 'L' : 'G';
    return pattern;
  };
  const std::string exaone = R"({"model_type": "exaone4", "hidden_size": 64, "num_attention_heads": 4,
      "intermediate_size": 128, "vocab_size": 100, "num_hidden_layers": 7, )";
  EXPECT_EQ(windows(exaone + R"("sliding_window_pattern": "LLLG"})"), "LLLGLLG");
  EXPECT_EQ(windows(exaone + R"("sliding_window_pattern": 3})"), "LLGLLGG");
  EXPECT_EQ(windows(exaone + R"("sliding_window": null})"), "GGGGGGG");
  EXPECT_THROW((void)windows(exaone + R"("sliding_window_pattern": "LXQG"})"), hardware::ConfigError);
  EXPECT_EQ(
      windows(R"({"model_type": "gpt_neo", "hidden_size": 64, "num_layers": 4, "num_heads": 4, "vocab_size": 100})"),
      "GLGL");
}

TEST(Experts, OfErnieEndWhereTheConfigSays) {
  const std::string ernie = R"({"model_type": "ernie4_5_moe", "hidden_size": 64, "num_hidden_layers": 4,
      "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100, "moe_num_experts": 8, "moe_k": 2,
      "moe_intermediate_size": 32, "moe_layer_end_index": )";
  const auto feeds = [&](const std::string& end) {
    const Llm llm = read_hf_config(ernie + end + "}", "config.json");
    std::string all;
    for (std::int64_t i = 0; i < llm.layers; ++i) {
      all += llm.layer(i).feed_forward == FeedForward::experts ? 'e' : 'd';
    }
    return all;
  };
  EXPECT_EQ(feeds("-1"), "deee");
  EXPECT_EQ(feeds("3"), "deee");
  EXPECT_EQ(feeds("1"), "dedd");
  EXPECT_EQ(feeds("0"), "dddd");
}

TEST(Experts, OfHunyuanAreTheSameInAllLayersOrRefused) {
  const std::string hunyuan = R"({"model_type": "hunyuan_v1_moe", "hidden_size": 64, "num_hidden_layers": 2,
      "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100, "num_experts": 8, "moe_topk": )";
  EXPECT_EQ(read_hf_config(hunyuan + "[2, 2]}", "config.json").moe.topk, 2);
  for (const char* const list : {"[2]}", "[]}", "[2, 3]}", "[0, 0]}"}) {
    EXPECT_THROW((void)read_hf_config(hunyuan + list, "config.json"), hardware::ConfigError) << list;
  }
}

TEST(Layers, OfJambaAndT5StandWhereTheirPeriodsSay) {
  const Llm jamba = read_hf_config(std::string(kModels[1].config), "config.json");
  std::string mixers, feeds;
  for (std::int64_t i = 0; i < 8; ++i) {
    mixers += jamba.layer(i).mixer == Mixer::attention ? 'a' : 'm';
    feeds += jamba.layer(i).feed_forward == FeedForward::experts ? 'e' : 'd';
  }
  EXPECT_EQ(mixers, "mmmmammm");
  EXPECT_EQ(feeds, "dededede");
  const Llm t5 = read_hf_config(std::string(kModels[3].config), "config.json");
  ASSERT_EQ(t5.layers, 36);
  EXPECT_EQ(t5.layer(11).feed_forward, FeedForward::dense);
  EXPECT_EQ(t5.layer(12).feed_forward, FeedForward::none);
  EXPECT_EQ(t5.layer(35).feed_forward, FeedForward::dense);
}

}  // namespace
}  // namespace orrery::models
