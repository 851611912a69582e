// Counts that are sums over a layer's elements: parameters, of a model and of a rank, and the KV cache.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

std::int64_t mlp_of(const Llm& llm, std::int64_t inter) {
  const std::int64_t ups = llm.mlp.gated ? 2 : 1;
  return (ups + 1) * llm.hidden * inter + (llm.mlp.bias ? ups * inter + llm.hidden : 0);
}

/// A layer's parameters from its configuration, written out apart from the elements.
std::int64_t by_hand(const Llm& llm, std::int64_t layer) {
  const AttentionConfig& a = llm.attention;
  std::int64_t sum = (llm.parallel && !llm.parallel_norms ? 1 : 2) * (llm.norm_bias ? 2 : 1) * llm.hidden +
                     (a.out_bias ? llm.hidden : 0);
  if (a.kind == AttentionKind::multi_head) {
    const std::int64_t rows = a.head_dim * (a.heads + 2 * a.kv_heads);
    sum += rows * (llm.hidden + (a.qkv_bias ? 1 : 0)) + a.heads * a.head_dim * llm.hidden;
    sum += a.qk_norm ? 2 * a.head_dim : 0;
  } else {
    const std::int64_t queries = a.heads * (a.nope_head_dim + a.rope_head_dim), down = a.kv_lora_rank + a.rope_head_dim;
    sum += a.q_lora_rank > 0 ? a.q_lora_rank * (llm.hidden + queries + 1) : llm.hidden * queries;
    sum += llm.hidden * down + a.kv_lora_rank * (1 + a.heads * (a.nope_head_dim + a.v_head_dim));
    sum += a.heads * a.v_head_dim * llm.hidden + (a.qkv_bias ? a.q_lora_rank + down : 0);
  }
  if (!llm.is_moe_layer(layer)) return sum + mlp_of(llm, llm.mlp.inter);
  const MoeConfig& moe = llm.moe;
  return sum + llm.hidden * moe.experts + (moe.router_bias ? moe.experts : 0) + moe.experts * mlp_of(llm, moe.inter) +
         moe.shared_experts * mlp_of(llm, moe.shared_inter);
}

TEST(LayerParameters, AreTheConfigurationsForEveryModelOfTheLibrary) {
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    std::int64_t layers = 0;
    for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
      ASSERT_EQ(layer_parameters(llm, layer).total(), by_hand(llm, layer)) << model << " layer " << layer;
      layers += by_hand(llm, layer);
    }
    const std::int64_t ends = llm.vocab * llm.hidden * (llm.tied_embeddings ? 1 : 2) + position_parameters(llm);
    EXPECT_EQ(parameters(llm), layers + ends + final_norm_parameters(llm)) << model;
  }
}

TEST(LayerParameters, CountBiasesOfEverySharedExpert) {
  Llm llm = load_model("mixtral-8x7b");
  llm.moe.shared_experts = 2;
  llm.moe.shared_inter = 64;
  llm.mlp.bias = true;
  EXPECT_EQ(layer_parameters(llm, 0).mlp, 2 * (3 * 4096 * 64 + 2 * 64 + 4096));
  EXPECT_EQ(layer_parameters(llm, 0).total(), by_hand(llm, 0));
}

TEST(LayerKinds, AreDenseLayersAndLayersOfExperts) {
  const std::vector<LayerKind> deepseek = layer_kinds(load_model("deepseek-v3"));
  ASSERT_EQ(deepseek.size(), 2u);
  EXPECT_EQ(deepseek[0].first, 0);
  EXPECT_EQ(deepseek[0].count, 3);
  EXPECT_EQ(deepseek[1].first, 3);
  EXPECT_EQ(deepseek[1].count, 58);
  EXPECT_EQ(layer_kinds(load_model("mixtral-8x7b")).size(), 1u);
  EXPECT_TRUE(layer_kinds(Llm{}).empty());
}

TEST(RankWeights, AreTheWholeModelOnOneRank) {
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    std::int64_t sum = embedding_share(llm).parameters(1) + head_share(llm, false).parameters(1);
    for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
      const RankWeights weights = rank_weights(layer_elements(llm, layer), 1);
      ASSERT_EQ(weights.linear.parameters(1) + weights.plain.parameters(1), by_hand(llm, layer)) << model;
      sum += by_hand(llm, layer);
    }
    EXPECT_EQ(sum, parameters(llm)) << model;
  }
}

TEST(RankWeights, CountHeadsThatAreFewerThanRanks) {
  // Llama-3-8B on 32 ranks: 8 KV heads of 128 for keys and for values; each rank holds one, not a quarter.
  const auto elements = layer_elements(load_model("llama-3-8b"), 0);
  const auto all = static_cast<double>(layer_parameters(elements).total() - layer_parameters(elements).norms);
  EXPECT_EQ(rank_weights(elements, 32).linear.mean(32), all / 32 + 2.0 * 4096 * 128 * (1.0 - 0.25));
  EXPECT_EQ(rank_weights(elements, 8).linear.mean(8), all / 8);
}

TEST(RankWeights, CountTheLatentsCompressionOnEveryRank) {
  const auto elements = layer_elements(load_model("deepseek-v3"), 0);
  const LayerParameters parameters = layer_parameters(elements);
  const RankWeights weights = rank_weights(elements, 8);
  const auto divided = static_cast<double>(parameters.total() - weights.plain.whole);
  EXPECT_EQ(weights.linear.mean(8), divided / 8 + 7168.0 * (1536 + 512 + 64) * 7 / 8);
}

TEST(RankShare, RoundsUpWhatDoesNotDivide) {
  const RankShare share{10, 3};
  EXPECT_EQ(share.parameters(4), 3 + 3);
  EXPECT_EQ(share.mean(4), 2.5 + 3.0);
}

TEST(HeadShare, IsACopyOfATiedEmbeddingOnAStageApart) {
  const Llm llm = load_model("gpt2-124m");
  EXPECT_EQ(head_share(llm, false).divided, 0);
  EXPECT_EQ(head_share(llm, true).divided, embedding_parameters(llm));
  EXPECT_EQ(head_share(llm, true).whole, final_norm_parameters(llm));
  const Llm untied = load_model("llama-3-8b");
  EXPECT_EQ(head_share(untied, true).divided, head_share(untied, false).divided);
}

TEST(CachedValues, AreKeysAndValuesOfTheRanksHeadsOrTheLatent) {
  const auto grouped = layer_elements(load_model("llama-3-8b"), 0);
  EXPECT_EQ(cached_values(grouped, 1), 2 * 8 * 128);
  EXPECT_EQ(cached_values(grouped, 4), 2 * 2 * 128);
  EXPECT_EQ(cached_values(grouped, 32), 2 * 128);
  const auto latent = layer_elements(load_model("deepseek-v3"), 5);
  EXPECT_EQ(cached_values(latent, 1), 512 + 64);
  EXPECT_EQ(cached_values(latent, 8), 512 + 64);
  EXPECT_EQ(cached_values({}, 1), 0);
}

}  // namespace
}  // namespace orrery::models
