// Qwen2 and 2.5, Qwen3, and Qwen3's mixture of experts.
// Defaults: transformers models/qwen2, qwen3 and qwen3_moe, configuration_*.py and the layers' modeling_*.py.
#include <algorithm>

#include <fmt/format.h>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// Layers from max_window_layers on slide a window, where one is used at all.
void read_window(ConfigKeys& keys, Llm& llm, std::int64_t default_full_layers) {
  if (!keys.flag_or("use_sliding_window", false) || keys.is_null("sliding_window")) return;
  const std::int64_t window = keys.size_or("sliding_window", 4096, SizeLimits::kPositions);
  const std::int64_t full = keys.size_or("max_window_layers", default_full_layers, SizeLimits::kLayers, 0);
  if (full >= llm.layers) return;
  if (full > 0) {
    keys.error("max_window_layers",
               fmt::format("{} of {} layers with full attention: a mixture of windows is not supported; use 0 or {}",
                           full, llm.layers, llm.layers));
    return;
  }
  llm.attention.window = window;
}

/// decoder_sparse_step s makes layers s−1, 2s−1, … sparse; mlp_only_layers takes some of them out again.
void read_sparse_layers(ConfigKeys& keys, Llm& llm) {
  const std::int64_t step = keys.size_or("decoder_sparse_step", 1, SizeLimits::kLayers);
  std::vector<std::int64_t> dense = keys.integers("mlp_only_layers");
  llm.moe.layer_frequency = step;
  llm.moe.first_dense_layers = step - 1;
  if (dense.empty()) return;
  std::sort(dense.begin(), dense.end());
  for (std::size_t i = 0; i < dense.size(); ++i) {
    if (step == 1 && dense[i] == static_cast<std::int64_t>(i) && dense[i] < llm.layers) continue;
    keys.error("mlp_only_layers", "only the first layers in a row may be dense, with decoder_sparse_step 1");
    return;
  }
  llm.moe.first_dense_layers = static_cast<std::int64_t>(dense.size());
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

}  // namespace orrery::models
