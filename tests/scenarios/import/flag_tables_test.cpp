// Every row of every server's table of flags, in each way that its program takes it.
#include <cctype>

#include <gmock/gmock.h>

#include "scenarios/import/launch.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What starts each server, with its model.
std::string start_of(const Launcher& launcher) {
  if (launcher.name == "sglang") return "python -m sglang.launch_server --model Qwen/Qwen3-32B";
  if (launcher.name == "trtllm") return "trtllm-serve Qwen/Qwen3-32B";
  if (launcher.name == "tgi") return "text-generation-launcher --model-id Qwen/Qwen3-32B";
  return "vllm serve Qwen/Qwen3-32B";
}

/// A value that the flag may have, whatever it is of.
std::string value_of(const FlagRow& flag) {
  if (flag.apply == take_share) return "0.5";
  if (flag.apply == take_dtype) return "fp8";
  if (flag.apply == take_model) return "Qwen/Qwen3-32B";
  if (flag.apply == take_bytes) return "20G";
  if (flag.key == "max_model_len") return "8192";
  if (flag.key == "max_num_batched_tokens") return "16384";
  if (flag.key == "block_size") return "32";
  if (flag.key == "num_gpu_blocks") return "5000";
  return "2";
}

class FlagTables : public FolderTest {
 protected:
  [[nodiscard]] Outcome import(const std::string& line) const {
    return orrery({"import", write("serve.sh", line + "\n"), "--node", "hgx_h200"});
  }
  /// The scenario without its comments, which name the flag as it is written.
  [[nodiscard]] std::string keys_of(const std::string& line) const {
    const Outcome outcome = import(line);
    EXPECT_EQ(outcome.code, kExitWell) << line << outcome.err;
    std::string keys;
    std::istringstream lines(outcome.out);
    for (std::string one; std::getline(lines, one);) keys += one.substr(0, one.find('#')) + "\n";
    return keys;
  }
  [[nodiscard]] models::ServingConfig config_of(const std::string& line) const {
    const Outcome outcome = import(line);
    EXPECT_EQ(outcome.code, kExitWell) << line << outcome.err;
    return serving_job(parse_scenario(outcome.out, path("mine.yaml"))).config;
  }
  [[nodiscard]] std::string error_of(const std::string& line) const {
    const Outcome outcome = import(line);
    EXPECT_EQ(outcome.code, kExitInput) << line << outcome.out;
    EXPECT_EQ(outcome.out, "") << line;
    return outcome.err;
  }
};

// "--flag value", "--flag=value", "--Flag_Name" and the other name say the same.
TEST_F(FlagTables, ValuesStandBehindABlankOrAnEqualsSignAndUnderEachName) {
  for (const Launcher& launcher : launchers()) {
    for (const FlagRow& flag : launcher.flags()) {
      if (flag.takes != FlagTakes::value || flag.apply == nullptr) continue;
      const std::string start = start_of(launcher) + " ", name(flag.name), value = value_of(flag);
      std::string underscored = name;
      std::replace(underscored.begin() + 2, underscored.end(), '-', '_');
      const std::string first = keys_of(start + name + " " + value);
      EXPECT_EQ(keys_of(start + name + "=" + value), first) << name;
      EXPECT_EQ(keys_of(start + underscored + "=" + value), first) << name;
      if (!flag.other.empty()) {
        EXPECT_EQ(keys_of(start + std::string(flag.other) + " " + value), first) << name;
      }
      if (!flag.key.empty()) {
        EXPECT_THAT(first, HasSubstr("\n  " + std::string(flag.key) + ": ")) << name;
      }
    }
  }
}

// A flag that is not taken takes its value with it: what stands behind is read as ever.
TEST_F(FlagTables, WhatIsNotTakenIsToldAtItsPlaceAndHidesNothingBehindIt) {
  const std::pair<std::string, std::string> behind[] = {{"vllm_v1", "--max-num-seqs 48"},
                                                        {"sglang", "--max-running-requests 48"},
                                                        {"trtllm", "--max_batch_size 48"},
                                                        {"tgi", "--max-batch-size 48"}};
  std::size_t told = 0;
  for (const Launcher& launcher : launchers()) {
    const auto follows =
        std::find_if(std::begin(behind), std::end(behind), [&](const auto& one) { return one.first == launcher.name; });
    ASSERT_NE(follows, std::end(behind)) << launcher.name;
    for (const FlagRow& flag : launcher.flags()) {
      if (flag.apply != nullptr) continue;
      const std::string start = start_of(launcher) + " ";
      const std::string value = flag.takes == FlagTakes::nothing ? "" : " some-text";
      const Outcome outcome = import(start + std::string(flag.name) + value + " " + follows->second);
      ASSERT_EQ(outcome.code, kExitWell) << flag.name << outcome.err;
      const std::string place = "serve.sh:1:" + std::to_string(start.size() + 1);
      EXPECT_THAT(outcome.err,
                  HasSubstr(place + " " + std::string(flag.name) + ": " + std::string(flag.equation) + "\n"));
      EXPECT_THAT(outcome.err, Not(HasSubstr("a word without a flag"))) << flag.name;
      EXPECT_THAT(outcome.out, HasSubstr("\n  max_num_seqs: 48 ")) << flag.name;
      ++told;
    }
  }
  EXPECT_GT(told, 80U) << "the tables name what they leave out";
}

TEST_F(FlagTables, ValuesThatAreMissingAreAskedForAtTheFlag) {
  for (const Launcher& launcher : launchers()) {
    for (const FlagRow& flag : launcher.flags()) {
      if (flag.takes != FlagTakes::value || flag.apply == nullptr) continue;
      const std::string start = start_of(launcher) + " ";
      EXPECT_THAT(error_of(start + std::string(flag.name)),
                  HasSubstr("serve.sh:1:" + std::to_string(start.size() + 1) + ": " + std::string(flag.name) +
                            " needs a value\n"));
    }
  }
}

TEST_F(FlagTables, SwitchesAreOnByThemselvesAndTakeTrueOrFalse) {
  const std::string start = "vllm serve Qwen/Qwen3-32B --enforce-eager";
  for (const char* on : {"", "=true", "=True", "=1", " true", " True"})
    EXPECT_TRUE(config_of(start + on).enforce_eager);
  for (const char* off : {"=false", "=False", "=0", " false", " False"}) {
    EXPECT_FALSE(config_of(start + off).enforce_eager) << off;
  }
  EXPECT_THAT(error_of(start + "=yes"), HasSubstr("--enforce-eager: expected true or false, found \"yes\""));
}

TEST_F(FlagTables, SwitchesThatTurnAKeyOffTakeTheSameWords) {
  const std::string start = "python -m sglang.launch_server --model Qwen/Qwen3-32B --disable-radix-cache";
  for (const char* on : {"", "=true", " True", "=1"}) EXPECT_FALSE(config_of(start + on).enable_prefix_caching) << on;
  for (const char* off : {"=false", " False", "=0"}) EXPECT_TRUE(config_of(start + off).enable_prefix_caching) << off;
  EXPECT_THAT(error_of(start + "=maybe"), HasSubstr("--disable-radix-cache: expected true or false, found \"maybe\""));
}

TEST_F(FlagTables, DataParallelAttentionIsOnHoweverTrueIsWritten) {
  const std::string start = "python -m sglang.launch_server --model Qwen/Qwen3-32B --tp 4 --dp 2 --enable-dp-attention";
  for (const char* on : {"", "=true", "=True", " True", "=1"}) {
    EXPECT_EQ(config_of(start + on).replicas, 1) << on << ": the groups are parts of one engine";
    EXPECT_THAT(import(start + on).err, HasSubstr("attention in 2 data parallel groups inside one engine of 4 GPUs"));
  }
  for (const char* off : {"=false", " False", "=0"}) EXPECT_EQ(config_of(start + off).replicas, 2) << off;
  EXPECT_THAT(error_of(start + "=maybe"), HasSubstr("--enable-dp-attention: expected true or false, found \"maybe\""));
}

// argparse.BooleanOptionalAction: "--no-" is of switches alone, and refuses a value.
TEST_F(FlagTables, OnlySwitchesHaveAnOppositeAndItTakesNoValue) {
  const std::string start = "vllm serve Qwen/Qwen3-32B ";
  EXPECT_FALSE(config_of(start + "--no-enable-prefix-caching").enable_prefix_caching);
  EXPECT_FALSE(config_of(start + "--no_enable_prefix_caching").enable_prefix_caching);
  EXPECT_THAT(error_of(start + "--no-enable-prefix-caching=true"),
              HasSubstr("serve.sh:1:27: --no-enable-prefix-caching takes no value: it turns --enable-prefix-caching "
                        "off"));
  const Outcome none = import(start + "--no-tensor-parallel-size 4");
  EXPECT_EQ(none.code, kExitWell) << none.err;
  EXPECT_THAT(none.out, Not(HasSubstr("\n  tensor_parallel:")));
  EXPECT_THAT(none.err, HasSubstr("serve.sh:1:27 --no-tensor-parallel-size: not known here"));
}

TEST_F(FlagTables, OppositesOfSwitchesAreNoModels) {
  // The word behind an opposite is not its value.
  const Outcome outcome = import("vllm serve --no-enable-prefix-caching Qwen/Qwen3-32B");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("model: qwen3-32b"), HasSubstr("enable_prefix_caching: false")));
}

TEST_F(FlagTables, DataParallelGroupsMustDivideTheGpus) {
  const std::string start = "python -m sglang.launch_server --model Qwen/Qwen3-32B ";
  EXPECT_THAT(error_of(start + "--tp 4 --enable-dp-attention --dp 3"),
              HasSubstr("serve.sh:1:" + std::to_string(start.size() + 8) +
                        ": --enable-dp-attention: --dp 3 doesn't divide --tp 4, the GPUs that its groups are of"));
  EXPECT_THAT(import(start + "--tp 2 --enable-dp-attention").err,
              HasSubstr("attention in 1 data parallel group inside one engine of 2 GPUs"));
}

TEST_F(FlagTables, EnginesThatAreRunUnderVllmsRulesAreNamed) {
  for (const Launcher& launcher : launchers()) {
    const std::string keys = keys_of(start_of(launcher));
    if (launcher.name == "vllm_v1") {
      EXPECT_THAT(keys, Not(HasSubstr("engine:"))) << "the default";
    } else {
      EXPECT_THAT(keys, HasSubstr("\n  engine: " + std::string(launcher.name)));
    }
  }
}

TEST_F(FlagTables, CountsAreReadAsVllmReadsThem) {
  // vLLM's human_readable_int: k, m, g by thousands, K, M, G by 1,024; a fraction of the small ones is whole.
  const std::string start = "vllm serve Qwen/Qwen3-32B --max-num-batched-tokens ";
  const std::pair<const char*, std::int64_t> counts[] = {{"8192", 8192},  {"8k", 8000},    {"8K", 8192},
                                                         {"16k", 16'000}, {"16K", 16'384}, {"2.5k", 2500}};
  for (const auto& [text, count] : counts) EXPECT_EQ(config_of(start + text).max_num_batched_tokens, count) << text;
  for (const char* wrong : {"8kk", "K8", "8 k", "0x10", "2.5K", "''"}) {
    const Outcome outcome = import(start + wrong);
    if (std::string(wrong) == "8 k") {
      EXPECT_EQ(config_of(start + wrong).max_num_batched_tokens, 8) << "two words, the second of nothing";
      continue;
    }
    EXPECT_EQ(outcome.code, kExitInput) << wrong << outcome.out;
  }
}

TEST_F(FlagTables, LaterLinesHaveTheirOwnPlaces) {
  const Outcome outcome = import("# a comment\nvllm serve Qwen/Qwen3-32B \\\n    --port 80 \\\n\t--uds x");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("serve.sh:3:5 --port: "), HasSubstr("serve.sh:4:2 --uds: ")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
