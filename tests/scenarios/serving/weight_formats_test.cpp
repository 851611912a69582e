// Which number formats of weights a GPU multiplies, widens, or makes an engine refuse.
#include "scenarios/serving/weight_formats.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;

hardware::Gpu gpu(const char* name) { return hardware::load_gpu(name); }

// vllm-project/vllm docs/features/quantization/README.md, Supported Hardware: fp8 in units from Ada (8.9) on, by Marlin
// from Ampere (8.0) on, not on Turing (7.5) and Volta (7.0); 4-bit integers on all of them.
TEST(WeightFormats, AreMultipliedWidenedOrRefusedByTheGpusGeneration) {
  struct Case {
    const char* gpu;
    bool widens_fp8, refuses_fp8;
  };
  for (const Case& one : {Case{"h100_sxm", false, false},
                          {"l4", false, false},
                          {"a100_sxm", true, false},
                          {"a10", true, false},
                          {"t4", true, true},
                          {"v100_pcie", true, true}}) {
    for (const Dtype fp8 : {Dtype::fp8, Dtype::fp8_block}) {
      EXPECT_EQ(is_widened(gpu(one.gpu), fp8), one.widens_fp8) << one.gpu << " " << name(fp8);
      EXPECT_EQ(is_refused(gpu(one.gpu), fp8), one.refuses_fp8) << one.gpu << " " << name(fp8);
    }
    EXPECT_FALSE(is_widened(gpu(one.gpu), Dtype::int4)) << one.gpu;
    EXPECT_FALSE(is_refused(gpu(one.gpu), Dtype::int4)) << one.gpu;
    EXPECT_FALSE(is_widened(gpu(one.gpu), Dtype::fp16)) << one.gpu;
  }
  EXPECT_FALSE(is_widened(gpu("b200_sxm"), Dtype::nvfp4));
  EXPECT_TRUE(is_widened(gpu("h100_sxm"), Dtype::nvfp4)) << "before Blackwell no GPU has units for it";
  EXPECT_TRUE(is_refused(gpu("t4"), Dtype::nvfp4));
}

TEST(WeightFormats, OfACheckpointAreMostOfItsWeightsAndWhatStandsBeside) {
  models::Llm llm = models::load_model("mixtral-8x7b");
  EXPECT_THAT(weight_formats(llm, llm.dtype), ElementsAre(llm.dtype));
  llm.dtype = Dtype::fp8;
  if (llm.kinds.empty()) llm.kinds.emplace_back();
  llm.kinds[0].stored.experts = models::WeightFormat{Dtype::nvfp4};
  llm.kinds[0].stored.mixer = models::WeightFormat{Dtype::bf16};
  llm.head = models::WeightFormat{Dtype::nvfp4};
  EXPECT_THAT(weight_formats(llm, Dtype::fp8), ElementsAre(Dtype::fp8, Dtype::nvfp4))
      << "each once; what stays in 16 bits is no format of its own";
  EXPECT_THAT(weight_formats(llm, Dtype::int4), ElementsAre(Dtype::int4)) << "asked for: of that alone";
}

TEST(WeightFormats, ThatAnEngineRefusesAreNamedWithTheGpu) {
  models::Llm llm = models::load_model("mixtral-8x7b");
  EXPECT_EQ(weights_refusal(llm, Dtype::fp8, gpu("t4")),
            "t4 has no units for fp8, which vLLM's Marlin widens from compute capability 8.0 on: refused");
  EXPECT_EQ(weights_refusal(llm, Dtype::fp8, gpu("a100_sxm")), "");
  EXPECT_EQ(weights_refusal(llm, Dtype::int4, gpu("t4")), "");
  EXPECT_EQ(weights_refusal(llm, Dtype::bf16, gpu("t4")), "") << "asked in fp16, as vLLM's --dtype half";
  // The second format of a checkpoint counts as much as the first.
  llm.dtype = Dtype::int4;
  if (llm.kinds.empty()) llm.kinds.emplace_back();
  EXPECT_EQ(weights_refusal(llm, Dtype::int4, gpu("t4")), "");
  llm.kinds[0].stored.experts = models::WeightFormat{Dtype::fp8};
  EXPECT_THAT(weights_refusal(llm, Dtype::int4, gpu("t4")), ::testing::StartsWith("t4 has no units for fp8,"));
}

}  // namespace
}  // namespace orrery::scenarios
