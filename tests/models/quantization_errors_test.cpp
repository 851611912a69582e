// What a quantization_config can have wrong, and the place that is said.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "tests/models/tiny_config.hpp"

namespace orrery::models {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// A Llama whose second line holds the object.
std::string with(const std::string& quantised) { return tiny("\n\"quantization_config\": " + quantised); }
std::string said(const std::string& quantised) { return complaint(with(quantised)); }
Llm read(const std::string& quantised) { return read_hf_config(with(quantised), "m.json"); }

constexpr const char* kPlace = "tiny.json:2:24: quantization_config";

TEST(QuantisationErrors, BlocksHaveTwoSides) {
  const std::string two = ".weight_block_size: expected a block's rows and columns, two numbers from 1, as [128, 128]";
  for (const char* odd : {"[0, 0]", "[128, 0]", "[128]", "[]", "[128, 128, 1]", "[-1, 128]"}) {
    const std::string text = said(std::string(R"({"quant_method": "fp8", "weight_block_size": )") + odd + "}");
    EXPECT_THAT(text, HasSubstr(kPlace + two)) << odd;
  }
  for (const char* odd : {"\"128\"", "128", "[\"128\", \"128\"]", "{}"}) {
    const std::string text = said(std::string(R"({"quant_method": "fp8", "weight_block_size": )") + odd + "}");
    EXPECT_THAT(text, AllOf(HasSubstr(".weight_block_size: expected a list of whole numbers"), Not(HasSubstr("rows"))))
        << odd;
  }
  EXPECT_EQ(said(R"({"quant_method": "fp8", "weight_block_size": null})"), "");
}

TEST(QuantisationErrors, ABlocksScaleIsSharedByItsWeights) {
  const auto bits = [](const std::string& block) {
    return 8.0 * read(R"({"quant_method": "fp8", "weight_block_size": )" + block + "}").weights().size.value();
  };
  // A scale of 32 bits for 128·128, for 64·32 and for one row's 128 weights.
  EXPECT_DOUBLE_EQ(bits("[128, 128]"), 8.0 + 32.0 / 16384.0);
  EXPECT_DOUBLE_EQ(bits("[64, 32]"), 8.0 + 32.0 / 2048.0);
  EXPECT_DOUBLE_EQ(bits("[1, 128]"), 8.25);
}

TEST(QuantisationErrors, AGroupHasOneWeightAtLeast) {
  const std::string zero = "a group has one weight at least; -1 is a scale for a row";
  EXPECT_THAT(said(R"({"quant_method": "gptq", "bits": 4, "group_size": 0})"),
              HasSubstr(std::string(kPlace) + ".group_size: " + zero));
  EXPECT_THAT(said(R"({"quant_method": "awq", "w_bit": 4, "q_group_size": 0})"),
              HasSubstr(std::string(kPlace) + ".q_group_size: " + zero));
  EXPECT_THAT(said(R"({"quant_method": "compressed-tensors", "config_groups": {"group_0": {"targets": ["Linear"],
                       "weights": {"num_bits": 4, "type": "int", "group_size": 0}}}})"),
              HasSubstr(".config_groups.group_0.weights.group_size: " + zero));
  EXPECT_THAT(said(R"({"quant_method": "gptq", "bits": 4, "group_size": -2})"),
              HasSubstr(".group_size: expected a number from -1 to 1048576, not -2"));
  EXPECT_THAT(said(R"({"quant_method": "gptq", "bits": 4, "group_size": "128"})"),
              HasSubstr(".group_size: expected a whole number, not \"128\""));
}

TEST(QuantisationErrors, AFaultIsSaidOnceWhereTwoReadersMeetIt) {
  // The group with the most targets gives the model's format, and each group its modules'.
  const std::string text = said(R"({"quant_method": "compressed-tensors", "config_groups": {
      "a": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "group_size": 0}},
      "b": {"targets": ["re:.*self_attn.*"], "weights": {"num_bits": 8, "type": "int"}}}})");
  const std::size_t first = text.find("a group has one weight");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("a group has one weight", first + 1), std::string::npos) << text;
}

TEST(QuantisationErrors, OfFormatsAndPatternsAreReportedTogether) {
  const std::string text =
      said(R"x({"quant_method": "fp8", "weight_block_size": [0, 0], "ignore": ["re:(a", "re:b)"]})x");
  EXPECT_THAT(text, AllOf(HasSubstr(".weight_block_size: expected a block's rows and columns"),
                          HasSubstr(".ignore: \"re:(a\" is no regular expression: a ( is not closed"),
                          HasSubstr(".ignore: \"re:b)\" is no regular expression: a ) closes nothing")));
}

TEST(QuantisationErrors, NoGroupIsAScaleForARow) {
  for (const char* row : {R"(, "group_size": -1)", R"(, "group_size": null)", ""}) {
    const Llm llm = read(std::string(R"({"quant_method": "gptq", "bits": 4)") + row + "}");
    EXPECT_DOUBLE_EQ(8.0 * llm.weights().size.value(), 4.0) << row;
  }
}

TEST(QuantisationErrors, BrokenExpressionsAreNamedWithTheirList) {
  for (const std::string key : {"ignore", "ignored_layers", "modules_to_not_convert", "exclude_modules"}) {
    const std::string text = said(R"({"quant_method": "fp8", ")" + key + R"(": ["lm_head", "re:.*(mlp"]})");
    EXPECT_THAT(text, HasSubstr(kPlace + ("." + key) + ": \"re:.*(mlp\" is no regular expression: a ( is not closed"));
  }
  EXPECT_THAT(said(R"({"quant_method": "compressed-tensors", "config_groups": {
      "a": {"targets": ["re:*attn"], "weights": {"num_bits": 8, "type": "int"}},
      "b": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int"}}}})"),
              HasSubstr(".config_groups.a.targets: \"re:*attn\" is no regular expression: nothing stands before a *"));
  EXPECT_EQ(said(R"({"quant_method": "fp8", "ignore": ["(mlp", "*lm_head"]})"), "") << "a name is no expression";
}

TEST(QuantisationErrors, ExpressionsThatSayMoreThanIsReadAreNoted) {
  const Llm llm = read(R"({"quant_method": "fp8", "ignore": ["re:.*layers\\.\\d+\\.mlp", "re:.*self_attn.*"]})");
  EXPECT_THAT(llm.assumed, Contains(HasSubstr("\"re:.*layers\\.\\d+\\.mlp\": what is not .*, \\. or (a|b) is read")));
  EXPECT_THAT(llm.assumed, Not(Contains(HasSubstr("\"re:.*self_attn.*\""))));
  EXPECT_EQ(llm.layer(0).stored.mixer, WeightFormat{});
}

TEST(QuantisationErrors, RoutersThatAreLeftAloneLeaveNoGateProjectionAlone) {
  // llm-compressor writes "re:.*mlp.gate$" for the routers of experts.
  const Llm llm = read(R"({"quant_method": "fp8", "ignore": ["lm_head", "re:.*mlp.gate$"]})");
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) EXPECT_FALSE(llm.layer(layer).stored.mlp) << layer;
}

TEST(QuantisationErrors, MethodsAndTheirBitsAreNamed) {
  EXPECT_THAT(said(R"({"quant_method": "magic"})"),
              HasSubstr(std::string(kPlace) + ": method \"magic\" is not supported; known are fp8, gptq, awq, auto-"));
  EXPECT_THAT(said(R"({"quant_method": "gptq", "bits": 3})"), HasSubstr("method \"gptq\" of 3 bits is not supported"));
  EXPECT_THAT(said(R"({"quant_method": "modelopt", "quant_algo": "W1A1"})"),
              HasSubstr("\"modelopt\" is not supported"));
  EXPECT_THAT(said("\"fp8\""), HasSubstr("expected an object that says how the checkpoint is quantised"));
  EXPECT_THAT(said(R"({"quant_method": "compressed-tensors", "config_groups": {
      "odd": {"targets": ["a"], "weights": {"num_bits": 3, "type": "int"}},
      "good": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int"}}}})"),
              HasSubstr("the format of \"odd\" is not supported"));
  EXPECT_THAT(said(R"({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
      "model.layers.0.mlp.experts": {"quant_algo": "FP8"}, "model.layers.1.mlp": {"quant_algo": "W1A1"}}})"),
              HasSubstr("quant_algo \"W1A1\" of a layer is not supported"));
  EXPECT_THAT(said(R"({"quant_method": "fp8", "ignore": [1, 2]})"),
              HasSubstr(".ignore: expected a list of texts, not [1,2]"));
}

}  // namespace
}  // namespace orrery::models
