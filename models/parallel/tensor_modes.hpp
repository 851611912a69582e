// How the ranks of a tensor-parallel group share a layer: in a line, or as a grid of two or three axes.
//
// A linear layer is Y[m, n] = X[m, k] · W[k, n]. Ranks in a line (Megatron-LM) share W alone; those of a grid share
// X, W and Y, so that no activation is whole on any rank, and exchange blocks of them for every product:
//   2d    q x q (SUMMA): block (i, j) of each operand on rank (i, j); q steps, each with a block of X along the row and
//         one of W along the column
//   2.5d  q x q x d: tokens are dealt to d such grids, which hold W each and sum its gradient along the depth
//   3d    q x q x q: blocks are gathered along one axis for each operand, products are summed along the third
// Ranks are numbered along the row first, then the column, then the depth: rank = row + q·(column + q·depth).
//
// What a rank has, against the whole: 1/token_ranks of the tokens, 1/width_ranks of each width, 1/weight_ranks of the
// weights. What a product exchanges is data, a list by pass; the layer's reading (layer/training_grid.hpp) turns it
// into collectives of the plan.
//
// Costs of one linear layer, forward and backward, against the whole operand (a ring's; ColossalAI,
// docs/source/en/features/{2D,2p5D,3D}_tensor_parallel.md): bytes over the wires of a communicator 6(q−1)/q,
// 3(q−1)(d+1)/(dq), and received by a rank 6(q−1)/q³; messages received by a rank 6(q−1) in each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/plan/plan.hpp"

namespace orrery::models {

/// Which ranks of a tensor-parallel group a collective is of: all, or those along an axis of its grid.
enum class GridAxis : std::uint8_t { all, row, column, depth };
inline constexpr std::array kGridAxes = {GridAxis::row, GridAxis::column, GridAxis::depth};
/// "row", "column", "depth".
[[nodiscard]] std::string_view name(GridAxis axis);

/// The shape of a group and what its ranks share.
struct TensorGrid {
  int side = 1;   ///< q; 1: no grid
  int depth = 1;  ///< d
  int token_ranks = 1, width_ranks = 1, weight_ranks = 1;

  [[nodiscard]] bool is_line() const { return side == 1 && depth == 1; }
  /// Ranks along an axis, at that distance in the group's numbering. REQUIRES an axis of the grid.
  [[nodiscard]] sim::Axis along(GridAxis axis) const;

  friend bool operator==(const TensorGrid&, const TensorGrid&) = default;
};

/// Of a product, as its kernel has them: gathered where the mode gathers.
enum class Operand : std::uint8_t { input, weight, output };

struct GridExchange {
  sim::CollectiveKind kind = sim::CollectiveKind::broadcast;
  Operand operand = Operand::input;
  GridAxis along = GridAxis::row;
};

/// One of a linear layer's three products: each of its steps waits for `before`, and its result leaves by `after`.
struct GridProduct {
  std::vector<GridExchange> before, after;
  std::vector<GridExchange> once;  ///< behind the last step
};

struct TensorModeRow {
  std::string_view name;  ///< "2.5d"
  std::string_view equation;
  std::string_view source;
  bool takes_depth = false;
  bool has_steps = false;         ///< a product is q steps of a q-th of it each, else one
  bool gathers = false;           ///< tokens of a product are those of q ranks; the gathered operands stay for backward
  GridAxis norm = GridAxis::row;  ///< along which a token's width is shared
  /// Whether there is a grid of so many ranks with that depth.
  bool (*has)(int ranks, int depth) = nullptr;
  /// REQUIRES has(ranks, depth).
  TensorGrid (*grid)(int ranks, int depth) = nullptr;
  GridProduct forward, input_gradient, weight_gradient;
};

[[nodiscard]] const std::vector<TensorModeRow>& tensor_parallel_modes();
[[nodiscard]] const TensorModeRow* find_tensor_parallel_mode(std::string_view name);

/// The sizes next to `ranks` that have a grid, the smaller first; one where none is smaller.
[[nodiscard]] std::vector<int> nearest_sizes(const TensorModeRow& row, int ranks, int depth);

/// The same exchange where input and output have changed places: the layer after one whose output lies along the
/// other axis (ColossalAI's swap of input and output groups).
[[nodiscard]] GridExchange swapped(const TensorModeRow& row, GridExchange exchange);

}  // namespace orrery::models
