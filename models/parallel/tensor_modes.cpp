#include "models/parallel/tensor_modes.hpp"

#include <algorithm>

namespace orrery::models {

namespace {

using sim::CollectiveKind;

constexpr std::array<std::string_view, 4> kAxisNames = {"all", "row", "column", "depth"};

/// Larger groups than the reader takes.
constexpr int kMostRanks = 4'000'000;

int square_root(int n) {
  int q = 1;
  while (static_cast<std::int64_t>(q + 1) * (q + 1) <= n) ++q;
  return q;
}

int cube_root(int n) {
  int q = 1;
  while (static_cast<std::int64_t>(q + 1) * (q + 1) * (q + 1) <= n) ++q;
  return q;
}

bool has_line(int ranks, int depth) { return ranks >= 1 && depth == 1; }
TensorGrid line(int ranks, int) { return {1, 1, 1, ranks, ranks}; }

bool has_layers(int ranks, int depth) {
  if (depth < 1 || ranks % depth != 0) return false;
  const int q = square_root(ranks / depth);
  return q > 1 && q * q * depth == ranks;
}
TensorGrid layers(int ranks, int depth) {
  const int q = square_root(ranks / depth);
  return {q, depth, depth * q, q, q * q};
}

bool has_square(int ranks, int depth) { return depth == 1 && has_layers(ranks, 1); }

bool has_cube(int ranks, int depth) {
  const int q = cube_root(ranks);
  return depth == 1 && q > 1 && q * q * q == ranks;
}
TensorGrid cube(int ranks, int) {
  const int q = cube_root(ranks);
  return {q, q, q * q, q, ranks};
}

TensorModeRow line_row() {
  TensorModeRow row;
  row.name = "1d";
  row.equation = "W/t on a rank, activations whole: two all_reduces of m·h a block forward, two backward";
  row.source = "Shoeybi et al. 2019, arXiv:1909.08053 section 3";
  row.has = has_line;
  row.grid = line;
  return row;
}

// Steps of SUMMA. C = A·B: blocks of A along the row, of B along the column. A' = C'·Bᵀ: blocks of B along the column,
// sums of A' along the row. B' = Aᵀ·C': blocks of A along the row, sums of B' along the column.
void use_summa(TensorModeRow& row) {
  constexpr auto broadcast = CollectiveKind::broadcast, reduce = CollectiveKind::reduce;
  row.has_steps = true;
  const GridExchange input{broadcast, Operand::input, GridAxis::row};
  const GridExchange weight{broadcast, Operand::weight, GridAxis::column};
  row.forward = {{input, weight}, {}, {}};
  row.input_gradient = {{weight}, {{reduce, Operand::input, GridAxis::row}}, {}};
  row.weight_gradient = {{input}, {{reduce, Operand::weight, GridAxis::column}}, {}};
}

TensorModeRow square_row() {
  TensorModeRow row;
  row.name = "2d";
  row.equation = "t = q²: q steps of a product, each a broadcast of X/q² along the row and of W/q² along the column";
  row.source = "Xu et al. 2021 (Optimus), arXiv:2104.05343; code: xuqifan897/Optimus, summa/mpu/layers.py";
  row.has = has_square;
  row.grid = layers;
  use_summa(row);
  return row;
}

TensorModeRow layers_row() {
  TensorModeRow row;
  row.name = "2.5d";
  row.equation = "t = d·q²: 2d in each of d layers with a d-th of the tokens; W's gradient all_reduced over the d";
  row.source = "Wang et al. 2021 (Tesseract), arXiv:2105.14500 section 3";
  row.takes_depth = true;
  row.has = has_layers;
  row.grid = layers;
  use_summa(row);
  row.weight_gradient.once = {{CollectiveKind::all_reduce, Operand::weight, GridAxis::depth}};
  return row;
}

// ColossalAI keeps what the forward pass gathered: six exchanges, not eight (nn/layer/parallel_3d/_operation.py,
// _Linear3D). Its groups: ranks that share a weight are neighbours, then those of an input, then those of an output
// (context/process_group_initializer/initializer_3d.py).
TensorModeRow cube_row() {
  constexpr auto gather = CollectiveKind::all_gather, scatter = CollectiveKind::reduce_scatter;
  TensorModeRow row;
  row.name = "3d";
  row.equation = "t = q³: all_gathers of X/q³ and W/q³ over q ranks each, a reduce_scatter of Y over the third axis";
  row.source = "Bian et al. 2021, arXiv:2105.14450 section 3; code: ColossalAI nn/layer/parallel_3d/_operation.py";
  row.gathers = true;
  row.norm = GridAxis::depth;
  row.has = has_cube;
  row.grid = cube;
  row.forward = {{{gather, Operand::input, GridAxis::column}, {gather, Operand::weight, GridAxis::row}},
                 {{scatter, Operand::output, GridAxis::depth}},
                 {}};
  row.input_gradient = {
      {{gather, Operand::output, GridAxis::depth}}, {{scatter, Operand::input, GridAxis::column}}, {}};
  row.weight_gradient = {{}, {{scatter, Operand::weight, GridAxis::row}}, {}};
  return row;
}

}  // namespace

std::string_view name(GridAxis axis) { return kAxisNames[static_cast<std::size_t>(axis)]; }

sim::Axis TensorGrid::along(GridAxis axis) const {
  switch (axis) {
    case GridAxis::row:
      return {side, 1};
    case GridAxis::column:
      return {side, side};
    case GridAxis::depth:
      return {depth, side * side};
    case GridAxis::all:
      break;
  }
  return {side * side * depth, 1};
}

const std::vector<TensorModeRow>& tensor_parallel_modes() {
  static const std::vector<TensorModeRow> rows = {line_row(), square_row(), layers_row(), cube_row()};
  return rows;
}

const TensorModeRow* find_tensor_parallel_mode(std::string_view name) {
  const std::vector<TensorModeRow>& rows = tensor_parallel_modes();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const TensorModeRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::vector<int> nearest_sizes(const TensorModeRow& row, int ranks, int depth) {
  std::vector<int> sizes;
  for (int below = ranks; below >= 1 && sizes.empty(); --below) {
    if (row.has(below, depth)) sizes.push_back(below);
  }
  for (int above = ranks + 1; above <= kMostRanks; ++above) {
    if (!row.has(above, depth)) continue;
    sizes.push_back(above);
    break;
  }
  return sizes;
}

// A square's axes are of rows and columns whatever the layer; a cube's input and output axes change places.
GridExchange swapped(const TensorModeRow& row, GridExchange exchange) {
  if (!row.gathers || exchange.along == GridAxis::row) return exchange;
  exchange.along = exchange.along == GridAxis::column ? GridAxis::depth : GridAxis::column;
  return exchange;
}

}  // namespace orrery::models
