// A layer as training runs it, on one tensor-parallel rank and for one microbatch: one function per pass.
//
// The kernels are Megatron-LM's: fused bias+GELU, bias+dropout+add and scale+mask+softmax; biases are epilogues. The
// backward pass runs the list in reverse. Gradients of inputs, which the stage before waits for, and of weights, which
// only the optimizer does, may run as passes of their own (zero-bubble schedules, Qi et al. 2023, arXiv:2401.10241 §2)
// or interleaved, where they hide the collectives of the tensor-parallel group:
//   - the input's gradient is reduced beside the weight gradient of the linear layer after `enter`;
//   - with sequence parallelism the input shard that was kept is gathered again beside the input gradient
//     (Korthikanti et al. 2022 §4.2.2; Megatron-LM LinearWithGradAccumulationAndAsyncCommunication).
//
// Limitations: overlapping a collective with a GEMM slows neither down; norms' gains have no gradient kernel of their
// own; the experts' backward kernel gives both gradients and counts as the input's; adding the shared experts' output
// to the routed ones' is not priced; a recurrence is a pass over memory, its products of a chunk are not.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/ops.hpp"
#include "models/parallel/tensor_modes.hpp"

namespace orrery::models {

/// How a layer is read: sizes of a microbatch, and what the trainer chose.
struct TrainingReading {
  std::int64_t batch = 1;     ///< sequences, b
  std::int64_t sequence = 0;  ///< s
  std::int64_t tensor = 1;    ///< ranks, t
  bool sequence_parallel = false;
  bool dropout = false;           ///< stores masks of a byte per value
  bool fused_attention = true;    ///< else scores, softmax and dropout each pass through memory
  bool fused_loss = false;        ///< one kernel reads 16-bit logits and writes their gradient in place
  Dtype precision = Dtype::bf16;  ///< of linear layers
  Dtype attention_precision = Dtype::bf16;
  Bytes value{2.0};                  ///< of an activation
  std::int64_t expert_parallel = 1;  ///< ranks that share the routed experts; above 1 tensor is 1
  double expert_imbalance = 1.0;     ///< ExchangeShape::imbalance
  /// Ranks that share activations too: `batch` and `tensor` are then what one of them has, batch/token_ranks sequences
  /// and a width_ranks-th of each width. nullptr: ranks in a line.
  const TensorModeRow* mode = nullptr;
  TensorGrid grid = {};

  [[nodiscard]] bool is_on_grid() const { return mode != nullptr; }
  [[nodiscard]] std::int64_t tokens() const { return batch * sequence; }
  [[nodiscard]] bool shards_sequence() const { return sequence_parallel && tensor > 1; }
  /// Of one rank outside the tensor-parallel region.
  [[nodiscard]] std::int64_t shard_tokens() const { return shards_sequence() ? tokens() / tensor : tokens(); }
};

[[nodiscard]] std::vector<LayerOp> forward_ops(const TrainingReading& reading,
                                               const std::vector<LayerElement>& elements);
/// What is run again before the backward pass: all of it, or the core attention alone; of that a fused kernel
/// recomputes its scores in the backward pass already.
[[nodiscard]] std::vector<LayerOp> recompute_ops(const TrainingReading& reading,
                                                 const std::vector<LayerElement>& elements, bool full);

/// Both gradients, each linear layer's input before its weight.
[[nodiscard]] std::vector<LayerOp> backward_ops(const TrainingReading& reading,
                                                const std::vector<LayerElement>& elements);
/// The gradient of the layer's input alone; its collectives hide behind nothing.
[[nodiscard]] std::vector<LayerOp> input_gradient_ops(const TrainingReading& reading,
                                                      const std::vector<LayerElement>& elements);
/// The weights' gradients alone, from outputs' gradients that the pass above has left.
[[nodiscard]] std::vector<LayerOp> weight_gradient_ops(const TrainingReading& reading,
                                                       const std::vector<LayerElement>& elements);

}  // namespace orrery::models
