// DeepSeek-V2 to V3.2 and their relatives Kimi K2 and GLM-5: multi-head latent attention (arXiv:2405.04434 §2.1) and
// fine-grained experts with shared ones.
//
// Keys and values are compressed to kv_lora_rank values and one rotary key of qk_rope_head_dim for all heads; queries
// to q_lora_rank, or not at all where it is null (V2-Lite). Layers before first_k_dense_replace are dense.
// Defaults: transformers models/deepseek_v2 and deepseek_v3, configuration_*.py; moe_layer_freq and topk_method from
// the modeling_deepseek.py in the models' own repositories.
// V3.2's index chooses index_topk keys for each query (arXiv:2512.02556 §2.1); in GLM-5.2 most layers take the choice
// of a layer before (indexer_types "shared"; where only index_topk_freq says so, every so many layers chooses anew).
// Limitations: the multi-token prediction module (num_nextn_predict_layers) is not counted.
#include <fmt/format.h>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

struct LatentDefaults {
  std::int64_t positions, experts, shared, first_dense, groups, topk_groups;
};

void read_latent_attention(ConfigKeys& keys, Llm& llm) {
  AttentionConfig& a = llm.attention;
  a.kind = AttentionKind::latent;
  a.heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  a.kv_heads = a.heads;  // one latent serves all heads; num_key_value_heads changes no tensor
  a.q_lora_rank = keys.is_null("q_lora_rank") ? 0 : keys.size_or("q_lora_rank", 1536, SizeLimits::kHidden);
  a.kv_lora_rank = keys.size_or("kv_lora_rank", 512, SizeLimits::kHidden);
  a.rope_head_dim = keys.size_or("qk_rope_head_dim", 64, SizeLimits::kHeadDim);
  a.nope_head_dim = keys.size_or("qk_nope_head_dim", 128, SizeLimits::kHeadDim);
  a.v_head_dim = keys.size_or("v_head_dim", 128, SizeLimits::kHeadDim);
  a.head_dim = a.nope_head_dim + a.rope_head_dim;
  a.qkv_bias = a.out_bias = keys.flag_or("attention_bias", false);
}

void read_experts(ConfigKeys& keys, Llm& llm, const LatentDefaults& defaults) {
  if (keys.is_null("n_routed_experts")) return;  // a dense model
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("n_routed_experts", defaults.experts, SizeLimits::kExperts);
  moe.topk = keys.size("num_experts_per_tok", SizeLimits::kExperts);
  moe.inter = keys.size("moe_intermediate_size", SizeLimits::kInter);
  moe.shared_experts =
      keys.is_null("n_shared_experts") ? 0 : keys.size_or("n_shared_experts", defaults.shared, SizeLimits::kExperts, 0);
  moe.shared_inter = moe.shared_experts > 0 ? moe.inter : 0;
  moe.groups = keys.size_or("n_group", defaults.groups, SizeLimits::kExperts);
  moe.topk_groups = keys.size_or("topk_group", defaults.topk_groups, SizeLimits::kExperts);
  const std::int64_t dense = keys.size_or("first_k_dense_replace", defaults.first_dense, SizeLimits::kLayers, 0);
  moe.layer_frequency = keys.size_or("moe_layer_freq", 1, SizeLimits::kLayers);
  // A layer is sparse from `dense` on where its index is a multiple of the frequency.
  moe.first_dense_layers = first_multiple(dense, moe.layer_frequency);
  check_topk(keys, moe);
  if (moe.experts % moe.groups != 0) {
    keys.error("n_group", fmt::format("{} groups do not divide {} experts", moe.groups, moe.experts));
  }
  if (moe.topk_groups > moe.groups) {
    keys.error("topk_group", fmt::format("{} groups per token of only {}", moe.topk_groups, moe.groups));
  }
}

void read_deepseek(ConfigKeys& keys, Llm& llm, const LatentDefaults& defaults) {
  read_sizes(keys, llm, {.positions = defaults.positions});
  llm.mlp = {.inter = keys.size("intermediate_size", SizeLimits::kInter), .gated = true, .bias = false};
  read_latent_attention(keys, llm);
  read_experts(keys, llm, defaults);
}

void read_index(ConfigKeys& keys, Llm& llm, std::int64_t heads) {
  IndexConfig& index = llm.attention.index;
  index.heads = keys.size_or("index_n_heads", heads, SizeLimits::kHeads);
  index.dim = keys.size_or("index_head_dim", 128, SizeLimits::kHeadDim);
  index.topk = keys.size_or("index_topk", 2048, SizeLimits::kPositions);
}

/// By mlp_layer_types ("dense", "sparse") where the config has them.
void read_layer_types(ConfigKeys& keys, Llm& llm) {
  const std::vector<std::string> mlps = layer_names(keys, llm, "mlp_layer_types", {"dense", "sparse"});
  const std::vector<std::string> indexers = layer_names(keys, llm, "indexer_types", {"full", "shared"});
  const std::int64_t every = keys.size_or("index_topk_freq", 0, SizeLimits::kLayers);
  const std::int64_t first = keys.size_or("index_skip_topk_offset", 0, SizeLimits::kLayers, 0);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!mlps.empty()) layers[i].feed_forward = mlps[i] == "dense" ? FeedForward::dense : FeedForward::experts;
    const std::int64_t past = static_cast<std::int64_t>(i) - first + 1;
    const bool skips = indexers.empty() && every > 1 && past > 0 && past % every != 0;
    layers[i].attention.index.shared = skips || (!indexers.empty() && indexers[i] == "shared");
  }
  set_layers(llm, layers);
}

}  // namespace

void read_deepseek_v2(ConfigKeys& keys, Llm& llm) {
  read_deepseek(keys, llm,
                {.positions = 2048, .experts = 64, .shared = 2, .first_dense = 0, .groups = 1, .topk_groups = 1});
}

void read_deepseek_v3(ConfigKeys& keys, Llm& llm) {
  read_deepseek(keys, llm,
                {.positions = 4096, .experts = 256, .shared = 1, .first_dense = 3, .groups = 8, .topk_groups = 4});
  llm.moe.router_bias = llm.moe.experts > 0 && keys.text_or("topk_method", "noaux_tc") == "noaux_tc";
}

void read_deepseek_v32(ConfigKeys& keys, Llm& llm) {
  read_deepseek_v3(keys, llm);
  read_index(keys, llm, 64);
}

void read_glm_moe_dsa(ConfigKeys& keys, Llm& llm) {
  read_deepseek(keys, llm,
                {.positions = 202'752, .experts = 256, .shared = 1, .first_dense = 3, .groups = 1, .topk_groups = 1});
  llm.moe.router_bias = llm.moe.experts > 0;
  read_index(keys, llm, 32);
  read_layer_types(keys, llm);
}

}  // namespace orrery::models
