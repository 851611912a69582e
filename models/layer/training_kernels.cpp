#include "models/layer/training_kernels.hpp"

#include <algorithm>
#include <cmath>

#include "models/layer/parameters.hpp"
#include "models/layer/training_grid.hpp"

namespace orrery::models {
namespace {

using kernels::MemoryOp;
using sim::CollectiveKind;

constexpr Bytes kMask{1.0};  // dropout's, of a value

MemoryPass norm_pass(const TrainingReading& r, const Norm& norm, std::int64_t tokens) {
  // Backward reads dY and X and writes dX; the gain's gradient is small.
  return {norm.names.trainer, MemoryOp::norm, tokens * norm.values.on_rank(r.tensor), r.value, r.value,
          2.0 * r.value,      r.value};
}

MemoryPass residual_pass(const TrainingReading& r, std::string_view name, std::int64_t elements) {
  MemoryPass pass{name, MemoryOp::dropout_add, elements, 2.0 * r.value, r.value, {}, {}};
  if (!r.dropout) return pass;  // backward of the add is free
  pass.forward_written = r.value + kMask;
  pass.backward_read = r.value + kMask;  // dY passes through the mask
  pass.backward_written = r.value;
  return pass;
}

MemoryPass activation_pass(const TrainingReading& r, const Activation& activation) {
  const Bytes in = (activation.gated ? 2.0 : 1.0) * r.value;
  return {activation.names.trainer,
          MemoryOp::activation,
          r.tokens() * activation.inter.on_rank(r.tensor),
          in,
          r.value,
          in + r.value,
          in};
}

MemoryPass loss_pass(const TrainingReading& r, const Output& output) {
  const std::int64_t logits = r.tokens() * output.vocab.on_rank(r.tensor);
  // Read for the sum, read for the gradient, write it: llm.c llmc/fused_classifier.cuh.
  if (r.fused_loss) return {"cross entropy", MemoryOp::cross_entropy, logits, 2.0 * r.value, r.value, {}, {}};
  // fp32 cast, maximum, subtraction, exponent with sum, division: Megatron-LM core/tensor_parallel/cross_entropy.py.
  return {"cross entropy", MemoryOp::cross_entropy, logits, Bytes{14.0}, Bytes{12.0}, Bytes{4.0}, Bytes{6.0}};
}

MemoryPass extra_pass(const TrainingReading& r, const Pass& pass, std::int64_t tokens) {
  const Bytes read = pass.read * r.value;
  return {pass.names.trainer,
          MemoryOp::elementwise,
          tokens * pass.values.on_rank(r.tensor),
          read,
          r.value,
          read + r.value,
          read};
}

// What its tokens bring and the state between chunks, in fp32; backward reads both again and writes their gradients.
MemoryPass recurrence_pass(const TrainingReading& r, const Recurrence& e) {
  const double out = static_cast<double>(e.out.on_rank(r.tensor));
  const Bytes in = r.value * (static_cast<double>(e.values.on_rank(r.tensor)) / out);
  const Bytes state =
      Bytes{4.0} * (static_cast<double>(e.state.on_rank(r.tensor)) / (out * static_cast<double>(e.chunk)));
  return {e.names.trainer, MemoryOp::elementwise, r.tokens() * e.out.on_rank(r.tensor),
          in + state,      r.value + state,       in + r.value + 2.0 * state,
          in + state};
}

/// The sliding window w that leaves a sequence of s tokens as many (query, key) pairs, s·w − w²/2, as its chunks do; 0
/// where it is one chunk.
std::int64_t chunks_window(std::int64_t chunk, std::int64_t sequence) {
  if (sequence <= chunk) return 0;
  const double s = static_cast<double>(sequence), pairs = s * mean_chunked_keys(chunk, s);
  return std::max<std::int64_t>(1, std::llround(s - std::sqrt(s * s - 2.0 * pairs)));
}

std::int64_t scores(const TrainingReading& r, const CoreAttention& attention) {
  return r.batch * (attention.queries.on_rank(r.tensor) / attention.queries.size) * r.sequence * r.sequence;
}

}  // namespace

std::optional<MemoryPass> memory_pass(const TrainingReading& r, const LayerElement& element) {
  using Maybe = std::optional<MemoryPass>;
  const std::int64_t tokens = element.inside ? r.tokens() : r.shard_tokens();
  return std::visit(Overloaded{
                        [&](const Norm& e) -> Maybe { return norm_pass(r, e, tokens); },
                        [&](const Rotary& e) -> Maybe {
                          return MemoryPass{"rotary", MemoryOp::rotary, tokens * e.values.on_rank(r.tensor),
                                            r.value,  r.value,          r.value,
                                            r.value};
                        },
                        [&](const Residual& e) -> Maybe { return residual_pass(r, e.name, tokens * e.hidden); },
                        [&](const Activation& e) -> Maybe { return activation_pass(r, e); },
                        [&](const TopK& e) -> Maybe {
                          return MemoryPass{"top-k",    MemoryOp::router, tokens * e.experts, Bytes{4.0},
                                            Bytes{4.0}, Bytes{8.0},       Bytes{4.0}};
                        },
                        [&](const Embedding& e) -> Maybe {
                          // Backward scatters fp32 or 16-bit rows: read the gradient and the row, write the row.
                          return MemoryPass{"embedding", MemoryOp::embedding, tokens * e.width, r.value,
                                            r.value,     2.0 * r.value,       r.value};
                        },
                        [&](const PositionEmbedding& e) -> Maybe {
                          if (!e.learned() && !r.dropout) return std::nullopt;
                          return residual_pass(r, "position embedding", tokens * e.hidden);
                        },
                        [&](const Output& e) -> Maybe { return loss_pass(r, e); },
                        [&](const Pass& e) -> Maybe { return extra_pass(r, e, tokens); },
                        [&](const Recurrence& e) -> Maybe { return recurrence_pass(r, e); },
                        [](const auto&) -> Maybe { return std::nullopt; },
                    },
                    element.block);
}

MemoryPass softmax_pass(const TrainingReading& r, const CoreAttention& attention) {
  return {"softmax", MemoryOp::softmax, scores(r, attention), r.value, r.value, 2.0 * r.value, r.value};
}

MemoryPass attention_dropout_pass(const TrainingReading& r, const CoreAttention& attention) {
  return {
      "attention dropout", MemoryOp::softmax, scores(r, attention), r.value, r.value + kMask, r.value + kMask, r.value};
}

kernels::AttentionPrefillShape attention_shape(const TrainingReading& r, const CoreAttention& attention) {
  kernels::AttentionPrefillShape shape;
  shape.dtype = shape.kv_dtype = r.attention_precision;
  shape.batch = r.batch;
  shape.q_len = shape.kv_len = r.sequence;
  shape.head_dim = attention.queries.size;
  shape.q_heads = attention.queries.on_rank(r.tensor) / attention.queries.size;
  shape.kv_heads = attention.keys.on_rank(r.tensor) / attention.keys.size;
  shape.v_head_dim = attention.value_dim == shape.head_dim ? 0 : attention.value_dim;
  shape.window = attention.window;
  if (attention.chunk > 0) {
    shape.window = chunks_window(attention.chunk, r.sequence);
  } else if (attention.compress > 0) {
    // As many keys as the middle query sees.
    shape.window =
        std::max<std::int64_t>(1, std::llround(attended_keys(attention, 0.5 * static_cast<double>(r.sequence))));
  } else if (attention.topk > 0) {
    shape.window = attention.topk;
  }
  shape.implementation = kernels::Implementation::cudnn;  // trainers call FlashAttention or cuDNN
  return shape;
}

kernels::MoeShape experts_shape(const TrainingReading& r, const Experts& experts) {
  kernels::MoeShape shape;
  shape.dtype = r.precision == Dtype::fp16 ? Dtype::bf16 : r.precision;
  // As the kernel counts them: of the whole expert-parallel group, and more where its most loaded rank gets more.
  shape.tokens = std::llround(static_cast<double>(r.tokens() * r.expert_parallel) * r.expert_imbalance);
  shape.hidden = experts.hidden;
  shape.inter = experts.inter;
  shape.topk = experts.topk;
  shape.experts = experts.experts;
  shape.tensor_parallel = r.tensor;
  shape.expert_parallel = r.expert_parallel;
  shape.gated = experts.gated;
  return shape;
}

void TrainingOps::gemm(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
  kernels::GemmShape shape;
  shape.dtype = reading_.precision;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  launch(label, shape);
}

void TrainingOps::partial_gradient(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
  gemm(label, m, n, k);
  ops_.back().activity = sim::Activity::weight_gradient;
}

void TrainingOps::gradient_pass(std::string_view label, std::int64_t elements, Bytes read, Bytes written) {
  memory({label, kernels::MemoryOp::elementwise, elements, {}, {}, {}, {}}, read, written);
  ops_.back().activity = sim::Activity::weight_gradient;
}

void TrainingOps::weight_gradient(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
  kernels::GemmShape shape;
  shape.dtype = reading_.precision;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  shape.accumulate = true;
  launch(label, shape, sim::Activity::weight_gradient);
}

void TrainingOps::finish_weights(const LayerElement& element) {
  if (ops_.empty()) return;
  LayerOp& last = ops_.back();
  last.gradients = rank_parameters(rank_weights({element}, reading_.tensor), reading_);
  if (!std::holds_alternative<Experts>(element.block) || reading_.expert_parallel == 1) return;
  last.gradients /= reading_.expert_parallel;
  last.of_experts = true;
}

void TrainingOps::exchange(ExchangePhase phase, Dtype dtype) {
  if (reading_.expert_parallel == 1) return;
  LayerOp op;
  op.kind = LayerOp::Kind::exchange;
  op.label = name(phase);
  op.phase = phase, op.dtype = dtype;
  op.activity = sim::Activity::expert_parallel;
  ops_.push_back(op);
}

void TrainingOps::matmul(std::string_view label, std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
  kernels::GemmShape shape;
  shape.dtype = reading_.attention_precision;
  shape.batch = batch;
  shape.m = m;
  shape.n = n;
  shape.k = k;
  launch(label, shape);
}

void TrainingOps::memory(const MemoryPass& pass, Bytes read, Bytes written) {
  if (!(read + written > Bytes{0.0})) return;
  kernels::MemoryShape shape;
  shape.op = pass.op;
  shape.elements = pass.elements;
  shape.read = read * static_cast<double>(pass.elements);
  shape.written = written * static_cast<double>(pass.elements);
  launch(pass.label, shape);
}

void TrainingOps::launch(std::string_view label, const kernels::Kernel& kernel, sim::Activity activity) {
  LayerOp op;
  op.label = label;
  op.kernel = kernel;
  op.activity = activity;
  ops_.push_back(op);
}

void TrainingOps::collective(CollectiveKind kind, std::int64_t hidden, bool overlapped) {
  LayerOp op;
  op.kind = overlapped ? LayerOp::Kind::start_collective : LayerOp::Kind::collective;
  op.label = sim::name(kind);
  op.collective = kind;
  op.bytes = reading_.value * static_cast<double>(reading_.tokens()) * static_cast<double>(hidden);
  op.activity = sim::Activity::tensor_parallel;
  ops_.push_back(op);
}

void TrainingOps::collective(CollectiveKind kind, GridAxis along, Bytes bytes, bool overlapped) {
  LayerOp op;
  op.kind = overlapped ? LayerOp::Kind::start_collective : LayerOp::Kind::collective;
  op.label = sim::name(kind);
  op.collective = kind;
  op.along = along;
  op.bytes = bytes;
  op.activity = sim::Activity::tensor_parallel;
  ops_.push_back(op);
}

void TrainingOps::finish_collectives() {
  LayerOp op;
  op.kind = LayerOp::Kind::finish_collectives;
  ops_.push_back(op);
}

Flops matrix_flops(const std::vector<LayerOp>& ops) {
  Flops total;
  for (const LayerOp& op : ops) {
    if (op.kind != LayerOp::Kind::launch || std::holds_alternative<kernels::MemoryShape>(op.kernel)) continue;
    total += kernels::work(op.kernel).flops;
  }
  return total;
}

}  // namespace orrery::models
