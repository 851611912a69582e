#include "models/layer/serving.hpp"

#include <algorithm>
#include <utility>

#include "models/layer/serving_ops.hpp"

namespace orrery::models {
namespace {

using kernels::MemoryOp;

// Joins `element` to the one that its kernel is named after; false where it can't be.
bool join(LayerElement& into, const LayerElement& element) {
  if (auto* linear = std::get_if<Linear>(&into.block)) {
    const auto* more = std::get_if<Linear>(&element.block);
    if (more == nullptr) return false;
    for (const Width& out : more->out) linear->out.add(out);
    linear->biases += more->biases;
    linear->names.engine = into.fused;
    return true;
  }
  auto* norm = std::get_if<Norm>(&into.block);
  const auto* more = std::get_if<Norm>(&element.block);
  if (norm == nullptr || more == nullptr) return false;
  for (const Width& width : more->values) norm->values.add(width);
  norm->parameters += more->parameters;
  norm->names.engine = into.fused;
  return true;
}

std::vector<LayerElement> fused(const std::vector<LayerElement>& elements) {
  std::vector<LayerElement> result;
  for (const LayerElement& element : elements) {
    const auto first = std::find_if(result.begin(), result.end(), [&](const LayerElement& other) {
      return !element.fused.empty() && other.fused == element.fused;
    });
    if (first == result.end() || !join(*first, element)) result.push_back(element);
  }
  return result;
}

// Shared experts in front of the router, which all of the routed ones' elements follow.
void run_shared_first(std::vector<LayerElement>& elements) {
  const auto router = std::find_if(elements.begin(), elements.end(),
                                   [](const LayerElement& element) { return element.part == Part::router; });
  std::stable_partition(router, elements.end(), [](const LayerElement& element) { return element.on_shared; });
}

}  // namespace

void ServingOps::norm(const Norm& e, std::int64_t rows) {
  const Bytes bytes = (e.residual ? 2.0 : 1.0) * value_;
  const std::int64_t values = e.values.most_on_rank(r_.tensor);
  const std::int64_t of_token = e.row == 0 ? 1 : std::max<std::int64_t>(1, values / e.row);
  pass(e.names.engine, MemoryOp::norm, rows * values, bytes, bytes, rows * of_token);
}

Dtype ServingOps::format_of(const std::optional<WeightFormat>& stored, Dtype others) const {
  if (!stored || !r_.as_stored) return others;
  return is_quantised(stored->dtype) ? stored->dtype : r_.dtype;
}

void ServingOps::experts(const Experts& e, std::int64_t rows) {
  kernels::MoeShape shape;
  const Dtype dtype = format_of(e.stored, r_.weight_dtype);
  shape.dtype = dtype == Dtype::fp16 ? Dtype::bf16 : dtype;
  shape.tokens = rows;
  shape.hidden = e.hidden;
  shape.inter = e.inter;
  shape.topk = e.topk;
  shape.experts = e.experts;
  shape.tensor_parallel = r_.tensor;
  shape.gated = e.gated;
  shape.implementation = r_.kernels;
  launch("experts", shape);
}

void ServingOps::all_reduce(const Leave& e, std::int64_t rows) {
  if (r_.tensor == 1) return;
  LayerOp op;
  op.kind = LayerOp::Kind::collective;
  op.label = e.name;
  op.collective = sim::CollectiveKind::all_reduce;
  op.bytes = value_ * static_cast<double>(rows) * static_cast<double>(e.hidden);
  op.activity = sim::Activity::tensor_parallel;
  ops_.push_back(op);
}

void ServingOps::add(const LayerElement& element, std::int64_t rows) {
  std::visit(
      Overloaded{
          [&](const Norm& e) { norm(e, rows); },
          [&](const Linear& e) {
            const Dtype dtype = e.plain ? r_.dtype : format_of(e.stored, r_.weight_dtype);
            gemm(e.names.engine, dtype, rows, e.out.most_on_rank(r_.tensor), e.in.most_on_rank(r_.tensor));
          },
          [&](const Rotary& e) {
            pass("rotary", MemoryOp::rotary, rows * e.values.most_on_rank(r_.tensor), value_, value_, rows);
          },
          [&](const Activation& e) {
            const Bytes in = (e.gated ? 2.0 : 1.0) * value_;
            pass(e.names.engine, MemoryOp::activation, rows * e.inter.most_on_rank(r_.tensor), in, value_, rows);
          },
          [&](const TopK& e) { pass("top-k", MemoryOp::router, rows * e.experts, value_, {}); },
          [&](const Experts& e) { experts(e, rows); },
          [&](const AddShared& e) {
            pass("add shared experts", MemoryOp::elementwise, rows * e.hidden, 2.0 * value_, value_);
          },
          [&](const Embedding& e) { pass("embedding", MemoryOp::embedding, rows * e.width, value_, value_, rows); },
          [&](const PositionEmbedding& e) {
            if (!e.learned()) return;
            pass("position embedding", MemoryOp::elementwise, rows * e.hidden, 2.0 * value_, value_);
          },
          [&](const Leave& e) { all_reduce(e, rows); },
          [&](const Pass& e) {
            pass(e.names.engine, MemoryOp::elementwise, rows * e.values.most_on_rank(r_.tensor), e.read * value_,
                 value_);
          },
          [](const CoreAttention&) {},  // apart: depend on more than rows
          [](const SparseIndex&) {},
          [](const Recurrence&) {},
          [](const Residual&) {},  // part of the norm that follows
          [](const Output&) {},
          [](const Enter&) {},
      },
      element.block);
}

ServedLayer served(const std::vector<LayerElement>& elements) {
  ServedLayer layer;
  std::vector<LayerElement> all = fused(elements);
  run_shared_first(all);
  bool past = false;
  for (LayerElement& element : all) {
    const auto* linear = std::get_if<Linear>(&element.block);
    const bool core =
        std::holds_alternative<CoreAttention>(element.block) || std::holds_alternative<Recurrence>(element.block);
    past = past || core;
    const bool own =
        core || std::holds_alternative<SparseIndex>(element.block) || (linear != nullptr && linear->on_latent);
    (own ? layer.attention : past ? layer.after : layer.before).push_back(std::move(element));
  }
  return layer;
}

std::vector<LayerOp> serving_ops(const ServingReading& reading, const std::vector<LayerElement>& elements,
                                 std::int64_t rows) {
  ServingOps ops(reading);
  for (const LayerElement& element : elements) ops.add(element, rows);
  return ops.take();
}

kernels::MemoryShape warm_pass(MemoryOp op, std::int64_t elements, Bytes read, Bytes written) {
  const double all = static_cast<double>(elements);
  kernels::MemoryShape shape;
  shape.op = op;
  shape.elements = elements;
  shape.read = read * all;
  shape.written = written * all;
  shape.inputs = kernels::CacheState::warm;
  return shape;
}

std::int64_t absorbed_parameters(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  std::int64_t sum = 0;
  for (const LayerElement& element : elements) {
    const auto* linear = std::get_if<Linear>(&element.block);
    if (linear != nullptr && linear->on_latent) sum += linear->in.whole() * linear->out.most_on_rank(tensor);
  }
  return sum;
}

}  // namespace orrery::models
