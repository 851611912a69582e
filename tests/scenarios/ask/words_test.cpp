// How people write models, GPUs and sizes.

#include "scenarios/ask/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/ask/names.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Call>
std::string error_of(const Call& call) {
  try {
    (void)call();
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(AskWords, TokensAreCountedAsVllmDoes) {
  EXPECT_EQ(read_tokens("2000", "--input"), 2000);
  EXPECT_EQ(read_tokens("32k", "--context"), 32'000);
  EXPECT_EQ(read_tokens("32K", "--context"), 32'768);
  EXPECT_EQ(read_tokens("1m", "--context"), 1'000'000);
  EXPECT_EQ(read_tokens("128K", "--context"), 131'072);
  EXPECT_EQ(read_tokens("1M", "--context"), 1'048'576);
  EXPECT_EQ(read_tokens("0.5k", "--context"), 500);
  for (const std::string wrong : {"", "k", "-4", "0", "1.5", "12q", "1e30", "nan", "32 kk", "0.5K", "2G"}) {
    EXPECT_THAT(error_of([&] { return read_tokens(wrong, "--context"); }), HasSubstr("--context")) << wrong;
  }
}

TEST(AskWords, LengthsMayHaveASpread) {
  EXPECT_EQ(read_asked_length("2000", "--input").longest(), 2000);
  const AskedLength drawn = read_asked_length("1155:0.96:7000", "--input");
  EXPECT_EQ(drawn.mean, 1155.0);
  EXPECT_EQ(drawn.cv, 0.96);
  EXPECT_EQ(drawn.longest(), 7000);
  EXPECT_THAT(error_of([] { return read_asked_length("1155:0.96:700", "--input"); }), HasSubstr("--input"));
  EXPECT_THAT(error_of([] { return read_asked_length("1:2:3:4", "--input"); }), HasSubstr("MEAN:CV:MOST"));
}

TEST(AskWords, TimesNeedNoBlank) {
  EXPECT_DOUBLE_EQ(read_time("50ms", "--tpot").value(), 0.05);
  EXPECT_DOUBLE_EQ(read_time("1.5 s", "--ttft").value(), 1.5);
  for (const std::string wrong : {"50", "ms", "0s", "-1s", "5 GB"}) {
    EXPECT_THAT(error_of([&] { return read_time(wrong, "--tpot"); }), HasSubstr("--tpot")) << wrong;
  }
}

TEST(AskWords, GoalsBeyondReasonAreToldTheirBounds) {
  EXPECT_EQ(read_time("1ns", "--tpot").value(), 1e-9);
  EXPECT_EQ(read_time("24h", "--ttft").value(), 86'400.0);
  for (const std::string wrong : {"1e300s", "25h", "1e999s", "1e-12s", "0.5ns"}) {
    EXPECT_EQ(error_of([&] { return read_time(wrong, "--tpot"); }),
              "--tpot " + wrong + ": expected a time such as 50ms or 5s, from 1ns to 24h");
  }
  EXPECT_THAT(error_of([] { return read_asked_length("1000:1e300", "--input"); }), HasSubstr("up to 100"));
  EXPECT_EQ(read_asked_length("1000:100", "--input").cv, 100.0);
  EXPECT_THAT(error_of([] { return read_api_price("1e300/1/1", "--compare-api"); }), HasSubstr("each up to 1,000,000"));
  EXPECT_THAT(error_of([] { return read_count("1e300", "--gpus", 4096); }), HasSubstr("from 1 to 4096"));
  EXPECT_THAT(error_of([] { return read_within("1e300", "--rate", 0.001, 1e4); }), HasSubstr("from 0.001 to 10000"));
  EXPECT_THAT(error_of([] { return read_within("1e-9", "--rate", 0.001, 1e4); }), HasSubstr("from 0.001 to 10000"));
}

TEST(AskWords, ApiPricesAreThree) {
  const ApiPrice price = read_api_price("0.14/0.55/2.19", "--compare-api");
  EXPECT_EQ(price.cached, 0.14);
  EXPECT_EQ(price.input, 0.55);
  EXPECT_EQ(price.output, 2.19);
  EXPECT_THAT(error_of([] { return read_api_price("1/2", "--compare-api"); }), HasSubstr("CACHED/INPUT/OUTPUT"));
}

TEST(AskWords, SplitDropsBlanks) {
  EXPECT_THAT(split("a, b ,c"), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(split("").empty());
}

TEST(AskNames, ModelsAreTakenAsHuggingFaceHasThem) {
  const AskedModel model = find_asked_model("Qwen/Qwen3-32B-FP8", "");
  EXPECT_EQ(model.name, "qwen3-32b");
  EXPECT_EQ(model.weight_dtype, "fp8");
  EXPECT_THAT(model.note, HasSubstr("Qwen/Qwen3-32B-FP8 is taken as qwen3-32b with fp8 weights"));
  EXPECT_EQ(find_asked_model("meta-llama/Meta-Llama-3.1-70B-Instruct", "").name, "llama-3.1-70b");
  EXPECT_EQ(find_asked_model("LLaMA-3.3-70B-Instruct-FP8-dynamic", "").weight_dtype, "fp8");
  EXPECT_EQ(find_asked_model("Qwen/Qwen3-30B-A3B-Instruct-2507", "").name, "qwen3-30b-a3b");
  EXPECT_EQ(find_asked_model("Qwen/Qwen2.5-32B-Instruct-AWQ", "").weight_dtype, "int4");
  EXPECT_EQ(find_asked_model("qwen3-32b-nvfp4", "").weight_dtype, "nvfp4");
  EXPECT_EQ(find_asked_model("qwen3-32b-fp8", "bf16").weight_dtype, "bf16");  // what is asked for stands above the name
  EXPECT_TRUE(find_asked_model("qwen3-32b", "").note.empty());
}

TEST(AskNames, UnknownOnesGetTheNearest) {
  EXPECT_THAT(error_of([] { return find_asked_model("Qwen/Qwen3-33B", ""); }),
              AllOf(HasSubstr("Qwen/Qwen3-33B"), HasSubstr("qwen3-32b")));
  EXPECT_THAT(error_of([] { return find_asked_model("qwen3-32b", "fp9"); }),
              AllOf(HasSubstr("--weight-dtype fp9"), HasSubstr("fp8")));
  EXPECT_THAT(error_of([] { return find_asked_gpu("h10"); }), HasSubstr("did you mean"));
  EXPECT_THAT(error_of([] { return find_asked_model("bad\x1b[31m", ""); }), HasSubstr("\\x1b"));
}

TEST(AskNames, GpusAreTakenByTheirBeginning) {
  EXPECT_EQ(find_asked_gpu("H100").name, "h100_sxm");
  EXPECT_EQ(find_asked_gpu("H100").node, "dgx_h100");
  EXPECT_EQ(find_asked_gpu("L40S").name, "l40s");
  EXPECT_EQ(find_asked_gpu("RTX 4090").name, "rtx_4090");
  EXPECT_EQ(find_asked_gpu("h100-sxm").name, "h100_sxm");
  EXPECT_EQ(find_asked_gpu("a100").name, "a100_sxm") << "the board of the usual servers";
  EXPECT_THAT(error_of([] { return find_asked_gpu("v100"); }),
              AllOf(HasSubstr("v100_pcie"), HasSubstr("v100_sxm_32gb")));
}

TEST(AskNames, EveryGpuOfTheLibraryHasANode) {
  EXPECT_EQ(all_asked_gpus().size() + 2, hardware::gpu_names().size())
      << "but tpu_v4 and tpu_v5p, which no engine runs on";
}

}  // namespace
}  // namespace orrery::scenarios
