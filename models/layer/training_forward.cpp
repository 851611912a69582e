// The forward pass, and what recomputation runs of it again.
#include "models/layer/training_grid.hpp"
#include "models/layer/training_kernels.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;

// Scores, softmax and dropout each pass through memory: Korthikanti et al. 2022 fig. 3.
void add_unfused(TrainingOps& ops, const CoreAttention& attention) {
  const TrainingReading& r = ops.reading();
  const std::int64_t s = r.sequence;
  const std::int64_t batch = r.batch * (attention.queries.on_rank(r.tensor) / attention.queries.size);
  ops.matmul("attention scores", batch, s, s, attention.queries.size);
  ops.forward(softmax_pass(r, attention));
  if (r.dropout) ops.forward(attention_dropout_pass(r, attention));
  ops.matmul("attention values", batch, s, attention.value_dim, s);
}

// Trainers in fp8 dispatch the quantised tokens (DeepSeek-V3, arXiv:2412.19437 §3.3.3); gradients stay in 16 bits.
Dtype dispatch_dtype(const TrainingReading& r) {
  const bool low = r.precision == Dtype::fp8 || r.precision == Dtype::fp8_block;
  return low ? Dtype::fp8_block : Dtype::bf16;
}

void add_forward(TrainingOps& ops, const LayerElement& element) {
  const TrainingReading& r = ops.reading();
  if (r.is_on_grid() && add_grid_forward(ops, element)) return;
  if (const std::optional<MemoryPass> pass = memory_pass(r, element)) return ops.forward(*pass);
  const std::int64_t tokens = element.inside ? r.tokens() : r.shard_tokens();
  std::visit(
      Overloaded{
          [&](const Linear& e) { ops.gemm(e.names.trainer, tokens, e.out.on_rank(r.tensor), e.in.on_rank(r.tensor)); },
          [&](const CoreAttention& e) {
            r.fused_attention ? ops.launch("attention", attention_shape(r, e)) : add_unfused(ops, e);
          },
          [&](const Experts& e) {
            ops.exchange(ExchangePhase::dispatch, dispatch_dtype(r));
            ops.launch("experts", experts_shape(r, e));
            ops.exchange(ExchangePhase::combine, Dtype::bf16);
          },
          [&](const SparseIndex& e) { ops.gemm("index scores", tokens, index_keys(r, e), e.heads * e.dim); },
          [&](const Enter& e) {
            if (r.shards_sequence()) ops.collective(CollectiveKind::all_gather, e.hidden);
          },
          [&](const Leave& e) {
            if (ops.has_regions()) ops.collective(ops.reduction(), e.hidden);
          },
          [](const auto&) {},  // passes over memory, and what training adds nothing for
      },
      element.block);
}

}  // namespace

std::vector<LayerOp> forward_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements) {
  TrainingOps ops(reading, sim::Activity::forward);
  for (const LayerElement& element : elements) add_forward(ops, element);
  return ops.take();
}

std::vector<LayerOp> recompute_ops(const TrainingReading& reading, const std::vector<LayerElement>& elements,
                                   bool full) {
  TrainingOps ops(reading, sim::Activity::recompute);
  for (const LayerElement& element : elements) {
    const bool scores = std::holds_alternative<CoreAttention>(element.block) && !reading.fused_attention;
    if (full || scores) add_forward(ops, element);
  }
  return ops.take();
}

}  // namespace orrery::models
