// Names of models as checkpoints have them.
#include "scenarios/model_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

TEST(ModelNames, EveryModelOfTheLibraryIsItselfInAnyCaseAndBehindAnyPublisher) {
  for (const std::string& name : models::model_names()) {
    std::string shouted = name;
    for (char& c : shouted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_EQ(find_library_model(name).name, name);
    EXPECT_EQ(find_library_model("someone/" + shouted + "/").name, name);
    EXPECT_EQ(find_library_model(name).weight_dtype, "");
  }
}

TEST(ModelNames, AliasesLeadToTheLibraryAndHaveASource) {
  for (const ModelAlias& alias : model_aliases()) {
    EXPECT_EQ(find_library_model(alias.name).name, alias.library);
    EXPECT_NO_THROW((void)models::load_model(std::string(alias.library)));
    EXPECT_FALSE(alias.source.empty());
  }
}

TEST(ModelNames, EndingsComeOffOneByOneAndSayHowWeightsAreStored) {
  const std::tuple<const char*, const char*, const char*> rows[] = {
      {"meta-llama/Meta-Llama-3.1-70B-Instruct", "llama-3.1-70b", ""},
      {"meta-llama/Llama-3.3-70B-Instruct", "llama-3.1-70b", ""},
      {"RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.1-70b", "fp8"},
      {"Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3-30b-a3b", ""},
      {"Qwen/Qwen3-30B-A3B-Instruct-2507-FP8", "qwen3-30b-a3b", "fp8"},
      {"deepseek-ai/DeepSeek-R1-0528", "deepseek-v3", ""},
      {"deepseek-ai/DeepSeek-V3-0324", "deepseek-v3", ""},
      {"deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "deepseek-r1-distill-llama-70b", ""},
      {"hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4", "llama-3.1-8b", "int4"},
      {"Qwen/Qwen2.5-32B-Instruct-GPTQ-Int4", "qwen2.5-32b", "int4"},
      {"neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "", ""},  // its ending is none that is known
      {"nvidia/Qwen3-32B-NVFP4", "qwen3-32b", "nvfp4"},
      {"facebook/opt-13b", "opt-13b", ""},
      {"mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b", ""},
  };
  for (const auto& [written, name, dtype] : rows) {
    EXPECT_EQ(find_library_model(written).name, name) << written;
    EXPECT_EQ(find_library_model(written).weight_dtype, dtype) << written;
  }
}

TEST(ModelNames, TheOutermostWordOfTheWeightsStands) {
  EXPECT_EQ(find_library_model("qwen3-32b-bf16-fp8").weight_dtype, "fp8");
}

TEST(ModelNames, OnlyFourDigitsAreADate) {
  EXPECT_EQ(find_library_model("llama-3.1-8b-2507").name, "llama-3.1-8b");
  for (const char* other : {"llama-3.1-8b-beta", "llama-3.1-8b-25a7", "llama-3.1-8b-250", "llama-3.1-8b-25071"}) {
    EXPECT_EQ(find_library_model(other).name, "") << other;
  }
}

TEST(ModelNames, NothingIsNoModel) {
  for (const char* nothing : {"", "/", "-", "-fp8", "-0324", "//", "a/"}) {
    EXPECT_EQ(find_library_model(nothing).name, "") << nothing;
  }
}

// What a checkpoint was tuned for is longer than what tells it from its neighbours.
TEST(ModelNames, SimilarOnesAreThoseOfTheNameWithoutItsEndings) {
  EXPECT_THAT(similar_models("Qwen/Qwen3-14B-Instruct-2507-FP8"), Contains("qwen3-32b"));
  EXPECT_THAT(similar_models("meta-llama/Llama-3.1-7B-Instruct"), Contains("llama-3.1-70b"));
  EXPECT_THAT(similar_models("some/ZZZZZZZZ"), IsEmpty());
  EXPECT_THAT(similar_models(""), IsEmpty());
}

}  // namespace
}  // namespace orrery::scenarios
