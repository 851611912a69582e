// An inference engine's reading of a layer, and what it shares with training's.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/serving.hpp"
#include "models/layer/training.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using testing::find;
using testing::gemm_flops;
using testing::labels;
using testing::serving_reading;
using testing::training_reading;

/// Both halves of a layer around its attention.
std::vector<LayerOp> body(const ServingReading& reading, const ServedLayer& layer, std::int64_t rows) {
  std::vector<LayerOp> ops = serving_ops(reading, layer.before, rows);
  const std::vector<LayerOp> after = serving_ops(reading, layer.after, rows);
  ops.insert(ops.end(), after.begin(), after.end());
  return ops;
}

TEST(ServingOps, HaveTrainingsLinearLayersForEveryModelOfTheLibrary) {
  // A prompt of 96 tokens without a cache: what expands the latent sees its tokens, too.
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    for (const LayerKind& kind : layer_kinds(llm)) {
      const auto elements = layer_elements(llm, kind.first);
      for (const std::int64_t tensor : {1, 2}) {
        if (llm.attention.heads % tensor != 0) continue;  // GPT-2 XL's 25 heads can't be split
        const ServingReading reading = serving_reading(tensor);
        const ServedLayer layer = served(elements);
        const double served_flops =
            gemm_flops(body(reading, layer, 96)) + gemm_flops(prefill_ops(reading, layer.attention, 1, 96, 96));
        const double trained = gemm_flops(forward_ops(training_reading(96, tensor), elements));
        EXPECT_EQ(served_flops, trained) << model << " layer " << kind.first << " tensor " << tensor;
      }
    }
  }
}

TEST(ServingOps, OfPromptsHaveTrainingsAttention) {
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    if (llm.attention.heads % 2 != 0) continue;
    const auto elements = layer_elements(llm, 0);
    const auto prompt = prefill_ops(serving_reading(2), served(elements).attention, 2, 64, 64);
    TrainingReading training = training_reading(64, 2);
    training.batch = 2;
    const auto forward = forward_ops(training, elements);
    EXPECT_EQ(kernels::work(find(prompt, "attention prefill")->kernel).flops.value(),
              kernels::work(find(forward, "attention")->kernel).flops.value())
        << model;
  }
}

TEST(ServingOps, RunDecodesThroughTheSameBodyAsPrompts) {
  // The body depends on rows alone; a decode's attention reads the cache.
  const ServedLayer layer = served(layer_elements(load_model("llama-3-70b"), 0));
  const ServingReading reading = serving_reading(8);
  EXPECT_EQ(gemm_flops(body(reading, layer, 32)), 32.0 * gemm_flops(body(reading, layer, 1)));
  const auto decode = decode_ops(reading, layer.attention, 32, 32 * 1000);
  ASSERT_EQ(decode.size(), 1u);
  const auto& shape = std::get<kernels::AttentionDecodeShape>(decode.front().kernel);
  EXPECT_EQ(shape.q_heads, 8);
  EXPECT_EQ(shape.kv_heads, 1);
  EXPECT_EQ(shape.kv_tokens, 32000);
  EXPECT_TRUE(absorbed_ops(reading, layer.attention, 32).empty());
}

TEST(Served, FusesLatentAttentionsProjectionsAndNorms) {
  const ServedLayer layer = served(layer_elements(load_model("deepseek-v3"), 0));
  const std::vector<std::string_view> expected = {"attention norm", "q and kv down", "latent norms", "q up", "rotary"};
  const auto ops = serving_ops(serving_reading(), layer.before, 16);
  EXPECT_EQ(labels(ops), expected);
  EXPECT_EQ(std::get<kernels::GemmShape>(ops[1].kernel).n, 1536 + 512 + 64);
  EXPECT_EQ(std::get<kernels::MemoryShape>(ops[2].kernel).elements, 16 * (1536 + 512));
  ASSERT_EQ(layer.attention.size(), 2u);  // what expands the latent, and the core
}

TEST(Served, HasNothingToFuseWhereQueriesAreNotCompressed) {
  Llm llm = load_model("deepseek-v3");
  llm.attention.q_lora_rank = 0;
  const std::vector<std::string_view> expected = {"attention norm", "q", "kv down", "latent norms", "rotary"};
  EXPECT_EQ(labels(serving_ops(serving_reading(), served(layer_elements(llm, 0)).before, 16)), expected);
}

TEST(Served, RunsSharedExpertsBeforeTheRoutedOnes) {
  const ServedLayer layer = served(layer_elements(load_model("deepseek-v3"), 5));
  const std::vector<std::string_view> expected = {
      "attention out",     "attention all_reduce", "mlp norm",      "shared gate_up",
      "shared activation", "shared down",          "router",        "top-k",
      "experts",           "add shared experts",   "mlp all_reduce"};
  EXPECT_EQ(labels(serving_ops(serving_reading(8), layer.after, 16)), expected);
}

TEST(ServingOps, FuseTheResidualAddWithTheNormThatFollows) {
  const Llm llm = load_model("qwen3-32b");
  const auto ops = serving_ops(serving_reading(), served(layer_elements(llm, 0)).before, 10);
  const auto read = [&](std::string_view label) {
    return std::get<kernels::MemoryShape>(find(ops, label)->kernel).read.value();
  };
  EXPECT_EQ(read("attention norm"), 2.0 * 2 * 10 * 5120);  // the stream and what is added to it
  EXPECT_EQ(read("qk norm"), 2.0 * 10 * (64 + 8) * 128);   // alone
  EXPECT_EQ(find(ops, "attention residual"), nullptr);
}

TEST(ServingOps, KeepRouterAndHeadInTheActivationsPrecision) {
  ServingReading reading = serving_reading();
  reading.weight_dtype = Dtype::fp8;
  const Llm llm = load_model("mixtral-8x7b");
  const ServedLayer layer = served(layer_elements(llm, 0));
  const auto after = serving_ops(reading, layer.after, 8);
  const auto dtype = [](const LayerOp* op) { return std::get<kernels::GemmShape>(op->kernel).dtype; };
  EXPECT_EQ(dtype(find(after, "attention out")), Dtype::fp8);
  EXPECT_EQ(dtype(find(after, "router")), Dtype::bf16);
  EXPECT_EQ(dtype(find(serving_ops(reading, head_elements(llm), 8), "lm_head")), Dtype::bf16);
}

TEST(ServingOps, GiveUnevenVocabulariesToTheLargestShare) {
  const auto head = head_elements(load_model("gpt2-124m"));  // 50,257 rows
  EXPECT_EQ(std::get<kernels::GemmShape>(find(serving_ops(serving_reading(4), head, 1), "lm_head")->kernel).n, 12565);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(forward_ops(training_reading(1, 4), head), "logits")->kernel).n, 12564);
}

TEST(PrefillOps, ExpandTheLatentOfAllTokensThatTheyAttendTo) {
  const ServedLayer layer = served(layer_elements(load_model("deepseek-v3"), 0));
  const auto ops = prefill_ops(serving_reading(8), layer.attention, 2, 100, 700);
  const auto& expand = std::get<kernels::GemmShape>(find(ops, "expand latent")->kernel);
  EXPECT_EQ(expand.m, 2 * 700);
  EXPECT_EQ(expand.n, 16 * (128 + 128));
  EXPECT_EQ(expand.k, 512);
}

TEST(PrefillOps, PutTheRotaryPartBesideTheKeysOfEveryHead) {
  const ServedLayer layer = served(layer_elements(load_model("deepseek-v3"), 0));
  const auto ops = prefill_ops(serving_reading(8), layer.attention, 2, 100, 700);
  const auto& copy = std::get<kernels::MemoryShape>(find(ops, "concatenate keys")->kernel);
  EXPECT_EQ(copy.elements, 2 * 700 * 16 * 192);
  EXPECT_EQ(copy.written.value(), 2.0 * 2 * 700 * 16 * 192);
}

TEST(ServingOps, NormHeadsInRowsOfTheirOwn) {
  const Llm llm = load_model("qwen3-32b");
  const auto ops = serving_ops(serving_reading(2), served(layer_elements(llm, 0)).before, 10);
  const auto& heads = std::get<kernels::MemoryShape>(find(ops, "qk norm")->kernel);
  EXPECT_EQ(heads.rows, 10 * (32 + 4));
  EXPECT_EQ(heads.elements, 10 * (32 + 4) * 128);
  const auto& rotary = std::get<kernels::MemoryShape>(find(ops, "rotary")->kernel);
  EXPECT_EQ(rotary.rows, 10);
  EXPECT_EQ(rotary.inputs, kernels::CacheState::warm);
}

TEST(AbsorbedOps, AreOneProductPerHeadBeforeAndAfterTheLatent) {
  const ServedLayer layer = served(layer_elements(load_model("deepseek-v3"), 0));
  const auto ops = absorbed_ops(serving_reading(8), layer.attention, 24);
  ASSERT_EQ(ops.size(), 2u);
  const auto& query = std::get<kernels::GemmShape>(ops[0].kernel);
  const auto& value = std::get<kernels::GemmShape>(ops[1].kernel);
  EXPECT_EQ(query.batch, 16);
  EXPECT_EQ(query.k, 128);
  EXPECT_EQ(query.n, 512);
  EXPECT_EQ(value.k, 512);
  EXPECT_EQ(value.n, 128);
  EXPECT_TRUE(query.strided && value.strided) << "one launch of all heads, where a rank has one too";
  EXPECT_TRUE(absorbed_ops(serving_reading(8), layer.attention, 0).empty());
  EXPECT_EQ(absorbed_parameters(layer_elements(load_model("deepseek-v3"), 0), 8), 16 * 512 * (128 + 128));
}

}  // namespace
}  // namespace orrery::models
