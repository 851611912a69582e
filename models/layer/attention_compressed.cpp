// Compressed attention's elements (DeepSeek-V4): many query heads over one head of keys, which are the values too.
//
// A query sees the last `window` tokens and, of those before, one key for every `compress` of them: a softmax-weighted
// sum that a compressor of two projections makes. Where an index chooses among them (CSA), neighbouring blocks overlap,
// so that the compressor's projections are twice as wide, and the index compresses keys of its own the same way; where
// none does (HCA) all of them are seen. Heads have sinks. The output is projected in groups of heads, each to out_rank
// values, and these together to hidden.
// Source: transformers models/deepseek_v4/modeling_deepseek_v4.py.
// Limitations: the compressor's tail of tokens that make no whole block yet is not held.
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

// Two projections of the input and a learned bias per place of a block; `dim` values of a key come out, normed.
void add_compressor(ElementList& list, const Names& names, const Width& hidden, const AttentionConfig& a,
                    std::int64_t dim) {
  const std::int64_t wide = (a.index.topk > 0 ? 2 : 1) * dim;
  const Width series = whole_width(wide);
  list.add(Part::attention, Linear{names, hidden, {series, series}});
  list.add(Part::attention, Pass{{"compress keys", "compress keys"}, {series}, 2.0, a.compress * wide + dim});
}

void add_index(ElementList& list, const AttentionConfig& a, const Width& hidden, const Width& q_latent) {
  const IndexConfig& index = a.index;
  add_compressor(list, {"index k", "index k"}, hidden, a, index.dim);
  list.add(Part::attention, Linear{{"index q", "index q"}, q_latent, {whole_width(index.heads * index.dim)}});
  Linear weights{{"index weights", "index weights"}, hidden, {whole_width(index.heads)}};
  weights.plain = true;
  list.add(Part::attention, weights);
  list.add(Part::attention, SparseIndex{index.heads, index.dim, a.compress});
}

}  // namespace

void add_compressed(ElementList& list, const Llm& llm, const AttentionConfig& a) {
  const Width hidden = whole_width(llm.hidden), q_latent = whole_width(a.q_lora_rank), key = whole_width(a.head_dim);
  const Width queries = shared_width(a.heads, a.head_dim), groups = shared_width(a.out_groups, a.out_rank);
  list.add(Part::attention, Linear{{"q down", "q down"}, hidden, {q_latent}}).fused = "q and kv down";
  list.add(Part::attention, Norm{{"q norm", "latent norms"}, {q_latent}, a.q_lora_rank}).fused = "latent norms";
  list.add(Part::attention, Linear{{"kv", "kv"}, hidden, {key}}).fused = "q and kv down";
  list.add(Part::attention, Norm{{"kv norm", "latent norms"}, {key}, a.head_dim}).fused = "latent norms";
  list.add(Part::attention, Linear{{"q up", "q up"}, q_latent, {queries}}, {q_latent});
  Norm query_norm{{"query norm", "query norm"}, {queries}, 0};
  query_norm.row = a.head_dim;
  list.add(Part::attention, query_norm);
  if (a.compress > 0) add_compressor(list, {"compress", "compress"}, hidden, a, a.head_dim);
  if (a.compress > 0 && a.index.topk > 0) add_index(list, a, hidden, q_latent);
  list.add(Part::attention, Rotary{{shared_width(a.heads, a.rope_head_dim), whole_width(a.rope_head_dim)}});
  CoreAttention core{queries, shared_width(1, a.head_dim), a.head_dim, a.window};
  core.keys_are_values = true;
  core.topk = a.index.topk;
  core.compress = a.compress;
  core.parameters = a.heads;
  core.recent = {key};
  // Whole values: 512 of a key over 128 tokens are 4 of each.
  if (a.compress > 0) core.cached = {whole_width((a.head_dim + a.compress - 1) / a.compress)};
  list.add(Part::attention, core, {queries, key, queries});
  const Width of_group = whole_width(queries.whole() / a.out_groups);
  list.add(Part::attention, Linear{{"out by groups", "out by groups"}, of_group, {groups}}, {groups});
  list.add(Part::attention, Linear{{"attention out", "attention out"}, groups, {hidden}});
}

}  // namespace orrery::models
