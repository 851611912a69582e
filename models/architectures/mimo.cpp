// Xiaomi's MiMo: Qwen2's layers with a speculative head; and MiMo-V2: layers that slide a short window, with sinks and
// heads of their own number, five for one of full attention, values narrower than keys, experts after the first layer.
// Source: XiaomiMiMo/MiMo-7B and MiMo-V2-Flash, configuration_*.py and modeling_*.py; vllm
// vllm/model_executor/models/mimo_v2_flash.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

AttentionConfig read_sliding(ConfigKeys& keys, const AttentionConfig& full) {
  AttentionConfig a = full;
  a.heads = keys.size_or("swa_num_attention_heads", full.heads, SizeLimits::kHeads);
  a.kv_heads = keys.size_or("swa_num_key_value_heads", full.kv_heads, SizeLimits::kHeads);
  a.head_dim = keys.size_or("swa_head_dim", full.head_dim, SizeLimits::kHeadDim);
  a.v_head_dim = keys.size_or("swa_v_head_dim", full.v_head_dim, SizeLimits::kHeadDim);
  a.window = keys.size_or(keys.first_of({"sliding_window", "sliding_window_size"}), 128, SizeLimits::kPositions);
  a.sinks = keys.flag_or("add_swa_attention_sink_bias", true);
  check_kv_heads(keys, a, "swa_num_key_value_heads");
  return a;
}

}  // namespace

void read_mimo(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 0, .positions = 32'768});
  read_attention_bias(keys, llm, true, false);
}

void read_mimo_v2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 4, .head_dim = 192, .positions = 262'144});
  read_attention_bias(keys, llm, false, false);
  llm.attention.v_head_dim = keys.size_or("v_head_dim", 128, SizeLimits::kHeadDim);
  llm.attention.sinks = keys.flag_or("add_full_attention_sink_bias", false);
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size("n_routed_experts", SizeLimits::kExperts);
  moe.topk = keys.size("num_experts_per_tok", SizeLimits::kExperts);
  moe.inter = keys.size("moe_intermediate_size", SizeLimits::kInter);
  moe.shared_experts = keys.size_or("n_shared_experts", 0, SizeLimits::kExperts, 0);
  moe.shared_inter = moe.shared_experts > 0 ? moe.inter : 0;
  moe.router_bias = keys.text_or("topk_method", "noaux_tc") == "noaux_tc";
  check_topk(keys, moe);
  const AttentionConfig sliding = read_sliding(keys, llm.attention);
  const std::vector<std::int64_t> slides = layer_integers(keys, llm, "hybrid_layer_pattern");
  const std::vector<std::int64_t> sparse = layer_integers(keys, llm, "moe_layer_freq");
  if (slides.empty()) keys.assume("hybrid_layer_pattern: every sixth layer attends to everything");
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool slide = slides.empty() ? i % 6 != 0 : slides[i] != 0;
    if (slide) layers[i].attention = sliding;
    const bool experts = sparse.empty() ? i > 0 : sparse[i] != 0;
    layers[i].feed_forward = experts ? FeedForward::experts : FeedForward::dense;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
