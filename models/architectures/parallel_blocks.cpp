// Decoders whose attention and MLP read the same input: GPT-J, GPT-NeoX, Falcon, Phi-2, Cohere's Command R.
// Defaults: transformers models/gptj, gpt_neox, falcon, phi, cohere and cohere2, configuration_*.py and modeling_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

void set_biases(Llm& llm, bool attention, bool mlp) {
  llm.attention.qkv_bias = llm.attention.out_bias = attention;
  llm.mlp.bias = mlp;
}

/// The older names n_embd, n_layer and n_head, or those of today.
DecoderNames short_names(const ConfigKeys& keys, std::string_view positions) {
  return {.hidden = keys.first_of({"hidden_size", "n_embed", "n_embd"}),
          .layers = keys.first_of({"num_hidden_layers", "n_layer"}),
          .heads = keys.first_of({"num_attention_heads", "n_head"}),
          .positions = positions};
}

}  // namespace

void read_gptj(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, short_names(keys, "n_positions"), 2048, false);
  use_layer_norm(llm, true);
  llm.parallel = true;
  llm.mlp.inter = keys.size_or("n_inner", 4 * llm.hidden, SizeLimits::kInter);
  set_biases(llm, false, true);
  llm.lm_head_bias = true;
}

void read_gpt_neox(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  llm.mlp.gated = false;
  use_layer_norm(llm, true);
  set_biases(llm, keys.flag_or("attention_bias", true), true);
  llm.parallel = llm.parallel_norms = keys.flag_or("use_parallel_residual", true);
}

// Falcon's three shapes: 40B and 180B (grouped queries, two norms), 7B (one head of keys, one norm), RW (sequential).
void read_falcon(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, short_names(keys, "max_position_embeddings"), 2048, true);
  use_layer_norm(llm, true);
  const bool bias = keys.flag_or("bias", false), grouped = keys.flag_or("new_decoder_architecture", false);
  set_biases(llm, bias, bias);
  llm.mlp.inter = keys.size_or("ffn_hidden_size", 4 * llm.hidden, SizeLimits::kInter);
  if (keys.flag_or("alibi", false)) llm.position = PositionKind::none;
  AttentionConfig& a = llm.attention;
  if (grouped) {
    const std::string_view kv_heads = keys.first_of({"num_kv_heads", "n_head_kv"});
    a.kv_heads = keys.size_or(kv_heads, a.heads, SizeLimits::kHeads);
    check_kv_heads(keys, a, kv_heads);
  } else if (keys.flag_or("multi_query", true)) {
    a.kv_heads = 1;
  }
  llm.parallel = grouped || keys.flag_or("parallel_attn", true);
  llm.parallel_norms = grouped && keys.size_or("num_ln_in_parallel_attn", 2, 2) == 2;
}

void read_phi(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  llm.mlp.gated = false;
  use_layer_norm(llm, true);
  set_biases(llm, true, true);
  llm.parallel = true;
  llm.lm_head_bias = true;
}

// Norms have no biases; queries and keys of the larger one have norms with a weight for each head's value.
void read_cohere(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 8192, .tied = true});
  read_attention_bias(keys, llm, false);
  use_layer_norm(llm, false);
  llm.parallel = true;
  llm.attention.qk_norm = llm.attention.wide_norm = keys.flag_or("use_qk_norm", false);
}

void read_cohere2(ConfigKeys& keys, Llm& llm) {
  read_cohere(keys, llm);
  const std::int64_t window = keys.size_or("sliding_window", 4096, SizeLimits::kPositions);
  if (slide_by_types(keys, llm, window)) return;
  const std::int64_t every = keys.size_or("sliding_window_pattern", 4, SizeLimits::kLayers);
  slide_windows(llm, window, [&](std::size_t i) { return (static_cast<std::int64_t>(i) + 1) % every != 0; });
}

// BLOOM is sequential: its sizes have the older names too. Positions are biases of the scores (ALiBi).
void read_bloom(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, short_names(keys, "seq_length"), 2048, true);
  use_layer_norm(llm, true);
  llm.position = PositionKind::none;
  llm.embedding_norm = true;
  llm.mlp.inter = 4 * llm.hidden;
  set_biases(llm, true, true);
}

}  // namespace orrery::models
