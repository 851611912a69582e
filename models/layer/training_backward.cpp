// The backward pass: gradients of inputs and of weights, interleaved or each alone.
#include "models/layer/training_grid.hpp"
#include "models/layer/training_kernels.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;

// After `enter` a linear layer's input gradient is reduced, and with sequence parallelism the shard of its input that
// was kept is gathered again for the weight gradient. With both gradients each hides behind the other's GEMM.
void add_linear(TrainingOps& ops, const LayerElement& element, const Enter* enter, Gradients which) {
  const Linear& e = std::get<Linear>(element.block);
  const TrainingReading& r = ops.reading();
  const std::int64_t tokens = element.inside ? r.tokens() : r.shard_tokens();
  const std::int64_t out = e.out.on_rank(r.tensor), in = e.in.on_rank(r.tensor);
  const bool reduce = enter != nullptr && r.tensor > 1;
  const bool gather = enter != nullptr && r.shards_sequence();
  const bool both = which == Gradients::both;
  if (gather && which != Gradients::inputs) ops.collective(CollectiveKind::all_gather, enter->hidden, both);
  if (which != Gradients::weights) {
    ops.gemm(e.names.trainer, tokens, in, out);
    if (gather && both) ops.finish_collectives();
    if (reduce) ops.collective(ops.reduction(), enter->hidden, both);
  }
  if (which == Gradients::inputs) return;
  ops.weight_gradient(e.names.trainer, out, in, tokens);
  ops.finish_weights(element);
  if (reduce && both) ops.finish_collectives();
}

// Both operands of each product are activations: the forward list in reverse, every matmul twice.
void add_unfused_gradients(TrainingOps& ops, const CoreAttention& attention) {
  const TrainingReading& r = ops.reading();
  const std::int64_t s = r.sequence, query = attention.queries.size, value = attention.value_dim;
  const std::int64_t batch = r.batch * (attention.queries.on_rank(r.tensor) / query);
  const auto gradients = [&](std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
    ops.matmul(label, batch, m, k, n);  // dA = dC · B
    ops.matmul(label, batch, n, k, m);  // dB = dCᵀ · A
  };
  gradients("attention values", s, value, s);
  if (r.dropout) ops.backward(attention_dropout_pass(r, attention));
  ops.backward(softmax_pass(r, attention));
  gradients("attention scores", s, s, query);
}

void add_input_gradient(TrainingOps& ops, const LayerElement& element) {
  const TrainingReading& r = ops.reading();
  std::visit(Overloaded{
                 [&](const CoreAttention& e) {
                   if (!r.fused_attention) return add_unfused_gradients(ops, e);
                   kernels::AttentionPrefillShape shape = attention_shape(r, e);
                   shape.pass = kernels::Pass::backward;
                   ops.launch("attention", shape);
                 },
                 [&](const Experts& e) {
                   kernels::MoeShape shape = experts_shape(r, e);
                   shape.pass = kernels::Pass::backward;
                   // The gradient of what came back goes out, and that of what went out comes back.
                   ops.exchange(ExchangePhase::dispatch, Dtype::bf16);
                   ops.launch("experts", shape);
                   ops.finish_weights(element);
                   ops.exchange(ExchangePhase::combine, Dtype::bf16);
                 },
                 [&](const SparseIndex& e) {
                   ops.gemm("index scores", r.tokens(), e.heads * e.dim, index_keys(r, e));
                   ops.gemm("index scores", index_keys(r, e), e.heads * e.dim, r.tokens());
                 },
                 [&](const Leave& e) {
                   if (r.shards_sequence()) ops.collective(CollectiveKind::all_gather, e.hidden);
                 },
                 [](const auto&) {},  // linear layers and passes over memory; `enter` is joined with the former
             },
             element.block);
}

// A table's rows are a weight: its gradient goes no further.
bool is_weight(const LayerElement& element) { return std::holds_alternative<Embedding>(element.block); }

std::vector<LayerOp> gradient_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements,
                                  Gradients which, sim::Activity activity) {
  TrainingOps ops(reading, activity);
  for (std::size_t i = elements.size(); i-- > 0;) {
    const LayerElement& element = elements[i];
    if (reading.is_on_grid() && add_grid_gradients(ops, element, which)) continue;
    if (std::holds_alternative<Linear>(element.block)) {
      const auto* enter = i > 0 ? std::get_if<Enter>(&elements[i - 1].block) : nullptr;
      add_linear(ops, element, enter, which);
      continue;
    }
    if (which == (is_weight(element) ? Gradients::inputs : Gradients::weights)) continue;
    if (const std::optional<MemoryPass> pass = memory_pass(reading, element)) {
      ops.backward(*pass);
    } else {
      add_input_gradient(ops, element);
    }
  }
  return ops.take();
}

}  // namespace

std::vector<LayerOp> backward_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements) {
  return gradient_ops(reading, elements, Gradients::both, sim::Activity::backward);
}

std::vector<LayerOp> input_gradient_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements) {
  return gradient_ops(reading, elements, Gradients::inputs, sim::Activity::backward);
}

std::vector<LayerOp> weight_gradient_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements) {
  return gradient_ops(reading, elements, Gradients::weights, sim::Activity::weight_gradient);
}

}  // namespace orrery::models
