// Attention's elements: heads of their own keys (MHA, GQA, MQA) or of a common latent (DeepSeek-V2 §2.1).
//
// Latent attention compresses keys and values to kv_lora_rank values and one rotary key for all heads. The compressing
// projections are on every rank; an inference engine runs them as one GEMM, and their norms as one kernel
// (vllm/model_executor/models/deepseek_v2.py). transformers gives a bias to the compressing projections only (q_a_proj,
// kv_a_proj_with_mqa).
//
// An index (DeepSeek-V3.2 §2.1, MiniMax-M3) has projections of its own, which every rank has whole: of queries from the
// compressed queries or the input, of one key, and where queries are not normed of a weight per head.
// Queries alone are compressed in Step-3 (multi-matrix factorisation, arXiv:2507.19427), by the projection that makes
// keys and values. Gemma 3n's layers that borrow keys have projections of their own, which make some in vain.
// Output gates: Qwen3-Next (a value for each), Step-3.5 (a value per head): transformers modeling_*.py.
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

void add_linear(ElementList& list, std::string_view name, const Width& in, const Widths& out) {
  list.add(Part::attention, Linear{{name, name}, in, out});
}

void add_index(ElementList& list, const IndexConfig& index, const Width& queries_from, const Width& hidden) {
  if (index.topk == 0 || index.shared) return;
  const Width queries = whole_width(index.heads * index.dim), key = whole_width(index.dim);
  add_linear(list, "index q", queries_from, {queries});
  add_linear(list, "index k", hidden, {key});
  Widths normed{key};
  if (index.normed_queries) {
    normed.add(queries);
  } else {
    Linear weights{{"index weights", "index weights"}, hidden, {whole_width(index.heads)}};
    weights.plain = true;
    list.add(Part::attention, weights);
  }
  list.add(Part::attention, Norm{{"index norm", "index norm"}, normed, 2 * index.dim});
  list.add(Part::attention, SparseIndex{index.heads, index.dim, 1});
}

/// What one projection makes of the input, and how many biases it has.
struct Projected {
  Widths widths;
  std::int64_t biases = 0;
};

Projected projected(const AttentionConfig& a, const Width& queries, const Width& keys, const Width& values) {
  Projected all{{queries}, queries.whole()};
  if (!a.borrows_keys || a.spare_keys) {
    all.widths.add(keys);
    if (!a.keys_are_values) all.widths.add(values);
    all.biases += keys.whole() + (a.keys_are_values ? 0 : values.whole());
  }
  if (a.gate == OutputGate::per_value) {
    const Width gate = shared_width(a.heads, values.size);
    all.widths.add(gate);
    all.biases += gate.whole();
  }
  if (!a.qkv_bias) all.biases = 0;
  return all;
}

void add_qk_norm(ElementList& list, const AttentionConfig& a, const Width& queries, const Width& keys) {
  if (!a.qk_norm) return;
  const bool queries_alone = a.borrows_keys && !a.spare_keys;
  const Widths normed = queries_alone ? Widths{queries} : Widths{queries, keys};
  const std::int64_t narrow = queries_alone ? a.head_dim : 2 * a.head_dim;
  Norm norm{{"qk norm", "qk norm"}, normed, a.wide_norm ? normed.whole() : narrow};
  norm.row = a.wide_norm ? 0 : a.head_dim;
  list.add(Part::attention, norm);
}

void add_gate(ElementList& list, const AttentionConfig& a, const Width& hidden, const Width& out) {
  if (a.gate == OutputGate::none) return;
  if (a.gate == OutputGate::per_head) add_linear(list, "gate", hidden, {shared_width(a.heads)});
  const double read = a.gate == OutputGate::per_head ? 1.0 : 2.0;
  list.add(Part::attention, Pass{{"output gate", "output gate"}, {out}, read}, {out});
}

void add_multi_head(ElementList& list, const Llm& llm, const AttentionConfig& a) {
  const std::int64_t value_dim = a.v_head_dim > 0 ? a.v_head_dim : a.head_dim;
  const Width queries = shared_width(a.heads, a.head_dim), keys = shared_width(a.kv_heads, a.head_dim);
  const Width values = shared_width(a.kv_heads, value_dim), out = shared_width(a.heads, value_dim);
  const Width hidden = whole_width(llm.hidden);
  const Projected all = projected(a, a.q_lora_rank > 0 ? whole_width(a.q_lora_rank) : queries, keys, values);
  list.add(Part::attention, Linear{{"qkv", "qkv"}, hidden, all.widths, all.biases});
  if (a.q_lora_rank > 0) {
    const Width q_latent = whole_width(a.q_lora_rank);
    list.add(Part::attention, Norm{{"q norm", "q norm"}, {q_latent}, a.q_lora_rank});
    list.add(Part::attention, Linear{{"q up", "q up"}, q_latent, {queries}}, {q_latent});
  }
  add_qk_norm(list, a, queries, keys);
  if (llm.position == PositionKind::rotary) list.add(Part::attention, Rotary{{queries, keys}});
  add_index(list, a.index, hidden, hidden);
  CoreAttention core{queries, keys, value_dim, a.window};
  if (!a.borrows_keys) core.cached = {keys, values};
  core.chunk = a.chunk;
  core.topk = a.index.topk;
  core.parameters = a.sinks ? a.heads : 0;
  list.add(Part::attention, core, {queries, keys, values, out});
  add_gate(list, a, hidden, out);
  const std::int64_t out_biases = a.out_bias ? llm.hidden : 0;
  list.add(Part::attention, Linear{{"attention out", "attention out"}, out, {hidden}, out_biases});
}

void add_latent(ElementList& list, const Llm& llm, const AttentionConfig& a) {
  const std::int64_t query_dim = a.nope_head_dim + a.rope_head_dim;
  const Width queries = shared_width(a.heads, query_dim), values = shared_width(a.heads, a.v_head_dim);
  const Width hidden = whole_width(llm.hidden), q_latent = whole_width(a.q_lora_rank);
  const Width kv_latent = whole_width(a.kv_lora_rank), rotary_key = whole_width(a.rope_head_dim);
  const bool compressed = a.q_lora_rank > 0;
  const std::string_view down = compressed ? "q and kv down" : "", norms = compressed ? "latent norms" : "";
  if (compressed) {
    list.add(Part::attention, Linear{{"q down", "q down"}, hidden, {q_latent}, a.qkv_bias ? a.q_lora_rank : 0}).fused =
        down;
    list.add(Part::attention, Norm{{"q norm", "latent norms"}, {q_latent}, a.q_lora_rank}).fused = norms;
    list.add(Part::attention, Linear{{"q up", "q up"}, q_latent, {queries}}, {q_latent});
  } else {
    list.add(Part::attention, Linear{{"q", "q"}, hidden, {queries}});
  }
  const std::int64_t biases = a.qkv_bias ? a.kv_lora_rank + a.rope_head_dim : 0;
  list.add(Part::attention, Linear{{"kv down", "kv down"}, hidden, {kv_latent, rotary_key}, biases}).fused = down;
  list.add(Part::attention, Norm{{"kv norm", "latent norms"}, {kv_latent}, a.kv_lora_rank}).fused = norms;
  Linear up{{"kv up", "expand latent"}, kv_latent, {shared_width(a.heads, a.nope_head_dim), values}};
  up.on_latent = true;
  list.add(Part::attention, up, {kv_latent, rotary_key});
  list.add(Part::attention, Rotary{{shared_width(a.heads, a.rope_head_dim), rotary_key}});
  add_index(list, a.index, compressed ? q_latent : hidden, hidden);
  CoreAttention core{queries,        queries,         a.v_head_dim,           a.window,
                     a.kv_lora_rank, a.rope_head_dim, {kv_latent, rotary_key}};
  core.topk = a.index.topk;
  list.add(Part::attention, core, {queries, queries, values, values});
  add_gate(list, a, hidden, values);
  const std::int64_t out_biases = a.out_bias ? llm.hidden : 0;
  list.add(Part::attention, Linear{{"attention out", "attention out"}, values, {hidden}, out_biases});
}

}  // namespace

void add_attention(ElementList& list, const Llm& llm, const AttentionConfig& attention) {
  switch (attention.kind) {
    case AttentionKind::multi_head:
      return add_multi_head(list, llm, attention);
    case AttentionKind::latent:
      return add_latent(list, llm, attention);
    case AttentionKind::compressed:
      return add_compressed(list, llm, attention);
  }
}

}  // namespace orrery::models
