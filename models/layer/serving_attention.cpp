// What depends on the sequences and not on the rows of a step: attention, an index's scores, recurrences.
//
// Keys that a query sees are bounded by windows, chunks and indexes (attended_keys). A prompt's kernel is given the
// bound as a window, which leaves as many (query, key) pairs.
//
// Latent attention whose keys are chosen runs on the latent itself, prompts too (FlashMLA's sparse kernel, vllm
// v1/attention/backends/mla/flashmla_sparse.py): nothing is expanded, the projection is absorbed.
//
// Nearest elements where no kernel is modelled:
//   an index's scores  prompts: one product of all its heads, [queries, heads·dim] x [heads·dim, keys]; decodes: a pass
//                      over its keys; both: a pass over the fp32 scores, for the choice
//   a recurrence       prompts: the products of a chunk (scores, values, state's update and read), a pass over what the
//                      tokens bring, and one over the state for each chunk; decodes: a pass over the states
// Limitations: sinks cost nothing; half a chunk is the mean that is attended to, whatever a prompt's length.
#include <algorithm>
#include <cmath>

#include "kernels/attention/attention.hpp"
#include "models/layer/serving_ops.hpp"

namespace orrery::models {

namespace {

using kernels::MemoryOp;

constexpr Bytes kScore{4.0}, kState{4.0}, kIndexScale{4.0};

// Heads of one rank.
std::int64_t heads(const Width& width, std::int64_t tensor) { return width.most_on_rank(tensor) / width.size; }

const Recurrence* recurrence_of(const std::vector<LayerElement>& elements) {
  for (const LayerElement& element : elements) {
    if (const auto* recurrence = std::get_if<Recurrence>(&element.block)) return recurrence;
  }
  return nullptr;
}

const SparseIndex* index_of(const std::vector<LayerElement>& elements) {
  for (const LayerElement& element : elements) {
    if (const auto* index = std::get_if<SparseIndex>(&element.block)) return index;
  }
  return nullptr;
}

bool expands(const CoreAttention& core) { return core.latent_dim > 0 && core.topk == 0; }

/// From memory, not from what the kernel before has left in L2.
void cold_pass(ServingOps& ops, std::string_view label, double elements, Bytes read, Bytes written) {
  kernels::MemoryShape shape;
  shape.op = MemoryOp::elementwise;
  shape.elements = std::max<std::int64_t>(1, std::llround(elements));
  shape.read = read * elements;
  shape.written = written * elements;
  ops.launch(label, shape);
}

std::int64_t whole_keys(double keys) { return std::max<std::int64_t>(1, std::llround(keys)); }

/// The window that leaves a prompt's queries as many keys as they see; 0: all.
std::int64_t seen_by(const CoreAttention& core, std::int64_t q_len, std::int64_t kv_len) {
  if (core.compress == 0 && core.topk == 0 && core.chunk == 0) return core.window;
  const double middle = static_cast<double>(kv_len) - 0.5 * static_cast<double>(q_len);
  if (core.compress > 0) return whole_keys(attended_keys(core, middle));
  if (core.chunk > 0) return kv_len > core.chunk ? std::max<std::int64_t>(1, core.chunk / 2) : 0;
  return core.window > 0 ? std::min(core.window, core.topk) : core.topk;
}

void score_prompts(ServingOps& ops, const ServingReading& r, const SparseIndex& index, std::int64_t batch,
                   std::int64_t q_len, std::int64_t kv_len) {
  const double middle = static_cast<double>(kv_len) - 0.5 * static_cast<double>(q_len);
  const std::int64_t keys = whole_keys(middle / static_cast<double>(index.compress));
  const Dtype dtype = r.gpu->multiplies(Dtype::fp8) ? Dtype::fp8 : r.dtype;
  ops.gemm("index scores", dtype, q_len, keys, index.heads * index.dim, batch);
  const double scores = static_cast<double>(batch) * static_cast<double>(q_len) * static_cast<double>(keys);
  cold_pass(ops, "index top-k", scores, kScore, {});
}

void score_decodes(ServingOps& ops, const SparseIndex& index, std::int64_t sequences, std::int64_t kv_tokens) {
  const double keys = static_cast<double>(std::max(sequences, kv_tokens)) / static_cast<double>(index.compress);
  cold_pass(ops, "index scores", keys, Bytes{static_cast<double>(index.dim)} + kIndexScale, kScore);
  cold_pass(ops, "index top-k", keys, kScore, {});
}

void recur_prompts(ServingOps& ops, const ServingReading& r, const Recurrence& e, std::int64_t batch,
                   std::int64_t q_len) {
  const std::int64_t chunk = std::min(e.chunk, q_len), chunks = batch * ((q_len + chunk - 1) / chunk);
  const std::int64_t per_head = chunks * heads(e.state, r.tensor);
  if (e.value_dim > 1) {
    for (std::int64_t i = 2; i <= e.products; ++i) ops.gemm("chunk scores", r.dtype, chunk, chunk, e.key_dim, per_head);
    ops.gemm("chunk values", r.dtype, chunk, e.value_dim, chunk, per_head);
    ops.gemm("state read", r.dtype, chunk, e.value_dim, e.key_dim, per_head);
    ops.gemm("state update", r.dtype, e.key_dim, e.value_dim, chunk, per_head);
  }
  const std::int64_t tokens = batch * q_len, written = tokens * e.out.most_on_rank(r.tensor);
  const double in =
      static_cast<double>(e.values.most_on_rank(r.tensor)) / static_cast<double>(e.out.most_on_rank(r.tensor));
  const Bytes value = element_size(r.dtype);
  ops.launch(e.names.engine, warm_pass(MemoryOp::elementwise, written, in * value, value));
  // A state per channel stays in registers through a prompt (mamba): it is read and written once.
  const double states = static_cast<double>(e.value_dim > 1 ? chunks : batch);
  cold_pass(ops, "states", states * static_cast<double>(e.state.most_on_rank(r.tensor)), kState, kState);
}

void recur_decodes(ServingOps& ops, const ServingReading& r, const Recurrence& e, std::int64_t sequences) {
  const double values = static_cast<double>(sequences) * static_cast<double>(e.state.most_on_rank(r.tensor));
  cold_pass(ops, e.names.engine, values, kState, kState);
}

kernels::AttentionPrefillShape prompts_shape(const ServingReading& r, const CoreAttention& core, std::int64_t batch,
                                             std::int64_t q_len, std::int64_t kv_len) {
  kernels::AttentionPrefillShape shape;
  shape.dtype = r.dtype;
  shape.kv_dtype = r.kv_dtype;
  shape.batch = batch;
  shape.q_len = q_len;
  shape.kv_len = kv_len;
  shape.q_heads = heads(core.queries, r.tensor);
  shape.kv_heads = heads(core.keys, r.tensor);
  shape.head_dim = core.queries.size;
  shape.v_head_dim = core.value_dim == shape.head_dim ? 0 : core.value_dim;
  if (core.latent_dim > 0 && !expands(core)) {
    shape.kv_heads = 1;
    shape.head_dim = core.latent_dim + core.rotary_dim;
    shape.v_head_dim = core.latent_dim;
  }
  shape.window = seen_by(core, q_len, kv_len);
  shape.implementation = r.kernels;
  return shape;
}

kernels::AttentionDecodeShape decodes_shape(const ServingReading& r, const CoreAttention& core, std::int64_t sequences,
                                            std::int64_t kv_tokens) {
  kernels::AttentionDecodeShape shape;
  shape.dtype = r.dtype;
  shape.kv_dtype = r.kv_dtype;
  shape.batch = sequences;
  shape.kv_tokens = std::max(sequences, kv_tokens);
  if (core.topk > 0 || core.chunk > 0 || core.compress > 0) {
    const double each = static_cast<double>(shape.kv_tokens) / static_cast<double>(sequences);
    shape.kv_tokens = std::max(sequences, whole_keys(attended_keys(core, each) * static_cast<double>(sequences)));
  }
  shape.q_heads = heads(core.queries, r.tensor);
  const bool one_tensor = core.keys_are_values && core.queries.size > kernels::kMlaRotaryWidth;
  if (core.latent_dim > 0 || one_tensor) {
    shape.kv_heads = 1;
    shape.head_dim = shape.latent_dim = one_tensor ? core.queries.size : core.latent_dim + core.rotary_dim;
  } else {
    shape.kv_heads = heads(core.keys, r.tensor);
    shape.head_dim = core.queries.size;
    shape.window = core.compress > 0 ? 0 : core.window;
  }
  shape.implementation = r.kernels;
  return shape;
}

// One matrix a head, in one launch, which is that of several where a rank has one head.
void absorb(ServingOps& ops, const ServingReading& r, const CoreAttention& core, std::int64_t rows) {
  const std::int64_t batch = heads(core.queries, r.tensor), nope = core.queries.size - core.rotary_dim;
  const auto product = [&](std::string_view label, std::int64_t n, std::int64_t k) {
    kernels::GemmShape shape;
    shape.dtype = r.dtype;
    shape.m = rows, shape.n = n, shape.k = k, shape.batch = batch;
    shape.implementation = r.kernels;
    shape.strided = true;
    ops.launch(label, shape);
  };
  product("absorb query", core.latent_dim, nope);
  product("absorb value", core.value_dim, core.latent_dim);
}

// Expanded keys stand beside the one rotary part of all heads: a copy makes them one tensor (torch.cat of k_nope and
// k_pe in vllm/v1/attention/backends/mla/common.py).
void concatenate_keys(ServingOps& ops, const ServingReading& r, const CoreAttention& core, std::int64_t tokens) {
  const Bytes value = element_size(r.dtype);
  ops.launch("concatenate keys", warm_pass(MemoryOp::copy, tokens * core.queries.most_on_rank(r.tensor), value, value));
}

}  // namespace

std::vector<LayerOp> prefill_ops(const ServingReading& r, const std::vector<LayerElement>& attention,
                                 std::int64_t batch, std::int64_t q_len, std::int64_t kv_len) {
  ServingOps ops(r);
  if (const Recurrence* recurrence = recurrence_of(attention)) recur_prompts(ops, r, *recurrence, batch, q_len);
  const CoreAttention* core = core_attention(attention);
  if (core == nullptr) return ops.take();
  if (const SparseIndex* index = index_of(attention)) score_prompts(ops, r, *index, batch, q_len, kv_len);
  if (core->latent_dim > 0 && !expands(*core)) absorb(ops, r, *core, batch * q_len);
  for (const LayerElement& element : attention) {
    if (std::holds_alternative<Linear>(element.block) && expands(*core)) ops.add(element, batch * kv_len);
  }
  if (core->latent_dim > 0 && expands(*core)) concatenate_keys(ops, r, *core, batch * kv_len);
  ops.launch("attention prefill", prompts_shape(r, *core, batch, q_len, kv_len));
  return ops.take();
}

std::vector<LayerOp> decode_ops(const ServingReading& r, const std::vector<LayerElement>& attention,
                                std::int64_t sequences, std::int64_t kv_tokens) {
  ServingOps ops(r);
  if (const Recurrence* recurrence = recurrence_of(attention)) recur_decodes(ops, r, *recurrence, sequences);
  const CoreAttention* core = core_attention(attention);
  if (core == nullptr) return ops.take();
  if (const SparseIndex* index = index_of(attention)) score_decodes(ops, *index, sequences, kv_tokens);
  ops.launch("attention decode", decodes_shape(r, *core, sequences, kv_tokens));
  return ops.take();
}

std::vector<LayerOp> absorbed_ops(const ServingReading& r, const std::vector<LayerElement>& attention,
                                  std::int64_t rows) {
  const CoreAttention* core = core_attention(attention);
  if (core == nullptr || core->latent_dim == 0 || rows == 0) return {};
  ServingOps ops(r);
  absorb(ops, r, *core, rows);
  return ops.take();
}

}  // namespace orrery::models
