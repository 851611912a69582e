// A layer whose tensor-parallel ranks form a grid (parallel/tensor_modes.hpp): elements as a rank of it has them, and
// the exchanges of their products.
//
// Outside linear layers a rank works on its block alone: tokens/token_ranks of them, a width_ranks-th of every width,
// heads among the widths, whole sequences among the tokens. A norm adds up two values of a token (RMSNorm: one) over
// the ranks that share its width, in fp32, forward and backward. The embedding is a product with the tokens' one-hot
// rows, without that operand: blocks of the table go along the column (Optimus §3.2.1).
//
// Products follow each other in steps: what the next step waits for is exchanged beside the product of this one, and
// what a step leaves beside the next one's (ColossalAI's double buffers, nn/layer/parallel_2d/_operation.py), where
// collectives may overlap at all; Optimus's own code waits for each.
//
// Limitations: biases, gains, and position rows are exchanged by nobody, nor are their gradients; the
// copies of blocks into buffers are not priced; the loss's exchange over a shared vocabulary is not priced, as in a
// line.
#pragma once

#include <cstdint>
#include <vector>

#include "models/layer/layer.hpp"
#include "models/layer/parameters.hpp"
#include "models/layer/training.hpp"
#include "models/layer/training_kernels.hpp"

namespace orrery::models {

enum class Gradients : std::uint8_t { both, inputs, weights };

/// The elements with every width shared by the ranks of the grid's width; a norm adds up values of a token as its kind
/// does. REQUIRES unshared_block().empty().
[[nodiscard]] std::vector<LayerElement> share_on_grid(std::vector<LayerElement> elements, const TensorGrid& grid,
                                                      NormKind norms);
/// What of the elements no grid has been written for: "routed experts"; empty: nothing.
[[nodiscard]] std::string_view unshared_block(const std::vector<LayerElement>& elements);

/// Adds what the grid's ranks exchange for the element; true: with its kernels, which nobody else adds then.
bool add_grid_forward(TrainingOps& ops, const LayerElement& element);
bool add_grid_gradients(TrainingOps& ops, const LayerElement& element, Gradients which);

/// A rank's parameters of what is divided among it and others: gains are whole on a line and of a rank's width on a
/// grid.
[[nodiscard]] std::int64_t rank_parameters(const RankWeights& weights, const TrainingReading& reading);
[[nodiscard]] std::int64_t rank_parameters(const RankShare& share, const TensorGrid& grid);

/// What linear layers keep beside their blocks until the backward pass: gathered inputs and weights of a mode that
/// gathers, Σ (q − 1)·X/t + W·q/t; else nothing.
[[nodiscard]] Bytes gathered_bytes(const TrainingReading& reading, const std::vector<LayerElement>& elements);
/// The largest blocks of others that a step has at a time, twice where the next step's come in meanwhile; of a mode
/// that gathers the operands that the backward pass gathers.
[[nodiscard]] Bytes exchanged_blocks(const TrainingReading& reading, const std::vector<LayerElement>& elements,
                                     bool overlapped);

}  // namespace orrery::models
