// Decoders with grouped queries and experts in most layers: DeepSeekMoE, dots.llm1, ERNIE 4.5, Hunyuan, Ling and Ring,
// Granite, OLMoE, DBRX.
// Defaults: transformers models/{dots1,ernie4_5,ernie4_5_moe,hunyuan_v1_dense,hunyuan_v1_moe,granitemoe,
// granitemoeshared,olmoe,dbrx}, configuration_*.py and modeling_*.py; deepseek-ai/deepseek-moe-16b-base,
// tencent/Hunyuan-A13B-Instruct, inclusionAI/Ling-lite and Ling-flash-2.0, configuration_*.py.
#include <algorithm>

#include <fmt/format.h>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// A whole number, or a list of one per layer: the first of it.
std::int64_t first_size(ConfigKeys& keys, std::string_view key, std::int64_t fallback, std::int64_t most,
                        std::int64_t least = 1) {
  if (!keys.is_list(key)) return keys.size_or(key, fallback, most, least);
  const std::vector<std::int64_t> list = keys.integers(key);
  const std::int64_t first = list.empty() ? fallback : list.front();
  if (first >= least && first <= most) return first;
  keys.error(key, "the list begins with a number out of range");
  return fallback;
}

/// The same of a list with a number for every layer, which are all one.
std::int64_t size_of_layers(ConfigKeys& keys, const Llm& llm, std::string_view key, std::int64_t fallback,
                            std::int64_t most, std::int64_t least = 1) {
  if (!keys.is_list(key)) return keys.size_or(key, fallback, most, least);
  const std::vector<std::int64_t> list = layer_integers(keys, llm, key);
  if (list.empty() || std::any_of(list.begin(), list.end(), [&](std::int64_t n) { return n != list.front(); })) {
    keys.error(key,
               fmt::format("a list of one number for each of {} layers, the same for all, is understood", llm.layers));
    return fallback;
  }
  return first_size(keys, key, fallback, most, least);
}

/// `shared` experts that are one of their widths together.
void set_shared(MoeConfig& moe, std::int64_t shared, std::int64_t inter) {
  moe.shared_experts = shared;
  moe.shared_inter = shared > 0 ? inter : 0;
}

}  // namespace

void read_deepseek(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  read_attention_bias(keys, llm, false);
  read_routed(keys, llm.moe, {.experts = 64, .topk = 6, .inter = 1407, .shared = 2});
  const std::int64_t dense = keys.size_or("first_k_dense_replace", 0, SizeLimits::kLayers, 0);
  llm.moe.layer_frequency = keys.size_or("moe_layer_freq", 1, SizeLimits::kLayers);
  llm.moe.first_dense_layers = first_multiple(dense, llm.moe.layer_frequency);
}

void read_dots1(ConfigKeys& keys, Llm& llm) {
  read_deepseek(keys, llm);
  llm.attention.qk_norm = true;
  llm.moe.router_bias = true;
}

void read_ernie4_5(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 2, .head_dim = 128, .positions = 131'072, .tied = true});
  llm.attention.qkv_bias = llm.attention.out_bias = llm.mlp.bias = keys.flag_or("use_bias", false);
}

void read_ernie4_5_moe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 4, .positions = 131'072, .tied = true});
  llm.attention.qkv_bias = llm.attention.out_bias = llm.mlp.bias = keys.flag_or("use_bias", false);
  MoeConfig& moe = llm.moe;
  moe.experts = first_size(keys, "moe_num_experts", 64, SizeLimits::kExperts);
  moe.topk = keys.size_or("moe_k", 6, SizeLimits::kExperts);
  moe.inter = first_size(keys, "moe_intermediate_size", 1536, SizeLimits::kInter);
  set_shared(moe, keys.size_or("moe_num_shared_experts", 2, SizeLimits::kExperts, 0), moe.inter);
  moe.router_bias = true;
  const std::int64_t start = first_size(keys, "moe_layer_start_index", 1, SizeLimits::kLayers, 0);
  moe.layer_frequency = keys.size_or("moe_layer_interval", 1, SizeLimits::kLayers);
  // Layers are counted from one here: the interval-th is sparse, and every one of its multiples.
  moe.first_dense_layers = first_multiple(start, moe.layer_frequency, 1);
  check_topk(keys, moe, "moe_k");
  const std::int64_t last = first_size(keys, "moe_layer_end_index", -1, SizeLimits::kLayers, -1);
  if (last < 0 || last >= llm.layers - 1) return;
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (auto i = static_cast<std::size_t>(last) + 1; i < layers.size(); ++i) layers[i].feed_forward = FeedForward::dense;
  set_layers(llm, layers);
}

void read_hunyuan_dense(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  read_attention_bias(keys, llm, false);
  llm.attention.qk_norm = keys.flag_or("use_qk_norm", true);
}

// The shared expert is the MLP of every layer.
void read_hunyuan_moe(ConfigKeys& keys, Llm& llm) {
  read_hunyuan_dense(keys, llm);
  MoeConfig& moe = llm.moe;
  moe.experts = size_of_layers(keys, llm, "num_experts", 1, SizeLimits::kExperts);
  if (moe.experts < 2) {
    moe.experts = 0;
    return;
  }
  moe.topk = size_of_layers(keys, llm, "moe_topk", 1, moe.experts);
  moe.inter = size_of_layers(keys, llm, "moe_intermediate_size", llm.mlp.inter, SizeLimits::kInter);
  const bool mixed = keys.flag_or("use_mixed_mlp_moe", true);
  const std::int64_t shared = mixed ? size_of_layers(keys, llm, "num_shared_expert", 1, SizeLimits::kExperts, 0) : 0;
  set_shared(moe, shared, moe.inter);
}

void read_bailing_moe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 16'384});
  llm.attention.qkv_bias = keys.flag_or("use_qkv_bias", false);
  llm.attention.out_bias = keys.flag_or("use_bias", false);
  llm.attention.qk_norm = keys.flag_or("use_qk_norm", keys.text_or("model_type", "") == "bailing_moe_v2");
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size("num_experts", SizeLimits::kExperts);
  moe.topk = keys.size("num_experts_per_tok", SizeLimits::kExperts);
  moe.inter = keys.size("moe_intermediate_size", SizeLimits::kInter);
  const std::int64_t shared = keys.size_or("num_shared_experts", 0, SizeLimits::kExperts, 0);
  set_shared(moe, shared, keys.size_or("moe_shared_expert_intermediate_size", moe.inter, SizeLimits::kInter));
  moe.router_bias = keys.flag_or("moe_router_enable_expert_bias", false);
  moe.first_dense_layers = keys.size_or("first_k_dense_replace", 0, SizeLimits::kLayers, 0);
  check_topk(keys, moe);
}

void read_granitemoe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  read_attention_bias(keys, llm, false);
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("num_local_experts", 8, SizeLimits::kExperts, 0);
  moe.topk = keys.size_or("num_experts_per_tok", 2, SizeLimits::kExperts, 0);
  moe.inter = llm.mlp.inter;
  const std::int64_t shared = keys.size_or("shared_intermediate_size", 0, SizeLimits::kInter, 0);
  set_shared(moe, shared > 0 ? 1 : 0, shared);
  check_topk(keys, moe);
  if (moe.experts > 0) return;
  llm.mlp.inter = shared;  // the shared one is all there is
  moe = {};
}

void read_olmoe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 4096});
  read_attention_bias(keys, llm, false);
  llm.attention.qk_norm = llm.attention.wide_norm = true;
  llm.moe.experts = keys.size_or("num_experts", 64, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 8, SizeLimits::kExperts);
  llm.moe.inter = llm.mlp.inter;
  check_topk(keys, llm.moe);
}

void read_dbrx(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, {.hidden = "d_model", .layers = "n_layers", .heads = "n_heads", .positions = "max_seq_len"},
             2048, false);
  use_layer_norm(llm, false);
  llm.attention.kv_heads = keys.size_or("attn_config.kv_n_heads", 1, llm.attention.heads);
  check_kv_heads(keys, llm.attention, "attn_config.kv_n_heads");
  llm.mlp = {.inter = keys.size_or("ffn_config.ffn_hidden_size", 3584, SizeLimits::kInter), .gated = true};
  llm.moe.experts = keys.size_or("ffn_config.moe_num_experts", 4, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("ffn_config.moe_top_k", 1, llm.moe.experts);
  llm.moe.inter = llm.mlp.inter;
}

}  // namespace orrery::models
