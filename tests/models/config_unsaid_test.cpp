// What a config says and no layer is read by, or leaves to a default that changes layers: it is said in `assumed`.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHeads = R"("num_key_value_heads": 4, )";

std::vector<std::string> assumed(const std::string& more, const std::string& type = "llama") {
  return read_hf_config(tiny(kHeads + more, type), "tiny.json").assumed;
}

constexpr const char* kOneSlides = R"("layer_types": ["sliding_attention", "full_attention"])";
constexpr const char* kNoneSlides = R"("layer_types": ["full_attention", "full_attention"])";

TEST(ConfigUnsaid, LayerTypesThatAClassDoesNotReadAreNamed) {
  for (const char* type : {"llama", "mixtral", "qwen2_moe"}) {
    EXPECT_THAT(assumed(kOneSlides, type),
                Contains(HasSubstr("layer_types: the window of 1 layers is not used: " + std::string(type) +
                                   " attends to everything in every layer")))
        << type;
    EXPECT_THAT(assumed(kNoneSlides, type), Not(Contains(HasSubstr("layer_types")))) << type;
  }
  EXPECT_THAT(assumed(R"("layer_types": ["linear_attention", "full_attention"])"),
              Contains(HasSubstr("layer_types: another kind in 1 layers is not used")));
}

TEST(ConfigUnsaid, LayerTypesOfQwen3CountWhereAWindowIsUsed) {
  EXPECT_THAT(assumed(kOneSlides, "qwen3"), Contains(HasSubstr("layer_types: the window of 1 layers is not used")));
  const std::string used = std::string(kOneSlides) + R"(, "use_sliding_window": true, "sliding_window": 32)";
  EXPECT_THAT(assumed(used, "qwen3"), Not(Contains(HasSubstr("is not used"))));
}

TEST(ConfigUnsaid, WindowsThatNoLayerHasAreNamed) {
  EXPECT_THAT(assumed(R"("sliding_window": 4096)"), Contains(HasSubstr("sliding_window: is not used: llama")));
  EXPECT_THAT(assumed(R"("sliding_window": null)"), Not(Contains(HasSubstr("sliding_window"))));
  EXPECT_THAT(assumed(R"("sliding_window": 4096)", "mistral"), Not(Contains(HasSubstr("is not used"))));
  // Qwen says itself that it is not.
  EXPECT_THAT(assumed(R"("sliding_window": 4096, "use_sliding_window": false)", "qwen2"),
              Not(Contains(HasSubstr("sliding_window"))));
}

TEST(ConfigUnsaid, DefaultLayersOfGptOssAreNamed) {
  const std::string experts = R"("num_local_experts": 4, "num_experts_per_tok": 2)";
  const auto of = [&](const std::string& more) { return assumed(experts + more, "gpt_oss"); };
  EXPECT_THAT(of(""), AllOf(Contains(HasSubstr("sliding_window: 128 (the class's default)")),
                            Contains(HasSubstr("layer_types: layers 0, 2, 4, … slide the window"))));
  EXPECT_THAT(of(std::string(", \"sliding_window\": 64, ") + kOneSlides),
              AllOf(Not(Contains(HasSubstr("sliding_window"))), Not(Contains(HasSubstr("layer_types")))));
  EXPECT_THAT(of(", \"sliding_window\": null"), Contains(HasSubstr("sliding_window: null, so that every layer")));
  const Llm none = read_hf_config(tiny(kHeads + experts + ", \"sliding_window\": null", "gpt_oss"), "tiny.json");
  EXPECT_EQ(none.layer(0).attention.window, 0);
}

std::vector<std::string> quantised(const std::string& object, const std::string& more = "") {
  return assumed(more + (more.empty() ? "" : ", ") + "\"quantization_config\": " + object);
}

TEST(ConfigUnsaid, BitsandbytesWithoutAWidthIsNamed) {
  EXPECT_THAT(quantised(R"({"quant_method": "bitsandbytes"})"),
              Contains(HasSubstr("neither load_in_4bit nor load_in_8bit is on: read as 8 bit")));
  EXPECT_THAT(quantised(R"({"quant_method": "bitsandbytes", "load_in_8bit": true})"),
              Not(Contains(HasSubstr("load_in"))));
  EXPECT_THAT(quantised(R"({"quant_method": "bitsandbytes", "load_in_4bit": true})"),
              Not(Contains(HasSubstr("load_in"))));
}

TEST(ConfigUnsaid, GroupsThatDoNotDivideTheirRowsAreNamed) {
  // Rows have 64 inputs, those of the MLP's last matrix 128.
  EXPECT_THAT(quantised(R"({"quant_method": "awq", "bits": 4, "group_size": 48})"),
              Contains(HasSubstr("groups of 48 weights do not divide the hidden size 64, the MLP width 128")));
  EXPECT_THAT(
      quantised(R"({"quant_method": "gptq", "bits": 4, "group_size": 128})"),
      Contains(AllOf(HasSubstr("groups of 128 weights do not divide the hidden size 64:"), Not(HasSubstr("width")))));
  EXPECT_THAT(quantised(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"targets": ["Linear"],
                  "weights": {"num_bits": 4, "type": "int", "group_size": 40}}}})"),
              Contains(HasSubstr("groups of 40 weights do not divide")));
  for (const char* group : {"64", "32", "-1", "null"}) {
    EXPECT_THAT(quantised(R"({"quant_method": "awq", "bits": 4, "group_size": )" + std::string(group) + "}"),
                Not(Contains(HasSubstr("do not divide"))))
        << group;
  }
}

TEST(ConfigUnsaid, WidthsOfKnownMethodsAreWhatIsWrongWithThem) {
  const auto said = [](const std::string& object) { return complaint(tiny("\"quantization_config\": " + object)); };
  EXPECT_THAT(said(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"targets": ["Linear"],
                  "weights": {"num_bits": 3, "type": "int"}}}})"),
              AllOf(HasSubstr("method \"compressed-tensors\" of 3 bits is not supported; 4 and 8 are"),
                    Not(HasSubstr("known are"))));
  EXPECT_THAT(said(R"({"quant_method": "gptq", "bits": 3})"),
              HasSubstr("method \"gptq\" of 3 bits is not supported; 4 and 8 are"));
  EXPECT_THAT(said(R"({"quant_method": "awq", "w_bit": 5, "q_group_size": 64})"), HasSubstr("of 5 bits"));
  EXPECT_THAT(said(R"({"quant_method": "compressed-tensors", "config_groups": {
                  "odd": {"targets": ["a"], "weights": {"num_bits": 3, "type": "int"}},
                  "good": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int"}}}})"),
              HasSubstr("the format of \"odd\" is not supported: weights of 3 bits; 4 and 8 are"));
}

TEST(ConfigUnsaid, BytesOfATokenInAWindowAreToldApart) {
  const auto bytes = [](const std::string& window) {
    const Llm llm =
        read_hf_config(tiny("\"num_key_value_heads\": 2, \"sliding_window\": " + window, "mistral"), "m.json");
    return std::pair(kv_bytes_per_token(llm, Dtype::bf16).value(), recent_bytes_per_token(llm, Dtype::bf16).value());
  };
  // 2 layers · (key + value) · 2 heads · 16 · 2 bytes = 256.
  EXPECT_EQ(bytes("null"), std::pair(256.0, 0.0));
  EXPECT_EQ(bytes("32"), std::pair(0.0, 256.0));
}

}  // namespace
}  // namespace orrery::models
