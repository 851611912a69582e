// Every way in which a config.json can be wrong, and what is said about it.
#include <string>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "models/architectures/architectures.hpp"
#include "models/architectures/hf_config.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

TEST(HfConfigErrors, NameTheKnownArchitecturesNearestFirst) {
  const std::string text = complaint(tiny("", "lama"));
  EXPECT_TRUE(contains(text, "tiny.json:1:16: model_type: unknown architecture \"lama\"; known, nearest first: llama,"))
      << text;
  for (const ArchitectureRow& row : architectures()) EXPECT_TRUE(contains(text, std::string(row.model_type)));
  EXPECT_TRUE(contains(complaint("{\"hidden_size\": 64}"), "model_type: the key is missing"));
  EXPECT_TRUE(contains(complaint("{\"model_type\": 7}"), "model_type: expected a text, not 7"));
  EXPECT_TRUE(contains(complaint("{\"model_type\": null}"), "unknown architecture \"\""));
}

TEST(HfConfigErrors, AreReportedTogetherWithTheirPlaces) {
  const std::string text = complaint(
      "{\n  \"model_type\": \"llama\",\n  \"hidden_size\": -5,\n  \"intermediate_size\": \"big\",\n"
      "  \"num_hidden_layers\": 2.5,\n  \"num_attention_heads\": 0\n}\n");
  EXPECT_TRUE(contains(text, "tiny.json:3:18: hidden_size: expected a number from 1 to 1048576, not -5")) << text;
  EXPECT_TRUE(contains(text, "tiny.json:4:24: intermediate_size: expected a whole number, not \"big\"")) << text;
  EXPECT_TRUE(contains(text, "tiny.json:5:24: num_hidden_layers: expected a whole number, not 2.5")) << text;
  EXPECT_TRUE(contains(text, "tiny.json:6:26: num_attention_heads: expected a number from 1 to 16384, not 0")) << text;
  EXPECT_TRUE(contains(text, "tiny.json: vocab_size: the key is missing")) << text;
}

TEST(HfConfigErrors, FindCombinationsThatMakeNoModel) {
  EXPECT_TRUE(contains(complaint(tiny_with("num_attention_heads", "3")),
                       "num_attention_heads: 3 heads do not divide the hidden size 64"));
  EXPECT_TRUE(contains(complaint(tiny("\"num_key_value_heads\": 3")), "3 key-value heads do not divide 4 heads"));
  EXPECT_TRUE(contains(complaint(tiny("\"num_key_value_heads\": 4, \"num_experts_per_tok\": 9", "mixtral")),
                       "num_experts_per_tok: 9 experts per token of only 8"));
  EXPECT_TRUE(contains(
      complaint(tiny("\"moe_intermediate_size\": 8, \"num_experts_per_tok\": 2, \"n_group\": 7", "deepseek_v3")),
      "n_group: 7 groups do not divide 256 experts"));
  EXPECT_TRUE(
      contains(complaint(tiny("\"attention_bias\": \"yes\"")), "attention_bias: expected true or false, not \"yes\""));
}

TEST(HfConfigErrors, RefuseSizesThatDoNotFitTheCount) {
  EXPECT_TRUE(contains(complaint(tiny_with("hidden_size", "99999999999999999999")), "hidden_size: expected a"))
      << complaint(tiny_with("hidden_size", "99999999999999999999"));
  EXPECT_TRUE(contains(complaint(tiny_with("hidden_size", "18446744073709551615")), "not 18446744073709551615"));
  // Each in range, their product is not: 10^4 layers of 65536 experts of 3·2^20·2^23.
  const std::string text = complaint(R"({"model_type": "mixtral", "hidden_size": 1048576, "intermediate_size": 8388608,
      "num_hidden_layers": 10000, "num_attention_heads": 8, "num_local_experts": 65536, "vocab_size": 100})");
  EXPECT_TRUE(contains(text, "at most 1e+16 are accepted")) << text;
}

TEST(HfConfigErrors, GiveThePlaceOfMalformedJson) {
  EXPECT_TRUE(contains(complaint("{\n  \"model_type\": \"llama\",\n  \"hidden_size\": ,\n}"),
                       "tiny.json:3:18: malformed JSON: "));
  EXPECT_TRUE(contains(complaint("{\"model_type\": \"llama\""), "malformed JSON"));
  EXPECT_TRUE(contains(complaint("{\"a\": 1e999}"), "malformed JSON"));
  EXPECT_TRUE(contains(complaint("{\"model_type\": \"ll\xff\"}"), "malformed JSON"));
  EXPECT_TRUE(contains(complaint(""), "tiny.json: the file is empty"));
  EXPECT_TRUE(contains(complaint(" \n\t"), "the file is empty"));
  EXPECT_TRUE(contains(complaint("[1, 2]"), "tiny.json:1:1: expected a JSON object"));
  EXPECT_TRUE(contains(complaint("null"), "expected a JSON object"));
  EXPECT_TRUE(contains(complaint("{\"model_type\": \"llama\", \"model_type\": \"opt\"}"),
                       "tiny.json:1:39: model_type: the key stands twice"));
}

TEST(HfConfigErrors, ReadPythonsInfinityAndNan) {
  EXPECT_EQ(complaint(tiny(R"("a": Infinity, "b": [0.0, -Infinity], "c": NaN, "d": "NaN, -Infinity")")), "");
  EXPECT_TRUE(
      contains(complaint(tiny_with("hidden_size", "Infinity")), "hidden_size: expected a whole number, not Inf"));
  EXPECT_TRUE(contains(complaint(tiny_with("hidden_size", "-Infinity")), "expected a whole number, not -Infinity"));
  EXPECT_TRUE(contains(complaint(tiny_with("hidden_size", "NaN")), "expected a whole number, not NaN"));
  EXPECT_TRUE(contains(complaint("{\"a\": Infinite}"), "malformed JSON"));
  EXPECT_TRUE(contains(complaint("{\"a\": 1NaN}"), "malformed JSON"));
}

TEST(HfConfigErrors, HintAtARelativesRow) {
  const std::string text = complaint(tiny("", "qwen9"));
  EXPECT_TRUE(contains(text, "tiny.json:1:16: model_type: unknown architecture \"qwen9\"")) << text;
  EXPECT_TRUE(contains(text, "name it: model: {config: …, as: qwen")) << text;
}

TEST(HfConfigErrors, ComeFromWhatIsInside) {
  const auto wrapped = [](const std::string& inner) {
    return complaint(R"({"model_type": "qwen3_vl", "text_config": )" + inner + "}");
  };
  EXPECT_TRUE(contains(wrapped("[1, 2]"), "tiny.json:1:43: text_config: expected a mapping"));
  EXPECT_TRUE(contains(wrapped("\"llama\""), "text_config: expected a mapping"));
  EXPECT_TRUE(contains(wrapped("{}"), "text_config.hidden_size: the key is missing"));
  EXPECT_TRUE(contains(wrapped(tiny_with("num_attention_heads", "0")),
                       "text_config.num_attention_heads: expected a number from 1 to 16384, not 0"));
  EXPECT_TRUE(contains(wrapped(tiny_with("num_hidden_layers", "1000000000")), "expected a number from 1 to 10000"));
  EXPECT_TRUE(contains(wrapped(std::string(10'000, '[')), "nested deeper than 64 levels"));
  EXPECT_TRUE(contains(complaint(tiny("\"layer_types\": [\"full_attention\"], \"num_key_value_heads\": 4", "gpt_oss")),
                       "layer_types: a list of 1 for 2 layers"));
  EXPECT_TRUE(contains(complaint(tiny("\"layer_types\": [7, 8]", "gpt_oss")), "layer_types: expected a list of texts"));
  EXPECT_TRUE(contains(complaint(tiny("\"hybrid_override_pattern\": \"M?\"", "nemotron_h")), "\"?\" is no block"));
  EXPECT_TRUE(contains(complaint(tiny("\"block_configs\": [{}]", "nemotron-nas")), "a list of 1 blocks for 2 layers"));
}

TEST(HfConfigErrors, ComeFromDeepAndLargeTextsToo) {
  EXPECT_TRUE(
      contains(complaint("{\"a\": " + std::string(1'000'000, '[')), "tiny.json:1:70: nested deeper than 64 levels"));
  std::string closed = "{\"a\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_TRUE(contains(complaint(closed), "nested deeper than 64 levels"));
  EXPECT_TRUE(contains(complaint("{" + std::string(9U << 20U, ' ') + "}"), "larger than 8 MiB"));
  EXPECT_TRUE(contains(complaint("{\"" + std::string(100, 'k')), "malformed JSON"));
  EXPECT_TRUE(contains(complaint("{\"\\"), "malformed JSON"));
}

TEST(HfConfigErrors, OfManyKeysComeInTime) {
  // Places are found in one pass: a pass per key would take hours here.
  std::string text = "{\"model_type\": \"llama\"";
  for (int i = 0; i < 200'000; ++i) text += ",\n\"" + std::to_string(i) + "\": " + std::to_string(i);
  EXPECT_TRUE(contains(complaint(text + "}"), "hidden_size: the key is missing"));
  EXPECT_TRUE(contains(complaint(text + ", \"7\": 0}"), "tiny.json:200001:24: 7: the key stands twice"));
}

TEST(HfConfigErrors, NeverEscapeAsAnythingElse) {
  // Every prefix and every single-byte change of a valid file either reads or is a ConfigError.
  const std::string valid = tiny(R"("quantization_config": {"quant_method": "fp8"}, "num_key_value_heads": 2)");
  EXPECT_EQ(complaint(valid), "");
  for (std::size_t n = 0; n < valid.size(); ++n) EXPECT_NE(complaint(valid.substr(0, n)), "");
  for (std::size_t n = 0; n < valid.size(); ++n) {
    for (const char c : {'"', '{', '}', '[', ']', ',', ':', '-', '0', '\\', '\0', '\xff'}) {
      std::string changed = valid;
      changed[n] = c;
      EXPECT_NO_THROW(static_cast<void>(complaint(changed)));
    }
  }
}

}  // namespace
}  // namespace orrery::models
