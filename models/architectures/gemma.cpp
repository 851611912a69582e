// Gemma 1 to 4 and 3n: wide heads, tied embeddings, gated GELU.
//
// Gemma 2 and later have norms behind the blocks too, and slide a window in all layers but every second (2) or every
// sixth (3, 4). Gemma 3 norms queries and keys. Gemma 4's full layers have heads of their own number and width and may
// take keys as values; its last layers may borrow the keys of layers before; a small embedding per layer may join each
// layer; experts may run beside the MLP, with three more norms. Gemma 3n has these embeddings and borrowed keys too,
// four residual streams, a map of low rank beside attention, and may have an MLP width per layer. Defaults:
// transformers models/gemma, gemma2, gemma3, gemma3n and gemma4, configuration_*.py and modeling_*.py. Limitations:
// norms of values, which have no weights, are not priced; nor is what Gemma 3n saves by activations that it sets to
// zero.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

constexpr std::int64_t kMostStreams = 64;

void read_common(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults) {
  read_gated_decoder(keys, llm, defaults);
  read_attention_bias(keys, llm, false);
}

/// Every `pattern`-th layer attends to everything where layer_types does not say which.
void slide(ConfigKeys& keys, Llm& llm, std::int64_t window, std::int64_t pattern) {
  if (slide_by_types(keys, llm, window)) return;
  const std::int64_t every =
      keys.size_or(keys.first_of({"sliding_window_pattern", "_sliding_window_pattern"}), pattern, SizeLimits::kLayers);
  slide_windows(llm, window, [&](std::size_t i) { return (static_cast<std::int64_t>(i) + 1) % every != 0; });
}

void read_full_heads(ConfigKeys& keys, AttentionConfig& a) {
  a.head_dim = keys.size_or("global_head_dim", 512, SizeLimits::kHeadDim);
  a.keys_are_values = keys.flag_or("attention_k_eq_v", false);
  if (!a.keys_are_values) return;
  a.kv_heads = keys.size_or("num_global_key_value_heads", a.kv_heads, SizeLimits::kHeads);
  check_kv_heads(keys, a, "num_global_key_value_heads");
}

/// The last `borrowing` layers attend to keys of layers before them; none does where there would be none before.
bool borrows(const Llm& llm, std::int64_t borrowing, std::size_t layer) {
  return borrowing < llm.layers && static_cast<std::int64_t>(layer) >= llm.layers - borrowing;
}

void read_experts(ConfigKeys& keys, Llm& llm) {
  if (!keys.flag_or("enable_moe_block", false)) return;
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_of({"num_experts"}, SizeLimits::kExperts);
  moe.topk = keys.size_of({"top_k_experts"}, SizeLimits::kExperts);
  moe.inter = keys.size_of({"moe_intermediate_size", "expert_intermediate_size"}, SizeLimits::kInter);
  moe.beside_dense = true;
  moe.more_norms = 3;
  moe.router_values = llm.hidden + moe.experts;  // scales of the input and of each expert
  check_topk(keys, moe, "top_k_experts");
}

}  // namespace

void read_gemma(ConfigKeys& keys, Llm& llm) {
  read_common(keys, llm, {.kv_heads = 16, .head_dim = 256, .positions = 8192, .tied = true});
}

void read_gemma2(ConfigKeys& keys, Llm& llm) {
  read_common(keys, llm, {.kv_heads = 4, .head_dim = 256, .positions = 8192, .tied = true});
  llm.norms = NormPlacement::both;
  slide(keys, llm, keys.size_or("sliding_window", 4096, SizeLimits::kPositions), 2);
}

void read_gemma3(ConfigKeys& keys, Llm& llm) {
  // The class's sizes, which the inner configs of Gemma 3 leave away.
  if (keys.absent("num_attention_heads")) keys.set_default("num_attention_heads", 8);
  if (keys.absent("vocab_size")) keys.set_default("vocab_size", 262'208);
  read_common(keys, llm, {.kv_heads = 4, .head_dim = 256, .positions = 131'072, .tied = true});
  llm.norms = NormPlacement::both;
  llm.attention.qk_norm = true;
  slide(keys, llm, keys.size_or("sliding_window", 4096, SizeLimits::kPositions), 6);
}

void read_gemma3n(ConfigKeys& keys, Llm& llm) {
  if (keys.absent("num_attention_heads")) keys.set_default("num_attention_heads", 8);
  if (keys.absent("vocab_size")) keys.set_default("vocab_size", 262'400);
  const DecoderDefaults defaults{.kv_heads = 2, .head_dim = 256, .positions = 32'768, .tied = true};
  read_sizes(keys, llm, defaults);
  read_heads(keys, llm, defaults);
  read_attention_bias(keys, llm, false);
  llm.norms = NormPlacement::both;
  llm.attention.qk_norm = true;
  llm.layer_input = keys.size_or("hidden_size_per_layer_input", 256, SizeLimits::kHidden);
  llm.layer_input_vocab = keys.size_or("vocab_size_per_layer_input", 262'144, SizeLimits::kVocab);
  llm.streams = keys.size_or("altup_num_inputs", 4, kMostStreams);
  llm.stream_kind = StreamKind::alternating;
  llm.laurel_rank = keys.size_or("laurel_rank", 64, SizeLimits::kHidden);
  const bool listed = keys.is_list("intermediate_size");
  const std::vector<std::int64_t> inters =
      listed ? layer_integers(keys, llm, "intermediate_size") : std::vector<std::int64_t>{};
  llm.mlp.gated = true;
  llm.mlp.inter = listed ? 1 : keys.size_or("intermediate_size", 16'384, SizeLimits::kInter);
  slide(keys, llm, keys.size_or("sliding_window", 512, SizeLimits::kPositions), 5);
  const std::int64_t borrowing = keys.size_or("num_kv_shared_layers", 15, SizeLimits::kLayers, 0);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerConfig& layer = layers[i];
    if (i < inters.size()) layer.mlp.inter = inters[i];
    if (layer.mlp.inter < 1 || layer.mlp.inter > SizeLimits::kInter) {
      keys.error("intermediate_size", "a width of a layer is out of range");
    }
    layer.attention.borrows_keys = layer.attention.spare_keys = borrows(llm, borrowing, i);
  }
  set_layers(llm, layers);
}

void read_gemma4(ConfigKeys& keys, Llm& llm) {
  read_common(keys, llm, {.kv_heads = 4, .head_dim = 256, .positions = 131'072, .tied = true});
  llm.norms = NormPlacement::both;
  llm.attention.qk_norm = true;
  llm.layer_input = keys.size_or("hidden_size_per_layer_input", 256, SizeLimits::kHidden, 0);
  llm.layer_input_vocab = keys.size_or("vocab_size_per_layer_input", 262'144, SizeLimits::kVocab);
  read_experts(keys, llm);
  slide(keys, llm, keys.size_or("sliding_window", 512, SizeLimits::kPositions), 6);
  const std::int64_t borrowing = keys.size_or("num_kv_shared_layers", 0, SizeLimits::kLayers, 0);
  const bool wide = keys.flag_or("use_double_wide_mlp", false);
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerConfig& layer = layers[i];
    if (i + 1 == layers.size()) layer.attention.window = 0;
    if (layer.attention.window == 0) read_full_heads(keys, layer.attention);
    if (!borrows(llm, borrowing, i)) continue;
    layer.attention.borrows_keys = true;
    if (wide) layer.mlp.inter *= 2;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
