#include "models/layer/training_grid.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>
#include <variant>

namespace orrery::models {
namespace {

using sim::CollectiveKind;

/// Y[m, n] = X[m, k] · W[k, n] as the kernel of one step has it.
struct Block {
  std::int64_t m = 0, k = 0, n = 0;

  [[nodiscard]] std::int64_t values(Operand operand) const {
    switch (operand) {
      case Operand::input:
        return m * k;
      case Operand::weight:
        return k * n;
      case Operand::output:
        break;
    }
    return m * n;
  }
};

Block block_of(const TrainingReading& r, std::int64_t k, std::int64_t n) {
  return {r.tokens() * (r.mode->gathers ? r.grid.side : 1), k, n};
}

Block block_of(const TrainingReading& r, const Linear& linear) {
  return block_of(r, linear.in.on_rank(r.tensor), linear.out.on_rank(r.tensor));
}

/// The table on a rank: its rows are the operand that the tokens pick from.
Block block_of(const TrainingReading& r, const Embedding& embedding) {
  return block_of(r, (embedding.vocab + r.tensor - 1) / r.tensor, embedding.width);
}

/// Whether a product's input and output groups have changed places (TensorModeRow, swapped()).
bool is_swapped(const LayerElement& element) {
  const auto* linear = std::get_if<Linear>(&element.block);
  return linear == nullptr || linear->leaves;  // the embedding's output lies as a layer's input
}

/// One product with what it waits for and what it leaves.
struct GridStep {
  std::vector<GridExchange> before, after;
  std::function<void()> product;
};

/// Writes the steps of an element's products, exchanges of neighbours beside each other's kernels.
class StepWriter {
 public:
  StepWriter(TrainingOps& ops, const Block& block, bool swapped) : ops_(ops), block_(block), swapped_(swapped) {}

  void add(GridStep step) { steps_.push_back(std::move(step)); }
  /// The steps of one product: as many as the mode has.
  void add(const GridProduct& product, const std::function<void(bool first)>& kernels) {
    const TrainingReading& r = ops_.reading();
    for (int i = 0; i < (r.mode->has_steps ? r.grid.side : 1); ++i) {
      add({product.before, product.after, [kernels, i] { kernels(i == 0); }});
    }
  }

  // Who runs a step has waited for what it needs alone: what the step before left is sent behind that.
  void write() {
    start(steps_.front().before);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!steps_[i].before.empty()) finish();
      if (i > 0) start(steps_[i - 1].after);
      if (i + 1 < steps_.size()) start(steps_[i + 1].before);
      steps_[i].product();
    }
    start(steps_.back().after);
    finish();
  }

  void exchange(const std::vector<GridExchange>& exchanges, bool overlapped) {
    const TrainingReading& r = ops_.reading();
    for (const GridExchange& one : exchanges) {
      const GridAxis along = (swapped_ ? swapped(*r.mode, one) : one).along;
      if (r.grid.along(along).count == 1) continue;
      ops_.collective(one.kind, along, r.value * static_cast<double>(block_.values(one.operand)), overlapped);
      is_open_ = is_open_ || overlapped;
    }
  }

 private:
  void start(const std::vector<GridExchange>& exchanges) { exchange(exchanges, true); }
  void finish() {
    if (std::exchange(is_open_, false)) ops_.finish_collectives();
  }

  TrainingOps& ops_;
  Block block_;
  bool swapped_;
  bool is_open_ = false;  ///< something was started that nobody has waited for
  std::vector<GridStep> steps_;
};

std::vector<GridExchange> those(const std::vector<GridExchange>& exchanges, bool (*wanted)(Operand)) {
  std::vector<GridExchange> out;
  std::copy_if(exchanges.begin(), exchanges.end(), std::back_inserter(out),
               [&](const GridExchange& one) { return wanted(one.operand); });
  return out;
}
bool is_output(Operand operand) { return operand == Operand::output; }
bool is_no_input(Operand operand) { return operand != Operand::input; }

/// Without the operand that a table's lookups have not.
GridProduct without_input(const GridProduct& product) {
  return {those(product.before, is_no_input), those(product.after, is_no_input), those(product.once, is_no_input)};
}

// Both codes add a step's product by a kernel of its own: C.add_(A·B).
void add_partial(TrainingOps& ops, const Block& block) {
  const Bytes value = ops.reading().value;
  ops.forward({"add product", kernels::MemoryOp::elementwise, block.m * block.n, 2.0 * value, value, {}, {}});
}

void norm_sums(TrainingOps& ops, const Norm& norm) {
  const TrainingReading& r = ops.reading();
  if (norm.summed == 0) return;
  const double sums = static_cast<double>(r.tokens() * norm.summed);
  ops.collective(CollectiveKind::all_reduce, r.mode->norm, Bytes{4.0} * sums, false);
}

void linear_forward(TrainingOps& ops, const LayerElement& element) {
  const Linear& linear = std::get<Linear>(element.block);
  const Block block = block_of(ops.reading(), linear);
  StepWriter steps(ops, block, is_swapped(element));
  steps.add(ops.reading().mode->forward, [&](bool first) {
    ops.gemm(linear.names.trainer, block.m, block.n, block.k);
    if (!first) add_partial(ops, block);
  });
  steps.write();
}

void embedding_forward(TrainingOps& ops, const LayerElement& element) {
  const Block block = block_of(ops.reading(), std::get<Embedding>(element.block));
  MemoryPass lookup = *memory_pass(ops.reading(), element);
  lookup.elements = block.m * block.n;
  StepWriter steps(ops, block, is_swapped(element));
  steps.add(without_input(ops.reading().mode->forward), [&](bool first) {
    ops.forward(lookup);
    if (!first) add_partial(ops, block);
  });
  steps.write();
}

// The sum of the steps' products is in 16 bit; it joins the gradient that the optimizer reads, in fp32 at most.
void finish_gradient(TrainingOps& ops, StepWriter& steps, const LayerElement& element, const Block& block) {
  steps.exchange(ops.reading().mode->weight_gradient.once, false);
  ops.gradient_pass("accumulate gradient", block.values(Operand::weight), ops.reading().value + Bytes{4.0}, Bytes{4.0});
  ops.finish_weights(element);
}

void linear_gradients(TrainingOps& ops, const LayerElement& element, Gradients which) {
  const Linear& linear = std::get<Linear>(element.block);
  const TensorModeRow& mode = *ops.reading().mode;
  const Block block = block_of(ops.reading(), linear);
  StepWriter steps(ops, block, is_swapped(element));
  if (which != Gradients::weights) {
    steps.add(mode.input_gradient, [&](bool) { ops.gemm(linear.names.trainer, block.m, block.k, block.n); });
  }
  if (which != Gradients::inputs) {
    GridProduct product = mode.weight_gradient;
    if (which == Gradients::weights) {  // alone it needs the output's gradient as the other product does
      const std::vector<GridExchange> output = those(mode.input_gradient.before, is_output);
      product.before.insert(product.before.end(), output.begin(), output.end());
    }
    steps.add(product, [&](bool) { ops.partial_gradient(linear.names.trainer, block.n, block.k, block.m); });
  }
  steps.write();
  if (which != Gradients::inputs) finish_gradient(ops, steps, element, block);
}

void embedding_gradient(TrainingOps& ops, const LayerElement& element) {
  const TensorModeRow& mode = *ops.reading().mode;
  const Block block = block_of(ops.reading(), std::get<Embedding>(element.block));
  MemoryPass scatter = *memory_pass(ops.reading(), element);
  scatter.elements = block.m * block.n;
  GridProduct product = without_input(mode.weight_gradient);
  product.before = those(mode.input_gradient.before, is_output);
  StepWriter steps(ops, block, is_swapped(element));
  steps.add(product, [&](bool) { ops.backward(scatter); });
  steps.write();
  finish_gradient(ops, steps, element, block);
}

std::int64_t ceiling(std::int64_t values, int ranks) { return (values + ranks - 1) / ranks; }

Width shared(const Width& width) { return {width.count, width.size, true}; }

Widths shared(const Widths& widths) {
  Widths out;
  for (const Width& width : widths) out.add(shared(width));
  return out;
}

void share(LayerElement& element, int ranks, NormKind norms) {
  element.kept = shared(element.kept);
  std::visit(Overloaded{
                 [&](Norm& e) {
                   const bool is_whole =
                       std::none_of(e.values.begin(), e.values.end(), [](const Width& width) { return width.split; });
                   if (is_whole) e.summed = norms == NormKind::layer_norm ? 2 : 1;  // squares, and of one the values
                   e.values = shared(e.values);
                 },
                 [&](Linear& e) {
                   e.leaves = e.in.split;
                   e.in = shared(e.in), e.out = shared(e.out);
                 },
                 [&](Rotary& e) { e.values = shared(e.values); },
                 [&](Residual& e) { e.hidden /= ranks; },
                 [&](Embedding& e) { e.width /= ranks; },
                 [&](PositionEmbedding& e) { e.hidden /= ranks; },
                 [](auto&) {},
             },
             element.block);
}

}  // namespace

std::vector<LayerElement> share_on_grid(std::vector<LayerElement> elements, const TensorGrid& grid, NormKind norms) {
  for (LayerElement& element : elements) share(element, grid.width_ranks, norms);
  return elements;
}

std::string_view unshared_block(const std::vector<LayerElement>& elements) {
  for (const LayerElement& element : elements) {
    const std::string_view what =
        std::visit(Overloaded{
                       [](const Experts&) -> std::string_view { return "routed experts"; },
                       [](const TopK&) -> std::string_view { return "routed experts"; },
                       [](const AddShared&) -> std::string_view { return "shared experts"; },
                       [](const SparseIndex&) -> std::string_view { return "an index of keys"; },
                       [](const Recurrence&) -> std::string_view { return "recurrent layers"; },
                       [](const Pass& e) -> std::string_view { return e.names.trainer; },
                       [](const CoreAttention& e) -> std::string_view {
                         if (e.latent_dim > 0) return "latent attention";
                         return e.compress > 0 ? "compressed attention" : "";
                       },
                       [](const auto&) -> std::string_view { return ""; },
                   },
                   element.block);
    if (!what.empty()) return what;
  }
  return "";
}

bool add_grid_forward(TrainingOps& ops, const LayerElement& element) {
  if (const auto* norm = std::get_if<Norm>(&element.block)) {
    norm_sums(ops, *norm);
    return false;
  }
  if (std::holds_alternative<Linear>(element.block)) {
    linear_forward(ops, element);
    return true;
  }
  if (!std::holds_alternative<Embedding>(element.block)) return false;
  embedding_forward(ops, element);
  return true;
}

bool add_grid_gradients(TrainingOps& ops, const LayerElement& element, Gradients which) {
  if (const auto* norm = std::get_if<Norm>(&element.block)) {
    if (which != Gradients::weights) norm_sums(ops, *norm);
    return false;
  }
  if (std::holds_alternative<Linear>(element.block)) {
    linear_gradients(ops, element, which);
    return true;
  }
  if (!std::holds_alternative<Embedding>(element.block)) return false;
  if (which != Gradients::inputs) embedding_gradient(ops, element);
  return true;
}

std::int64_t rank_parameters(const RankShare& share, const TensorGrid& grid) {
  const std::int64_t whole = grid.is_line() ? share.whole : ceiling(share.whole, grid.width_ranks);
  return ceiling(share.divided, grid.weight_ranks) + whole;
}

std::int64_t rank_parameters(const RankWeights& weights, const TrainingReading& r) {
  if (!r.is_on_grid()) return weights.parameters(r.tensor);
  std::int64_t sum = rank_parameters(weights.linear, r.grid) + rank_parameters(weights.plain, r.grid);
  for (const StoredShare& other : weights.stored) sum += rank_parameters(other.share, r.grid);
  return sum;
}

Bytes gathered_bytes(const TrainingReading& r, const std::vector<LayerElement>& elements) {
  Bytes sum;
  if (!r.is_on_grid() || !r.mode->gathers) return sum;
  for (const LayerElement& element : elements) {
    const auto* linear = std::get_if<Linear>(&element.block);
    if (linear == nullptr) continue;
    const Block block = block_of(r, *linear);
    sum += r.value * static_cast<double>((block.m - r.tokens()) * block.k + block.values(Operand::weight));
  }
  return sum;
}

Bytes exchanged_blocks(const TrainingReading& r, const std::vector<LayerElement>& elements, bool overlapped) {
  std::int64_t most = 0;
  if (!r.is_on_grid()) return Bytes{};
  for (const LayerElement& element : elements) {
    const auto* linear = std::get_if<Linear>(&element.block);
    if (linear == nullptr) continue;
    const Block block = block_of(r, *linear);
    const std::int64_t other = block.values(r.mode->gathers ? Operand::output : Operand::weight);
    most = std::max(most, block.values(Operand::input) + other);
  }
  return r.value * static_cast<double>(most * (overlapped && !r.mode->gathers ? 2 : 1));
}

}  // namespace orrery::models
