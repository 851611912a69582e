// Quantised checkpoints are served as they are stored, unless the scenario says otherwise.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Quantised : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    write("config.json", R"({"model_type": "llama", "hidden_size": 1024, "num_hidden_layers": 4,
        "num_attention_heads": 8, "num_key_value_heads": 8, "intermediate_size": 4096, "vocab_size": 32000,
        "max_position_embeddings": 4096, "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128],
        "modules_to_not_convert": ["lm_head", "model.layers.0.self_attn"]}})");
  }
  std::string scenario(const std::string& node) const {
    return write("serve.yaml", "scenario: quantised\nmodel: ./config.json\ncluster: {node: " + node +
                                   "}\nserving:\n  load: {arrivals: burst, requests: 4, input: 100, output: 10}\n");
  }
  nlohmann::json run(const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {"run", scenario("dgx_h100"), "--json", path("report.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return nlohmann::json::parse(read_file(path("report.json")));
  }
};

TEST_F(Quantised, CheckpointsAreServedAsTheyAreStored) {
  const nlohmann::json stored = run(), wide = run({"--set", "serving.weight_dtype=bf16"});
  EXPECT_EQ(stored.at("scenario").at("serving").at("weight_dtype"), "fp8_block");
  EXPECT_EQ(wide.at("scenario").at("serving").at("weight_dtype"), "bf16");
  EXPECT_LT(stored.at("memory").at("weights_bytes"), wide.at("memory").at("weights_bytes"));
  EXPECT_THAT(stored.at("scenario").at("model").dump(), HasSubstr("kept in 16 bit, of 4 layers: attention in 1"));
}

TEST_F(Quantised, AGpuWithoutTheUnitsWidensTheWeightsAndSaysSo) {
  const Outcome outcome = orrery({"run", scenario("dgx_a100")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("a100_sxm has no units for fp8_block"), HasSubstr("Marlin")));
  const Outcome old = orrery({"run", scenario("dgx_1")});
  EXPECT_EQ(old.code, kExitInput);
  EXPECT_THAT(old.err, AllOf(HasSubstr("no matrix units for bf16"), HasSubstr("dtype: fp16")));
}

// A checkpoint in two formats: each is served as it is stored, and each is named where the GPU has no units for it.
TEST_F(Quantised, ASecondFormatIsServedAsItIsStored) {
  write("config.json", R"({"model_type": "llama", "hidden_size": 1024, "num_hidden_layers": 4,
      "num_attention_heads": 8, "num_key_value_heads": 8, "intermediate_size": 4096, "vocab_size": 32000,
      "max_position_embeddings": 4096, "quantization_config": {"quant_method": "compressed-tensors",
      "ignore": ["lm_head"], "config_groups": {
        "group_0": {"targets": ["re:.*self_attn.*"], "weights": {"num_bits": 8, "type": "float"},
                    "input_activations": {"num_bits": 8}},
        "group_1": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "group_size": 128}}}}})");
  const nlohmann::json stored = run();
  EXPECT_EQ(stored.at("scenario").at("serving").at("weight_dtype"), "int4");
  // Four matrices of 1024² in a byte, three of 1024 x 4096 in 4 + 16/128 bits, a layer; the rest in two.
  const double linear = 4.0 * (4.0 * 1024 * 1024 + 3.0 * 1024 * 4096 * (4.0 + 16.0 / 128) / 8.0);
  const double rest = 2.0 * (2.0 * 32000 * 1024 + 9.0 * 1024);
  EXPECT_NEAR(stored.at("memory").at("weights_bytes").get<double>(), linear + rest, 1.0);
  EXPECT_NEAR(stored.at("model").at("weights_bytes").get<double>(), linear + rest, 1.0);
  const Outcome ampere = orrery({"run", scenario("dgx_a100")});
  EXPECT_THAT(ampere.out, HasSubstr("a100_sxm has no units for fp8"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
