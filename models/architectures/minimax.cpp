// MiniMax-01 and M1: lightning attention in all layers but those that attn_type_list (1) or layer_types name, experts
// everywhere.
// MiniMax-M2: grouped queries, norms over all heads together, experts in every layer, chosen with a correction bias.
// MiniMax-M3: norms per head, dense layers first, one shared expert, and in most layers an index that chooses blocks of
// keys (sparse_attention_config): topk blocks of so many tokens, by small heads with normed queries.
// Defaults: transformers models/minimax, minimax_m2 and minimax_m3_vl, configuration_*.py and modeling_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

void read_experts(ConfigKeys& keys, Llm& llm, std::int64_t experts, std::int64_t topk) {
  llm.moe.experts = keys.size_or("num_local_experts", experts, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", topk, SizeLimits::kExperts);
  llm.moe.inter = keys.size("intermediate_size", SizeLimits::kInter);
  llm.moe.router_bias = keys.flag_or("use_routing_bias", true);
  const std::int64_t shared = keys.size_or("shared_intermediate_size", 0, SizeLimits::kInter, 0);
  if (shared > 0) {
    llm.moe.shared_experts = keys.size_or("n_shared_experts", 1, SizeLimits::kExperts, 0);
    llm.moe.shared_inter = shared;
  }
  check_topk(keys, llm.moe);
}

IndexConfig read_blocks(ConfigKeys& keys) {
  const auto size = [&](std::string_view key, std::int64_t fallback, std::int64_t most) {
    return keys.size_or("sparse_attention_config." + std::string(key), fallback, most);
  };
  IndexConfig index;
  index.heads = size("sparse_num_index_heads", 4, SizeLimits::kHeads);
  index.dim = size("sparse_index_dim", 128, SizeLimits::kHeadDim);
  index.topk = size("sparse_topk_blocks", 16, SizeLimits::kLayers) * size("sparse_block_size", 128, SizeLimits::kVocab);
  index.normed_queries = true;
  return index;
}

}  // namespace

void read_minimax_01(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .positions = 131'072});
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("num_local_experts", 8, SizeLimits::kExperts);
  moe.topk = keys.size_or("num_experts_per_tok", 2, SizeLimits::kExperts);
  moe.inter = llm.mlp.inter;
  moe.shared_inter = keys.size_or("shared_intermediate_size", 0, SizeLimits::kInter, 0);
  moe.shared_experts = moe.shared_inter > 0 ? 1 : 0;
  check_topk(keys, moe);
  RecurrentConfig lightning;
  lightning.kind = RecurrentKind::lightning;
  lightning.key_heads = lightning.value_heads = llm.attention.heads;
  lightning.key_dim = lightning.value_dim = llm.attention.head_dim;
  lightning.chunk = keys.size_or("block_size", 256, SizeLimits::kHidden);
  const std::vector<std::int64_t> full = layer_integers(keys, llm, "attn_type_list");
  const std::vector<std::string> types = layer_names(keys, llm, "layer_types", {"linear_attention", "full_attention"});
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].feed_forward = FeedForward::experts;
    const bool attends = !full.empty() ? full[i] != 0 : types.empty() ? i % 2 == 0 : types[i] == "full_attention";
    if (attends) continue;
    layers[i].mixer = Mixer::recurrent;
    layers[i].recurrent = lightning;
  }
  set_layers(llm, layers);
}

void read_minimax_m2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 128, .positions = 196'608});
  llm.attention.qk_norm = keys.flag_or("use_qk_norm", true);
  llm.attention.wide_norm = keys.text_or("qk_norm_type", "per_layer") == "per_layer";
  read_experts(keys, llm, 256, 8);
}

void read_minimax_m3(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 4, .head_dim = 128, .positions = 524'288});
  llm.attention.qk_norm = keys.flag_or("use_qk_norm", true);
  if (keys.flag_or("attention_output_gate", false)) llm.attention.gate = OutputGate::per_value;
  read_experts(keys, llm, 128, 4);
  llm.mlp.inter = keys.size_or("dense_intermediate_size", 12'288, SizeLimits::kInter);
  const std::vector<std::int64_t> sparse = layer_integers(keys, llm, "moe_layer_freq");
  const std::vector<std::int64_t> indexed = layer_integers(keys, llm, "sparse_attention_config.sparse_attention_freq");
  const IndexConfig index = read_blocks(keys);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!sparse.empty() && sparse[i] == 0) layers[i].feed_forward = FeedForward::dense;
    if (!indexed.empty() && indexed[i] != 0) layers[i].attention.index = index;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
