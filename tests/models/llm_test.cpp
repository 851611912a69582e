// Counts against published integers and formulas. The sums that stand in comments were done by hand.
#include "models/llm.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

struct Published {
  const char* model;
  std::int64_t parameters;
};

void PrintTo(const Published& published, std::ostream* out) { *out << published.model; }

// Totals of the checkpoints' tensors as Hugging Face prints them (safetensors) for the named repositories; GPT-3 and
// DeepSeek-V3 from their papers' dimensions (see the tests below).
class PublishedTotals : public testing::TestWithParam<Published> {};

TEST_P(PublishedTotals, EqualTheSumOfTheTensors) {
  EXPECT_EQ(parameters(load_model(GetParam().model)), GetParam().parameters);
}

INSTANTIATE_TEST_SUITE_P(
    Library, PublishedTotals,
    testing::Values(Published{"gpt2-124m", 124'439'808}, Published{"gpt2-124m-nanogpt", 124'337'664},
                    Published{"gpt3-175b", 174'604'259'328}, Published{"opt-13b", 12'853'473'280},
                    Published{"llama-2-7b", 6'738'415'616}, Published{"llama-2-70b", 68'976'648'192},
                    Published{"llama-3-8b", 8'030'261'248}, Published{"llama-3-70b", 70'553'706'496},
                    Published{"llama-3.1-8b", 8'030'261'248}, Published{"llama-3.1-70b", 70'553'706'496},
                    Published{"llama-3.1-405b", 405'853'388'800}, Published{"qwen2.5-32b", 32'763'876'352},
                    Published{"qwen3-32b", 32'762'123'264}, Published{"qwen3-30b-a3b", 30'532'122'624},
                    Published{"mixtral-8x7b", 46'702'792'704}, Published{"deepseek-v3", 671'026'419'200},
                    Published{"gpt2-xl", 1'557'611'200}, Published{"deepseek-r1-distill-llama-70b", 70'553'706'496},
                    Published{"deepseek-r1-distill-llama-8b", 8'030'261'248},
                    Published{"deepseek-r1-distill-qwen-32b", 32'763'876'352},
                    Published{"deepseek-r1-distill-qwen-14b", 14'770'033'664},
                    Published{"deepseek-r1-distill-qwen-7b", 7'615'616'512},
                    Published{"deepseek-r1-distill-qwen-1.5b", 1'777'088'000}),
    [](const auto& row) {
      std::string label = row.param.model;
      for (char& c : label) {
        if (c == '-' || c == '.') c = '_';
      }
      return label;
    });

TEST(Parameters, OfGpt3AreTwelveHiddenSquaredAndThirteenHiddenPerLayer) {
  // V·h + P·h + L·(12h² + 13h) + 2h with h = 12288, L = 96, V = 50257, P = 2048:
  // 617,558,016 + 25,165,824 + 96·(1,811,939,328 + 159,744) + 24,576 = 174,604,259,328.
  const std::int64_t h = 12288;
  const Llm llm = load_model("gpt3-175b");
  EXPECT_EQ(layer_parameters(llm, 0).total(), 12 * h * h + 13 * h);
  EXPECT_EQ(embedding_parameters(llm), 617'558'016);
  EXPECT_EQ(position_parameters(llm), 25'165'824);
  EXPECT_EQ(final_norm_parameters(llm), 24'576);
  EXPECT_EQ(head_parameters(llm), 0);
}

TEST(Parameters, OfNanoGptLeaveOutThePositionRows) {
  // nanoGPT's get_num_params: 124,337,664 − 1024·768 = 123,551,232 (karpathy/nanoGPT model.py).
  const Llm llm = load_model("gpt2-124m-nanogpt");
  EXPECT_EQ(parameters(llm) - position_parameters(llm), 123'551'232);
}

TEST(Parameters, OfDeepSeekV3HaveACorrectionBiasPerExpertAndNoPredictionModule) {
  const Llm llm = load_model("deepseek-v3");
  // h = 7168, 128 heads: q 7168·1536 + 1536·128·192; kv 7168·576 + 512·128·256; out 128·128·7168; norms 1536 + 512.
  EXPECT_EQ(layer_parameters(llm, 3).attention, 11'010'048 + 37'748'736 + 4'128'768 + 16'777'216 + 117'440'512 + 2'048);
  EXPECT_EQ(layer_parameters(llm, 2).mlp, 3 * 7168 * 18432);  // the last dense layer
  EXPECT_EQ(layer_parameters(llm, 3).mlp, 44'040'192);        // one shared expert: 3·7168·2048
  EXPECT_EQ(layer_parameters(llm, 3).experts, 256 * std::int64_t{44'040'192});
  EXPECT_EQ(layer_parameters(llm, 3).router, 256 * 7168 + 256);
  // 58 MoE layers carry 256 biases each: without them 671,026,404,352.
  EXPECT_EQ(parameters(llm) - 58 * 256, 671'026'404'352);
}

TEST(Parameters, OfKorthikantisModelsMatchTheirNames) {
  // arXiv:2205.05198 Table 3 prints 22, 175, 530 and 1000 billion.
  EXPECT_EQ(parameters(load_model("korthikanti-22b")), 22'074'273'792);
  EXPECT_EQ(parameters(load_model("korthikanti-175b")), 174'615'846'912);
  EXPECT_EQ(parameters(load_model("korthikanti-530b")), 529'600'819'200);
  EXPECT_EQ(parameters(load_model("korthikanti-1t")), 1'008'038'758'400);
}

TEST(ActiveParameters, CountOnlyTheChosenExperts) {
  // Mixtral: 32 layers · 6 unused experts · 3·4096·14336 = 33,822,867,456 fewer: 12.9 B as its authors print.
  const Llm mixtral = load_model("mixtral-8x7b");
  EXPECT_EQ(active_parameters(mixtral), 46'702'792'704 - 33'822'867'456);
  // DeepSeek-V3: 58 · 248 · 44,040,192 fewer: 37.55 B with both embeddings.
  EXPECT_EQ(active_parameters(load_model("deepseek-v3")), 671'026'419'200 - 58 * 248 * std::int64_t{44'040'192});
  // Qwen3-30B-A3B: 48 · 120 · 3·2048·768 fewer: 3.35 B.
  EXPECT_EQ(active_parameters(load_model("qwen3-30b-a3b")), 3'353'032'704);
}

TEST(ActiveParameters, AreAllOfADenseModel) {
  const Llm llm = load_model("llama-3.1-405b");
  EXPECT_EQ(active_parameters(llm), parameters(llm));
}

TEST(KvCache, TakesThePublishedBytesPerToken) {
  const auto bytes = [](const char* model) { return kv_bytes_per_token(load_model(model), Dtype::bf16).value(); };
  EXPECT_EQ(bytes("opt-13b"), 819'200.0);         // 2·40·40·128·2 = 800 KiB: the vLLM paper's example
  EXPECT_EQ(bytes("llama-2-7b"), 512.0 * 1024);   // 2·32·32·128·2
  EXPECT_EQ(bytes("llama-3-70b"), 320.0 * 1024);  // 2·80·8·128·2
  EXPECT_EQ(bytes("qwen2.5-32b"), 256.0 * 1024);  // 2·64·8·128·2
  EXPECT_EQ(bytes("llama-3.1-405b"), 516'096.0);  // 2·126·8·128·2
  EXPECT_EQ(bytes("deepseek-v3"), 70'272.0);      // (512 + 64)·61·2
}

TEST(KvCache, HalvesWithFp8) {
  const Llm llm = load_model("llama-3-8b");
  EXPECT_EQ(kv_bytes_per_token(llm, Dtype::fp8), 0.5 * kv_bytes_per_token(llm, Dtype::bf16));
}

TEST(TrainingFlops, OfNanoGptByThePalmFormula) {
  // (6·123,551,232 + 12·12·12·64·1024)·1024 = 875,062,886,400 per sequence of 1024.
  const Llm llm = load_model("gpt2-124m-nanogpt");
  const double sequence = 1024.0 * training_flops_per_token(llm, 1024, FlopConvention::palm).value();
  EXPECT_EQ(sequence, 875'062'886'400.0);
  // Batch 100 in 0.755 s on an A100 of 312 TFLOP/s: 37.15 %.
  EXPECT_NEAR(100.0 * sequence / 0.755 / 312e12, 0.3715, 0.00005);
}

TEST(TrainingFlops, OfNanoGptByItsExactCount) {
  // transformer_sizing.ipynb prints 874,944,921,600 and 37.14 %.
  const Llm llm = load_model("gpt2-124m-nanogpt");
  EXPECT_EQ(1024.0 * training_flops_per_token(llm, 1024, FlopConvention::model).value(), 874'944'921'600.0);
}

TEST(TrainingFlops, OfGptWithBiasesByThePalmFormula) {
  // (6·(124,439,808 − 786,432) + 113,246,208)·1024 = (741,920,256 + 113,246,208)·1024.
  const Llm llm = load_model("gpt2-124m");
  EXPECT_EQ(1024.0 * training_flops_per_token(llm, 1024, FlopConvention::palm).value(), 875'690'459'136.0);
}

TEST(TrainingFlops, OfAPlainGptAreTheFormulaOfKorthikanti) {
  // 72·B·s·l·h²·(1 + s/6h + V/12lh), arXiv:2205.05198 §A, exactly: every term is a whole number.
  for (const char* name : {"gpt3-175b", "korthikanti-22b", "korthikanti-175b", "korthikanti-530b", "korthikanti-1t"}) {
    const Llm llm = load_model(name);
    const std::int64_t s = 2048, l = llm.layers, h = llm.hidden, v = llm.vocab;
    const std::int64_t per_token = 72 * l * h * h + 12 * l * h * s + 6 * v * h;
    EXPECT_EQ(training_flops_per_token(llm, s, FlopConvention::model).value(), static_cast<double>(per_token)) << name;
  }
}

TEST(TrainingFlops, HalveTheAttentionWhenCausal) {
  const Llm llm = load_model("korthikanti-175b");
  const double full = training_flops_per_token(llm, 2048, FlopConvention::model).value();
  const double causal = training_flops_per_token(llm, 2048, FlopConvention::model_causal).value();
  EXPECT_EQ(full - causal, 6.0 * 96 * 12288 * 2048);  // half of 12·l·h·s
}

TEST(TrainingFlops, OfAShortSequenceAreSixPerWeight) {
  // s → 0 leaves 6 per weight in matrices; Llama-3-8B has 8.03 B weights, of which 0.525 B are looked up only.
  const Llm llm = load_model("llama-3-8b");
  const double norms = 65.0 * 4096;
  const double weights = static_cast<double>(parameters(llm) - embedding_parameters(llm)) - norms;
  EXPECT_EQ(training_flops_per_token(llm, 0, FlopConvention::model).value(), 6.0 * weights);
}

TEST(LayerFlops, OfDeepSeekV3CountNineExpertsAndTheRouter) {
  const Llm llm = load_model("deepseek-v3");
  const double attention = 2.0 * (11'010'048 + 37'748'736 + 4'128'768 + 16'777'216 + 117'440'512);
  const double scores = 2.0 * 4096 * 128 * (192 + 128);
  const double experts = 2.0 * (9 * 44'040'192.0 + 256 * 7168);
  EXPECT_EQ(layer_forward_flops_per_token(llm, 3, 4096, false).value(), attention + scores + experts);
  EXPECT_EQ(layer_forward_flops_per_token(llm, 3, 4096, true).value(), attention + scores / 2 + experts);
  EXPECT_EQ(layer_forward_flops_per_token(llm, 0, 4096, false).value(), attention + scores + 6.0 * 7168 * 18432);
}

TEST(LayerFlops, OfASlidingWindowStopGrowingWithTheSequence) {
  Llm llm = load_model("llama-3-8b");
  llm.attention.window = 1024;
  const double no_keys = layer_forward_flops_per_token(llm, 0, 0, false).value();
  const double per_key = 4.0 * 4096;
  EXPECT_EQ(layer_forward_flops_per_token(llm, 0, 8192, false).value(), no_keys + 1024 * per_key);
  // Causal: the first 1024 of 8192 tokens see 512 on average: 1024 − 1024²/(2·8192) = 960.
  EXPECT_EQ(layer_forward_flops_per_token(llm, 0, 8192, true).value(), no_keys + 960 * per_key);
  // A window longer than the sequence changes nothing.
  EXPECT_EQ(layer_forward_flops_per_token(llm, 0, 512, true).value(), no_keys + 256 * per_key);
}

TEST(MoeLayers, BeginAfterTheDenseOnes) {
  const Llm llm = load_model("deepseek-v3");
  EXPECT_FALSE(llm.is_moe_layer(2));
  EXPECT_TRUE(llm.is_moe_layer(3));
  EXPECT_TRUE(llm.is_moe_layer(60));
  EXPECT_FALSE(load_model("llama-3-8b").is_moe_layer(0));
}

TEST(FlopConventions, HaveNames) {
  EXPECT_EQ(name(FlopConvention::model), "model");
  EXPECT_EQ(name(FlopConvention::model_causal), "model_causal");
  EXPECT_EQ(name(FlopConvention::palm), "palm");
}

}  // namespace
}  // namespace orrery::models
