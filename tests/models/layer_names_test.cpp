// Lists that say what each layer is: names that no reader knows are errors with the nearest that are, not full
// attention.
#include <algorithm>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "tests/models/more_family_configs.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

/// The small config of a row, with `key` a list of the names in place of what it has there.
std::string named(std::string_view type, const std::string& key, const std::string& names) {
  const std::vector<FamilyConfig> all = all_family_configs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const FamilyConfig& f) { return f.type == type; });
  if (found == all.end()) throw std::logic_error("no small config of " + std::string(type));
  std::string more = found->more;
  if (const std::size_t at = more.find("\"" + key + "\": ["); at != std::string::npos) {
    more.erase(at, more.find(']', at) + 1 - at);
    const std::size_t comma = more.find_first_not_of(' ', at);
    if (comma != std::string::npos && more[comma] == ',') more.erase(comma, 1);
    while (!more.empty() && (more.back() == ' ' || more.back() == ',')) more.pop_back();
  }
  return decoder(type, (more.empty() ? "" : more + ", ") + "\"" + key + "\": [" + names + "]");
}

struct Vocabulary {
  std::string_view type;
  std::string key, odd, nearest;
};

class LayerNames : public ::testing::TestWithParam<Vocabulary> {};

TEST_P(LayerNames, ThatNoReaderKnowsAreErrorsWithTheNearest) {
  const Vocabulary& row = GetParam();
  const std::string known = "\"" + row.nearest + "\"";
  EXPECT_EQ(complaint(named(row.type, row.key, known + ", " + known)), "");
  const std::string text = complaint(named(row.type, row.key, known + ", \"" + row.odd + "\""));
  EXPECT_TRUE(contains(text, row.key + ": \"" + row.odd +
                                 "\" of layer 1 is no kind of layer; known, nearest first: " + row.nearest + ", "))
      << text;
  EXPECT_TRUE(contains(text, "tiny.json:1:")) << "with its place: " << text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LayerNames,
    ::testing::Values(Vocabulary{"gemma2", "layer_types", "sliding_atention", "sliding_attention"},
                      Vocabulary{"gemma3", "layer_types", "full_atention", "full_attention"},
                      Vocabulary{"gemma4", "layer_types", "sliding", "sliding_attention"},
                      Vocabulary{"gpt_oss", "layer_types", "full_attentio", "full_attention"},
                      Vocabulary{"cohere2", "layer_types", "slidin_attention", "sliding_attention"},
                      Vocabulary{"llama4", "layer_types", "chunk_attention", "chunked_attention"},
                      Vocabulary{"qwen3_next", "layer_types", "linear_atention", "linear_attention"},
                      Vocabulary{"qwen3_5", "layer_types", "ful_attention", "full_attention"},
                      Vocabulary{"step3p5", "layer_types", "sliding_attentoin", "sliding_attention"},
                      Vocabulary{"glm_moe_dsa", "mlp_layer_types", "dens", "dense"},
                      Vocabulary{"glm_moe_dsa", "indexer_types", "share", "shared"},
                      Vocabulary{"granitemoehybrid", "layer_types", "mamba2", "mamba"},
                      Vocabulary{"gpt_neo", "attention_layers", "globl", "global"},
                      Vocabulary{"recurrent_gemma", "block_types", "recurent", "recurrent"}),
    [](const auto& of) { return std::string(of.param.type) + "_" + of.param.key; });

TEST(LayerNamesOfDeepseekV4, StandWhereRatiosDoNot) {
  const auto with = [](const std::string& names) {
    const std::string text = named("deepseek_v4", "layer_types", names);
    const std::size_t at = text.find("\"compress_ratios\"");
    return text.substr(0, at) + text.substr(text.find(']', at) + 2);
  };
  const Llm llm = read_hf_config(with(R"("compressed_sparse_attention", "heavily_compressed_attention")"), "m.json");
  EXPECT_EQ(llm.layer(0).attention.compress, 4);
  EXPECT_EQ(llm.layer(1).attention.compress, 128);
  EXPECT_EQ(read_hf_config(with(R"("sliding_attention", "full_attention")"), "m.json").layer(0).attention.compress, 0);
  EXPECT_TRUE(contains(complaint(with(R"("sliding_attention", "compressed_attention")")),
                       "layer_types: \"compressed_attention\" of layer 1 is no kind of layer"));
}

TEST(LayerNames, OfSpeculativeHeadsBehindTheLayersAreLeftAlone) {
  // Two layers; the third name is a head's.
  EXPECT_EQ(complaint(named("gpt_oss", "layer_types", R"("sliding_attention", "full_attention", "mtp")")), "");
}

TEST(LayerNames, ThatAreLongAreCutBetweenCharacters) {
  std::string odd;
  for (int i = 0; i < 30; ++i) odd += "ä";
  const std::string text = complaint(named("gpt_oss", "layer_types", "\"" + odd + "\", \"full_attention\""));
  // Forty bytes are twenty letters of two.
  EXPECT_TRUE(contains(text, "layer_types: \"" + odd.substr(0, 40) + "…\" of layer 0")) << text;
}

TEST(RecurrentGemma, AnOddWidthOfTheRecurrenceIsNamedWhereItStands) {
  const auto with = [](const std::string& width) {
    return complaint(decoder("recurrent_gemma", "\"num_key_value_heads\": 1, \"lru_width\": " + width));
  };
  EXPECT_EQ(with("64"), "");
  const std::string zero = with("0");
  EXPECT_TRUE(contains(zero, "lru_width: expected a number from 4 to 8388608, not 0")) << zero;
  EXPECT_FALSE(contains(zero, "num_attention_heads")) << zero;
  const std::string odd = with("30");
  EXPECT_TRUE(contains(odd, "lru_width: 4 heads do not divide the recurrence's width 30")) << odd;
  EXPECT_FALSE(contains(odd, "num_attention_heads")) << odd;
}

TEST(RecurrentGemma, ItsPatternOfBlocksIsRepeated) {
  // Two blocks for five layers: recurrent, attention, recurrent, attention, recurrent.
  const Llm llm = read_hf_config(
      decoder("recurrent_gemma", R"("num_hidden_layers": 5, "block_types": ["recurrent", "attention"])"), "m.json");
  for (const std::int64_t layer : {0, 2, 4}) EXPECT_EQ(llm.layer(layer).mixer, Mixer::recurrent) << layer;
  for (const std::int64_t layer : {1, 3}) EXPECT_EQ(llm.layer(layer).mixer, Mixer::attention) << layer;
  // Without a list: two recurrent blocks, then one of attention.
  const Llm usual = read_hf_config(decoder("recurrent_gemma", R"("num_hidden_layers": 6)"), "m.json");
  for (const std::int64_t layer : {0, 1, 3, 4}) EXPECT_EQ(usual.layer(layer).mixer, Mixer::recurrent) << layer;
  for (const std::int64_t layer : {2, 5}) EXPECT_EQ(usual.layer(layer).mixer, Mixer::attention) << layer;
}

}  // namespace
}  // namespace orrery::models
