// Qwen2 and 2.5, Qwen3, and their mixtures of experts.
// Defaults: transformers models/qwen2, qwen2_moe, qwen3 and qwen3_moe, configuration_*.py and the layers'
// modeling_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// Layers from max_window_layers on slide a window, where one is used at all.
void read_window(ConfigKeys& keys, Llm& llm, std::int64_t default_full_layers) {
  if (!keys.flag_or("use_sliding_window", false) || keys.is_null("sliding_window")) return;
  const std::int64_t window = keys.size_or("sliding_window", 4096, SizeLimits::kPositions);
  const std::int64_t full = keys.size_or("max_window_layers", default_full_layers, SizeLimits::kLayers, 0);
  if (slide_by_types(keys, llm, window) || full >= llm.layers) return;
  if (full == 0) {
    llm.attention.window = window;
  } else {
    slide_windows(llm, window, [&](std::size_t i) { return static_cast<std::int64_t>(i) >= full; });
  }
}

/// decoder_sparse_step s makes layers s−1, 2s−1, … sparse; mlp_only_layers takes some of them out again.
void read_sparse_layers(ConfigKeys& keys, Llm& llm) {
  const std::int64_t step = keys.size_or("decoder_sparse_step", 1, SizeLimits::kLayers);
  const std::vector<std::int64_t> dense = keys.integers("mlp_only_layers");
  llm.moe.layer_frequency = step;
  llm.moe.first_dense_layers = step - 1;
  if (dense.empty()) return;
  bool in_front = step == 1;  // the first layers in a row
  for (std::size_t i = 0; i < dense.size(); ++i) in_front = in_front && dense[i] == static_cast<std::int64_t>(i);
  if (in_front && static_cast<std::int64_t>(dense.size()) < llm.layers) {
    llm.moe.first_dense_layers = static_cast<std::int64_t>(dense.size());
    return;
  }
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (const std::int64_t layer : dense) {
    if (layer >= 0 && layer < llm.layers) layers[static_cast<std::size_t>(layer)].feed_forward = FeedForward::dense;
  }
  set_layers(llm, layers);
}

}  // namespace

void read_qwen2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 32, .head_dim = 0, .positions = 32'768});
  llm.attention.qkv_bias = true;
  read_window(keys, llm, 28);
}

void read_qwen3(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 32, .head_dim = 128, .positions = 32'768});
  llm.attention.qkv_bias = llm.attention.out_bias = keys.flag_or("attention_bias", false);
  llm.attention.qk_norm = true;
  read_window(keys, llm, 28);
}

void read_qwen3_moe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 4, .head_dim = 0, .positions = 32'768});
  llm.attention.qkv_bias = llm.attention.out_bias = keys.flag_or("attention_bias", false);
  llm.attention.qk_norm = true;
  // This class has no max_window_layers: the window, where used, holds for every layer.
  if (keys.flag_or("use_sliding_window", false) && !keys.is_null("sliding_window")) {
    llm.attention.window = keys.size_or("sliding_window", 4096, SizeLimits::kPositions);
  }
  llm.moe.experts = keys.size_or("num_experts", 128, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 8, SizeLimits::kExperts);
  llm.moe.inter = keys.size_or("moe_intermediate_size", 768, SizeLimits::kInter);
  read_sparse_layers(keys, llm);
  check_topk(keys, llm.moe);
}

// One shared expert of its own width, times a sigmoid of the input.
void read_qwen2_moe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 16, .head_dim = 0, .positions = 32'768});
  llm.attention.qkv_bias = keys.flag_or("qkv_bias", true);
  llm.moe.experts = keys.size_or("num_experts", 60, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 4, SizeLimits::kExperts);
  llm.moe.inter = keys.size_or("moe_intermediate_size", 1408, SizeLimits::kInter);
  llm.moe.shared_experts = 1;
  llm.moe.shared_inter = keys.size_or("shared_expert_intermediate_size", 5632, SizeLimits::kInter);
  llm.moe.shared_gate = true;
  read_sparse_layers(keys, llm);
  check_topk(keys, llm.moe);
}

}  // namespace orrery::models
