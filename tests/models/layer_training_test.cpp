// Training's readings of a layer: forward, recomputation, and both gradients together and apart.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/training.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using Kind = LayerOp::Kind;
using sim::CollectiveKind;
using testing::count;
using testing::find;
using testing::gemm_flops;
using testing::labels;
using testing::training_reading;

/// A dense layer and, where the model has any, a layer of experts.
std::vector<std::vector<LayerElement>> layers_of(const Llm& llm) {
  std::vector<std::vector<LayerElement>> layers;
  for (const LayerKind& kind : layer_kinds(llm)) layers.push_back(layer_elements(llm, kind.first));
  layers.push_back(embedding_elements(llm));
  layers.push_back(head_elements(llm));
  return layers;
}

TEST(TrainingReading, ShardsTheSequenceOnlyAcrossRanks) {
  EXPECT_EQ(training_reading(64, 4, true).shard_tokens(), 16);
  EXPECT_EQ(training_reading(64, 4, false).shard_tokens(), 64);
  EXPECT_EQ(training_reading(64, 1, true).shard_tokens(), 64);
  EXPECT_FALSE(training_reading(64, 1, true).shards_sequence());
}

TEST(ForwardOps, HaveTheModelsFlopsForEveryModelOfTheLibrary) {
  // Causal kernels count (s + 1)/2 keys a query or s/2; linear layers and experts count the same everywhere.
  const TrainingReading reading = training_reading(128);
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    for (const LayerKind& kind : layer_kinds(llm)) {
      const std::vector<LayerOp> ops = forward_ops(reading, layer_elements(llm, kind.first));
      const LayerOp* attention = find(ops, "attention");
      ASSERT_NE(attention, nullptr) << model;
      const double linear = (matrix_flops(ops) - kernels::work(attention->kernel).flops).value();
      const double formula = layer_forward_flops_per_token(llm, kind.first, 0, false).value() * 128.0;
      EXPECT_NEAR(linear, formula, 1e-9 * formula) << model << " layer " << kind.first;
    }
  }
}

TEST(BackwardOps, HaveTwiceTheForwardFlopsOfLinearLayers) {
  for (const std::string& model : model_names()) {
    for (const std::vector<LayerElement>& elements : layers_of(load_model(model))) {
      const TrainingReading reading = training_reading(256, 2, true);
      const double forward = gemm_flops(forward_ops(reading, elements));
      EXPECT_EQ(gemm_flops(input_gradient_ops(reading, elements)), forward) << model;
      EXPECT_EQ(gemm_flops(weight_gradient_ops(reading, elements)), forward) << model;
      EXPECT_EQ(gemm_flops(backward_ops(reading, elements)), 2.0 * forward) << model;
    }
  }
}

TEST(BackwardOps, AreTheInputsGradientsAndTheWeights) {
  const TrainingReading reading = training_reading(256, 4, true);
  for (const std::string& model : model_names()) {
    for (const std::vector<LayerElement>& elements : layers_of(load_model(model))) {
      // Every kernel of both passes, and no other, whatever the order; collectives of the same kinds and bytes.
      std::vector<LayerOp> rest = input_gradient_ops(reading, elements);
      const std::vector<LayerOp> weights = weight_gradient_ops(reading, elements);
      rest.insert(rest.end(), weights.begin(), weights.end());
      for (const LayerOp& op : backward_ops(reading, elements)) {
        if (op.kind == Kind::finish_collectives) continue;
        const auto same = std::find_if(rest.begin(), rest.end(), [&](const LayerOp& other) {
          const bool launches = op.kind == Kind::launch, other_launches = other.kind == Kind::launch;
          if (launches != other_launches || op.label != other.label) return false;
          return launches ? op.kernel == other.kernel : op.collective == other.collective && op.bytes == other.bytes;
        });
        ASSERT_NE(same, rest.end()) << model << ": " << op.label;
        rest.erase(same);
      }
      EXPECT_TRUE(rest.empty()) << model << ": " << rest.front().label;
    }
  }
}

TEST(BackwardOps, HideTheirCollectivesBesideGemms) {
  const auto elements = layer_elements(load_model("llama-3-8b"), 0);
  const std::vector<LayerOp> both = backward_ops(training_reading(256, 4, true), elements);
  EXPECT_EQ(count(both, CollectiveKind::all_gather, Kind::start_collective), 2);
  EXPECT_EQ(count(both, CollectiveKind::reduce_scatter, Kind::start_collective), 2);
  EXPECT_EQ(count(both, CollectiveKind::all_gather, Kind::collective), 2);  // of the gradients at `leave`
  const std::vector<LayerOp> plain = backward_ops(training_reading(256, 4), elements);
  EXPECT_EQ(count(plain, CollectiveKind::all_reduce, Kind::start_collective), 2);
  EXPECT_EQ(count(plain, CollectiveKind::all_reduce, Kind::collective), 0);
}

TEST(GradientOps, HaveNothingToHideTheirCollectivesBehindAlone) {
  const TrainingReading reading = training_reading(256, 4, true);
  const auto elements = layer_elements(load_model("llama-3-8b"), 0);
  const std::vector<LayerOp> inputs = input_gradient_ops(reading, elements);
  const std::vector<LayerOp> weights = weight_gradient_ops(reading, elements);
  for (const auto& ops : {inputs, weights}) {
    for (const LayerOp& op : ops) EXPECT_TRUE(op.kind == Kind::launch || op.kind == Kind::collective) << op.label;
  }
  EXPECT_EQ(count(inputs, CollectiveKind::reduce_scatter, Kind::collective), 2);
  EXPECT_EQ(count(inputs, CollectiveKind::all_gather, Kind::collective), 2);
  EXPECT_EQ(count(weights, CollectiveKind::reduce_scatter, Kind::collective), 0);
  EXPECT_EQ(count(weights, CollectiveKind::all_gather, Kind::collective), 2);  // the inputs that were kept as shards
}

TEST(WeightGradientOps, AreGemmsThatAccumulateAndTheTablesRows) {
  const Llm llm = load_model("gpt3-175b");
  const TrainingReading reading = training_reading(64, 2);
  for (const LayerOp& op : weight_gradient_ops(reading, layer_elements(llm, 0))) {
    ASSERT_TRUE(testing::is_gemm(op)) << op.label;
    EXPECT_TRUE(std::get<kernels::GemmShape>(op.kernel).accumulate);
    EXPECT_EQ(op.activity, sim::Activity::weight_gradient);
  }
  EXPECT_EQ(labels(weight_gradient_ops(reading, embedding_elements(llm))), std::vector<std::string_view>{"embedding"});
  EXPECT_EQ(find(input_gradient_ops(reading, embedding_elements(llm)), "embedding"), nullptr);
}

TEST(ForwardOps, OfLatentAttentionKeepTheProjectionsApart) {
  const auto elements = layer_elements(load_model("deepseek-v3"), 0);
  const std::vector<std::string_view> expected = {"attention norm",
                                                  "q down",
                                                  "q norm",
                                                  "q up",
                                                  "kv down",
                                                  "kv norm",
                                                  "kv up",
                                                  "rotary",
                                                  "attention",
                                                  "attention out",
                                                  "attention residual",
                                                  "mlp norm",
                                                  "mlp up",
                                                  "activation",
                                                  "mlp down",
                                                  "mlp residual"};
  EXPECT_EQ(labels(forward_ops(training_reading(64), elements)), expected);
}

TEST(ForwardOps, OfExpertsRunTheRoutedOnesFirst) {
  const std::vector<LayerOp> ops = forward_ops(training_reading(64, 2), layer_elements(load_model("deepseek-v3"), 5));
  const std::vector<std::string_view> expected = {"router",     "top-k",       "experts",    "shared up",
                                                  "activation", "shared down", "all_reduce", "mlp residual"};
  const std::vector<std::string_view> all = labels(ops);
  EXPECT_EQ(std::vector<std::string_view>(all.end() - 8, all.end()), expected);
}

TEST(ForwardOps, OfExpertsWithoutAGateHaveTwoLinearLayersEach) {
  Llm llm = load_model("mixtral-8x7b");
  const auto flops = [&] {
    const auto ops = forward_ops(training_reading(256), layer_elements(llm, 0));
    return kernels::work(find(ops, "experts")->kernel).flops.value();
  };
  const double gated = flops();
  llm.mlp.gated = false;
  EXPECT_NEAR(flops() / gated, 2.0 / 3.0, 0.01);
}

TEST(ForwardOps, OfAnEmbeddingOfItsOwnWidthProjectIt) {
  Llm llm = load_model("opt-13b");
  EXPECT_EQ(find(forward_ops(training_reading(64), embedding_elements(llm)), "embedding projection"), nullptr);
  llm.embedding_dim = 512;
  const auto ops = forward_ops(training_reading(64), embedding_elements(llm));
  ASSERT_NE(find(ops, "embedding projection"), nullptr);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "embedding projection")->kernel).k, 512);
  EXPECT_EQ(std::get<kernels::MemoryShape>(find(ops, "embedding")->kernel).elements, 64 * 512);
  const auto head = forward_ops(training_reading(64), head_elements(llm));
  EXPECT_EQ(std::get<kernels::GemmShape>(find(head, "logits")->kernel).k, 512);
}

TEST(RecomputeOps, RunTheScoresOrEverythingAgain) {
  TrainingReading reading = training_reading(64, 2);
  reading.dropout = true;
  const auto elements = layer_elements(load_model("gpt3-175b"), 0);
  EXPECT_TRUE(recompute_ops(reading, elements, false).empty());  // a fused kernel has its own
  EXPECT_EQ(labels(recompute_ops(reading, elements, true)), labels(forward_ops(reading, elements)));
  reading.fused_attention = false;
  const std::vector<std::string_view> scores = {"attention scores", "softmax", "attention dropout", "attention values"};
  EXPECT_EQ(labels(recompute_ops(reading, elements, false)), scores);
  for (const LayerOp& op : recompute_ops(reading, elements, false)) EXPECT_EQ(op.activity, sim::Activity::recompute);
}

TEST(UnfusedAttention, RunsBackwardInReverse) {
  TrainingReading reading = training_reading(64);
  reading.fused_attention = false;
  reading.dropout = true;
  const std::vector<std::string_view> expected = {"attention values", "attention values", "attention dropout",
                                                  "softmax",          "attention scores", "attention scores"};
  std::vector<std::string_view> core;
  for (const std::string_view label : labels(backward_ops(reading, layer_elements(load_model("gpt3-175b"), 0)))) {
    if (std::find(expected.begin(), expected.end(), label) != expected.end()) core.push_back(label);
  }
  EXPECT_EQ(core, expected);
}

}  // namespace
}  // namespace orrery::models
