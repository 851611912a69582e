// Counts of a decoder-only language model: parameters, KV bytes and training FLOPs, each from its tensors.
//
// A linear layer [out, in] holds out·in weights, and does 2·out·in FLOPs for one token; a bias adds `out` weights
// and no counted FLOPs. Attention scores and values cost 2·keys·heads·(head_dim + v_head_dim) FLOPs per query token.
// Backward costs twice forward. Sources: Hugging Face transformers modeling_*.py for the tensors; Korthikanti et al.
// 2022 (arXiv:2205.05198) §A for the model FLOPs; Chowdhery et al. 2022 (PaLM) appendix B for `palm`.
// Limitations: norms, softmax, activations and rotary are not counted as FLOPs; multi-token prediction modules are
// not part of the model.
#include "models/llm.hpp"

#include <algorithm>

namespace orrery::models {
namespace {

std::int64_t embedding_width(const Llm& llm) { return llm.embedding_dim > 0 ? llm.embedding_dim : llm.hidden; }

std::int64_t projection_between_widths(const Llm& llm) {
  return embedding_width(llm) == llm.hidden ? 0 : embedding_width(llm) * llm.hidden;
}

/// Width of one head's value; only latent attention has it apart from the query's.
std::int64_t value_dim(const AttentionConfig& a) { return a.kind == AttentionKind::latent ? a.v_head_dim : a.head_dim; }

/// Width of one head's query and key.
std::int64_t query_dim(const AttentionConfig& a) {
  return a.kind == AttentionKind::latent ? a.nope_head_dim + a.rope_head_dim : a.head_dim;
}

/// Weights of the attention's linear layers, without biases and norms.
std::int64_t attention_matrices(const Llm& llm) {
  const AttentionConfig& a = llm.attention;
  const std::int64_t out = a.heads * value_dim(a) * llm.hidden;
  if (a.kind == AttentionKind::multi_head) {
    return llm.hidden * a.head_dim * (a.heads + 2 * a.kv_heads) + out;
  }
  const std::int64_t queries = a.heads * query_dim(a);
  const std::int64_t query = a.q_lora_rank > 0 ? a.q_lora_rank * (llm.hidden + queries) : llm.hidden * queries;
  const std::int64_t compress = llm.hidden * (a.kv_lora_rank + a.rope_head_dim);
  const std::int64_t expand = a.kv_lora_rank * a.heads * (a.nope_head_dim + a.v_head_dim);
  return query + compress + expand + out;
}

/// Biases of the linear layers, and the norms inside attention.
std::int64_t attention_vectors(const Llm& llm) {
  const AttentionConfig& a = llm.attention;
  const std::int64_t out = a.out_bias ? llm.hidden : 0;
  if (a.kind == AttentionKind::multi_head) {
    return out + (a.qkv_bias ? a.head_dim * (a.heads + 2 * a.kv_heads) : 0) + (a.qk_norm ? 2 * a.head_dim : 0);
  }
  // transformers gives a bias to the compressing layers only (q_a_proj, kv_a_proj_with_mqa).
  const std::int64_t biases = a.qkv_bias ? a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim : 0;
  return out + biases + a.q_lora_rank + a.kv_lora_rank;
}

std::int64_t mlp_matrices(const Llm& llm, std::int64_t inter) { return (llm.mlp.gated ? 3 : 2) * llm.hidden * inter; }

std::int64_t mlp_biases(const Llm& llm, std::int64_t inter) {
  return llm.mlp.bias ? (llm.mlp.gated ? 2 : 1) * inter + llm.hidden : 0;
}

std::int64_t norm_parameters(const Llm& llm) { return llm.norm_bias ? 2 * llm.hidden : llm.hidden; }

/// Weights whose matrix products one token passes in `layer`.
std::int64_t active_layer_matrices(const Llm& llm, std::int64_t layer) {
  const MoeConfig& moe = llm.moe;
  if (!llm.is_moe_layer(layer)) return attention_matrices(llm) + mlp_matrices(llm, llm.mlp.inter);
  return attention_matrices(llm) + llm.hidden * moe.experts + moe.topk * mlp_matrices(llm, moe.inter) +
         moe.shared_experts * mlp_matrices(llm, moe.shared_inter);
}

/// Keys that a token of a sequence of `seq` attends to: all of them by convention, or their mean when causal.
double attended_keys(const Llm& llm, std::int64_t seq, bool causal) {
  const double s = static_cast<double>(seq);
  const double window = llm.attention.window > 0 ? std::min(static_cast<double>(llm.attention.window), s) : s;
  // Causal: the first `window` tokens see window/2 keys on average, the others `window`. s/2 without a window.
  return causal && s > 0.0 ? window - window * window / (2.0 * s) : window;
}

double attention_score_flops(const Llm& llm, std::int64_t seq, bool causal) {
  const AttentionConfig& a = llm.attention;
  return 2.0 * attended_keys(llm, seq, causal) * static_cast<double>(a.heads * (query_dim(a) + value_dim(a)));
}

double palm_flops_per_token(const Llm& llm, std::int64_t seq) {
  const AttentionConfig& a = llm.attention;
  const std::int64_t n = active_parameters(llm) - position_parameters(llm);
  // 12·L·heads·head_dim·seq, where query and value widths differ 6·L·heads·(both)·seq.
  return 6.0 * static_cast<double>(n) +
         6.0 * static_cast<double>(llm.layers * a.heads * (query_dim(a) + value_dim(a))) * static_cast<double>(seq);
}

}  // namespace

bool Llm::is_moe_layer(std::int64_t layer) const {
  return moe.experts > 0 && layer >= moe.first_dense_layers &&
         (layer - moe.first_dense_layers) % moe.layer_frequency == 0;
}

LayerParameters layer_parameters(const Llm& llm, std::int64_t layer) {
  LayerParameters p;
  p.attention = attention_matrices(llm) + attention_vectors(llm);
  p.norms = 2 * norm_parameters(llm);
  if (!llm.is_moe_layer(layer)) {
    p.mlp = mlp_matrices(llm, llm.mlp.inter) + mlp_biases(llm, llm.mlp.inter);
    return p;
  }
  const MoeConfig& moe = llm.moe;
  p.mlp = moe.shared_experts * (mlp_matrices(llm, moe.shared_inter) + mlp_biases(llm, moe.shared_inter));
  p.router = llm.hidden * moe.experts + (moe.router_bias ? moe.experts : 0);
  p.experts = moe.experts * (mlp_matrices(llm, moe.inter) + mlp_biases(llm, moe.inter));
  return p;
}

std::int64_t embedding_parameters(const Llm& llm) {
  return llm.vocab * embedding_width(llm) + projection_between_widths(llm);
}

std::int64_t position_parameters(const Llm& llm) {
  return llm.position == PositionKind::learned ? (llm.max_positions + llm.position_offset) * llm.hidden : 0;
}

std::int64_t head_parameters(const Llm& llm) {
  const std::int64_t matrix = llm.tied_embeddings ? 0 : llm.vocab * embedding_width(llm);
  return matrix + (llm.lm_head_bias ? llm.vocab : 0) + projection_between_widths(llm);
}

std::int64_t final_norm_parameters(const Llm& llm) { return llm.final_norm ? norm_parameters(llm) : 0; }

std::int64_t parameters(const Llm& llm) {
  std::int64_t sum =
      embedding_parameters(llm) + position_parameters(llm) + head_parameters(llm) + final_norm_parameters(llm);
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) sum += layer_parameters(llm, layer).total();
  return sum;
}

std::int64_t active_parameters(const Llm& llm) {
  std::int64_t sum = parameters(llm);
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
    const std::int64_t all = layer_parameters(llm, layer).experts;
    if (all > 0) sum -= all / llm.moe.experts * (llm.moe.experts - llm.moe.topk);
  }
  return sum;
}

Bytes kv_bytes_per_token(const Llm& llm, Dtype kv_dtype) {
  const AttentionConfig& a = llm.attention;
  const std::int64_t per_layer =
      a.kind == AttentionKind::latent ? a.kv_lora_rank + a.rope_head_dim : 2 * a.kv_heads * a.head_dim;
  return static_cast<double>(per_layer * llm.layers) * element_size(kv_dtype);
}

std::string_view name(FlopConvention convention) {
  switch (convention) {
    case FlopConvention::model:
      return "model";
    case FlopConvention::model_causal:
      return "model_causal";
    case FlopConvention::palm:
      return "palm";
  }
  return "";
}

Flops layer_forward_flops_per_token(const Llm& llm, std::int64_t layer, std::int64_t seq, bool causal) {
  return Flops{2.0 * static_cast<double>(active_layer_matrices(llm, layer)) + attention_score_flops(llm, seq, causal)};
}

Flops training_flops_per_token(const Llm& llm, std::int64_t seq, FlopConvention convention) {
  if (convention == FlopConvention::palm) return Flops{palm_flops_per_token(llm, seq)};
  const bool causal = convention == FlopConvention::model_causal;
  // The input embedding is a gather; the projections around an embedding of its own width are products.
  Flops forward{2.0 * static_cast<double>(llm.vocab * embedding_width(llm) + 2 * projection_between_widths(llm))};
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
    forward += layer_forward_flops_per_token(llm, layer, seq, causal);
  }
  return 3.0 * forward;
}

}  // namespace orrery::models
