// Attention's elements: heads of their own keys (MHA, GQA, MQA) or of a common latent (DeepSeek-V2 §2.1).
//
// Latent attention compresses keys and values to kv_lora_rank values and one rotary key for all heads. The compressing
// projections are on every rank; an inference engine runs them as one GEMM, and their norms as one kernel
// (vllm/model_executor/models/deepseek_v2.py). transformers gives a bias to the compressing projections only (q_a_proj,
// kv_a_proj_with_mqa).
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

void add_multi_head(ElementList& list, const Llm& llm) {
  const AttentionConfig& a = llm.attention;
  const Width queries = shared_width(a.heads, a.head_dim), keys = shared_width(a.kv_heads, a.head_dim);
  const Width hidden = whole_width(llm.hidden);
  const std::int64_t biases = a.qkv_bias ? a.head_dim * (a.heads + 2 * a.kv_heads) : 0;
  list.add(Part::attention, Linear{{"qkv", "qkv"}, hidden, {queries, keys, keys}, biases});
  if (a.qk_norm) list.add(Part::attention, Norm{{"qk norm", "qk norm"}, {queries, keys}, 2 * a.head_dim});
  if (llm.position == PositionKind::rotary) list.add(Part::attention, Rotary{{queries, keys}});
  list.add(Part::attention, CoreAttention{queries, keys, a.head_dim, a.window, 0, 0, {keys, keys}},
           {queries, keys, keys, queries});
  const std::int64_t out_biases = a.out_bias ? llm.hidden : 0;
  list.add(Part::attention, Linear{{"attention out", "attention out"}, queries, {hidden}, out_biases});
}

void add_latent(ElementList& list, const Llm& llm) {
  const AttentionConfig& a = llm.attention;
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
  list.add(
      Part::attention,
      CoreAttention{queries, queries, a.v_head_dim, a.window, a.kv_lora_rank, a.rope_head_dim, {kv_latent, rotary_key}},
      {queries, queries, values, values});
  const std::int64_t out_biases = a.out_bias ? llm.hidden : 0;
  list.add(Part::attention, Linear{{"attention out", "attention out"}, values, {hidden}, out_biases});
}

}  // namespace

void add_attention(ElementList& list, const Llm& llm) {
  if (llm.attention.kind == AttentionKind::latent) {
    add_latent(list, llm);
  } else {
    add_multi_head(list, llm);
  }
}

}  // namespace orrery::models
