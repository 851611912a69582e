// Kimi-Linear: three layers of Kimi's delta rule for one of latent attention without positions, experts after the first
// layer, chosen with a correction bias.
//
// linear_attn_config lists the layers of either kind, counted from one.
// Source: vllm vllm/model_executor/models/kimi_linear.py, transformers_utils/configs/kimi_linear.py and
// model_executor/layers/kda.py; moonshotai/Kimi-Linear-48B-A3B-Instruct config.json.
#include <algorithm>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

AttentionConfig read_latent(ConfigKeys& keys) {
  AttentionConfig a;
  a.kind = AttentionKind::latent;
  a.heads = a.kv_heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  a.q_lora_rank = keys.size_or("q_lora_rank", 0, SizeLimits::kHidden);
  a.kv_lora_rank = keys.size_or("kv_lora_rank", 512, SizeLimits::kHidden);
  a.rope_head_dim = keys.size_or("qk_rope_head_dim", 64, SizeLimits::kHeadDim);
  a.nope_head_dim = keys.size_or("qk_nope_head_dim", 128, SizeLimits::kHeadDim);
  a.v_head_dim = keys.size_or("v_head_dim", 128, SizeLimits::kHeadDim);
  a.head_dim = a.nope_head_dim + a.rope_head_dim;
  return a;
}

RecurrentConfig read_delta(ConfigKeys& keys, std::int64_t heads) {
  const auto size = [&](const char* key, std::int64_t fallback, std::int64_t most) {
    return keys.size_or(std::string("linear_attn_config.") + key, fallback, most);
  };
  RecurrentConfig r;
  r.kind = RecurrentKind::kimi_delta;
  r.key_heads = r.value_heads = size("num_heads", heads, SizeLimits::kHeads);
  r.key_dim = r.value_dim = size("head_dim", 128, SizeLimits::kHeadDim);
  r.conv = size("short_conv_kernel_size", 4, SizeLimits::kHeadDim);
  r.dt_rank = r.key_dim;
  return r;
}

void read_experts(ConfigKeys& keys, Llm& llm) {
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("num_experts", 256, SizeLimits::kExperts);
  const std::string_view topk = keys.first_of({"num_experts_per_token", "num_experts_per_tok"});
  moe.topk = keys.size_or(topk, 8, SizeLimits::kExperts);
  moe.inter = keys.size_or("moe_intermediate_size", 1024, SizeLimits::kInter);
  moe.shared_experts = keys.size_or("num_shared_experts", 1, SizeLimits::kExperts, 0);
  moe.shared_inter = moe.shared_experts > 0 ? moe.inter : 0;
  moe.router_bias = true;
  check_topk(keys, moe, topk);
}

}  // namespace

void read_kimi_linear(ConfigKeys& keys, Llm& llm) {
  read_sizes(keys, llm, {.positions = 1'048'576});
  if (!keys.absent("model_max_length")) llm.max_positions = keys.size("model_max_length", SizeLimits::kPositions);
  llm.position = PositionKind::none;
  llm.mlp = {.inter = keys.size("intermediate_size", SizeLimits::kInter), .gated = true, .bias = false};
  llm.attention = read_latent(keys);
  read_experts(keys, llm);
  const RecurrentConfig delta = read_delta(keys, llm.attention.heads);
  const std::vector<std::int64_t> full = keys.integers("linear_attn_config.full_attn_layers");
  const std::int64_t dense = keys.size_or("first_k_dense_replace", 1, SizeLimits::kLayers, 0);
  const std::int64_t step = keys.size_or("moe_layer_freq", 1, SizeLimits::kLayers);
  if (full.empty()) keys.assume("linear_attn_config: every fourth layer attends to everything");
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const bool listed = std::find(full.begin(), full.end(), number + 1) != full.end();
    const bool attends = full.empty() ? (number + 1) % 4 == 0 : listed;
    layers[i].mixer = attends ? Mixer::attention : Mixer::recurrent;
    if (!attends) layers[i].recurrent = delta;
    const bool experts = number >= dense && number % step == 0;
    layers[i].feed_forward = experts ? FeedForward::experts : FeedForward::dense;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
