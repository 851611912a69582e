// From elements to kernels and collectives in stream order, for each pass.
#include <type_traits>

#include "models/training/layer.hpp"

namespace orrery::models {
namespace {

using kernels::GemmShape;
using kernels::MemoryShape;
using sim::Activity;
using sim::CollectiveKind;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

class Ops {
 public:
  Ops(const TrainingJob& job, Activity activity) : job_(job), sizes_(job), activity_(activity) {}

  void gemm(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k, Activity activity,
            bool accumulate = false) {
    GemmShape shape;
    shape.dtype = job_.config.precision;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    shape.accumulate = accumulate;
    launch(label, shape, activity);
  }
  void gemm(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) { gemm(label, m, n, k, activity_); }

  /// A product of two activations, one for each of `batch` heads.
  void matmul(std::string_view label, std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k) {
    GemmShape shape;
    shape.dtype = attention_dtype(job_.config);
    shape.batch = batch;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    launch(label, shape, activity_);
  }

  void memory(const MemoryElement& e, double read, double write) {
    if (read + write <= 0.0) return;
    MemoryShape shape;
    shape.op = e.op;
    shape.elements = e.elements;
    shape.read = Bytes{read * static_cast<double>(e.elements)};
    shape.written = Bytes{write * static_cast<double>(e.elements)};
    launch(e.label, shape, activity_);
  }

  void launch(std::string_view label, const kernels::Kernel& kernel) { launch(label, kernel, activity_); }
  void launch(std::string_view label, const kernels::Kernel& kernel, Activity activity) {
    LayerOp op;
    op.label = label;
    op.kernel = kernel;
    op.activity = activity;
    ops_.push_back(op);
  }

  void collective(CollectiveKind kind, bool overlapped = false) {
    LayerOp op;
    op.kind = overlapped ? LayerOp::Kind::start_collective : LayerOp::Kind::collective;
    op.label = sim::name(kind);
    op.collective = kind;
    op.bytes = sizes_.boundary;
    op.activity = Activity::tensor_parallel;
    ops_.push_back(op);
  }
  void finish_collectives() {
    LayerOp op;
    op.kind = LayerOp::Kind::finish_collectives;
    ops_.push_back(op);
  }

  [[nodiscard]] bool sequence_parallel() const { return job_.config.sequence_parallel; }
  [[nodiscard]] Activity activity() const { return activity_; }
  std::vector<LayerOp> take() { return std::move(ops_); }

 private:
  const TrainingJob& job_;
  LayerSizes sizes_;
  Activity activity_;
  std::vector<LayerOp> ops_;
};

void add_forward(Ops& ops, const LayerElement& element) {
  std::visit(
      Overloaded{
          [&](const LinearElement& e) { ops.gemm(e.label, e.m, e.n, e.k); },
          [&](const MatmulElement& e) { ops.matmul(e.label, e.batch, e.m, e.n, e.k); },
          [&](const MemoryElement& e) { ops.memory(e, e.forward_read, e.forward_write); },
          [&](const AttentionElement& e) { ops.launch("attention", e.shape); },
          [&](const ExpertsElement& e) { ops.launch("experts", e.shape); },
          [&](const EnterElement&) {
            if (ops.sequence_parallel()) ops.collective(CollectiveKind::all_gather);
          },
          [&](const LeaveElement&) {
            ops.collective(ops.sequence_parallel() ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce);
          },
      },
      element.block);
}

// Weight and input gradients of a linear layer. After an enter element the input's gradient is reduced beside
// the weight gradient, and with sequence parallelism the saved input shard is gathered again beside the input
// gradient (Korthikanti et al. 2022 §4.2.2; Megatron-LM LinearWithGradAccumulationAndAsyncCommunication).
void add_linear_backward(Ops& ops, const LinearElement& e, bool after_enter) {
  const bool gather = after_enter && ops.sequence_parallel();
  if (gather) ops.collective(CollectiveKind::all_gather, true);
  ops.gemm(e.label, e.m, e.k, e.n);
  if (gather) ops.finish_collectives();
  if (after_enter) {
    ops.collective(ops.sequence_parallel() ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, true);
  }
  ops.gemm(e.label, e.n, e.k, e.m, Activity::weight_gradient, true);
  if (after_enter) ops.finish_collectives();
}

void add_backward(Ops& ops, const LayerElement& element, bool after_enter) {
  std::visit(Overloaded{
                 [&](const LinearElement& e) { add_linear_backward(ops, e, after_enter); },
                 [&](const MatmulElement& e) {
                   ops.matmul(e.label, e.batch, e.m, e.k, e.n);  // dA = dC · B
                   ops.matmul(e.label, e.batch, e.n, e.k, e.m);  // dB = dCᵀ · A
                 },
                 [&](const MemoryElement& e) { ops.memory(e, e.backward_read, e.backward_write); },
                 [&](const AttentionElement& e) {
                   kernels::AttentionPrefillShape shape = e.shape;
                   shape.pass = kernels::Pass::backward;
                   ops.launch("attention", shape);
                 },
                 [&](const ExpertsElement& e) {
                   kernels::MoeShape shape = e.shape;
                   shape.pass = kernels::Pass::backward;
                   ops.launch("experts", shape);
                 },
                 [&](const EnterElement&) {},  // joined with the linear layer that follows it
                 [&](const LeaveElement&) {
                   if (ops.sequence_parallel()) ops.collective(CollectiveKind::all_gather);
                 },
             },
             element.block);
}

bool is_enter(const LayerElement& e) { return std::holds_alternative<EnterElement>(e.block); }
bool is_linear(const LayerElement& e) { return std::holds_alternative<LinearElement>(e.block); }

}  // namespace

std::vector<LayerOp> forward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements) {
  Ops ops(job, Activity::forward);
  for (const LayerElement& element : elements) add_forward(ops, element);
  return ops.take();
}

std::vector<LayerOp> recompute_ops(const TrainingJob& job, const std::vector<LayerElement>& elements, bool full) {
  Ops ops(job, Activity::recompute);
  for (const LayerElement& element : elements) {
    // A fused attention kernel recomputes its scores in the backward pass already.
    const bool again = full || (element.core_attention && !std::holds_alternative<AttentionElement>(element.block));
    if (again) add_forward(ops, element);
  }
  return ops.take();
}

std::vector<LayerOp> backward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements) {
  Ops ops(job, Activity::backward);
  for (std::size_t i = elements.size(); i-- > 0;) {
    add_backward(ops, elements[i], i > 0 && is_enter(elements[i - 1]) && is_linear(elements[i]));
  }
  return ops.take();
}

Flops matrix_flops(const std::vector<LayerOp>& ops) {
  Flops total;
  for (const LayerOp& op : ops) {
    if (op.kind != LayerOp::Kind::launch || std::holds_alternative<MemoryShape>(op.kernel)) continue;
    total += kernels::work(op.kernel).flops;
  }
  return total;
}

}  // namespace orrery::models
