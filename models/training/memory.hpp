// Bytes that training keeps on a GPU.
//
// Model states per parameter: weights 2 (4 in fp32), gradients 2 or 4, optimizer 8 (two fp32 moments) plus 4
// with master weights; ZeRO-1 divides the optimizer part by the data-parallel degree (Rajbhandari et al. 2020
// §5.1; Megatron-LM megatron/training/theoretical_memory_usage.py). Workers that synchronise every so many steps have 8
// more, momentum and weights of the last exchange, over their data-parallel ranks (outer.hpp).
//
// Activations are what the layers' elements keep (models/layer/activations.hpp), less what recomputation drops; experts
// keep those of the most loaded rank, tokens times the imbalance.
#pragma once

#include <cstdint>

#include "hardware/units.hpp"
#include "models/training/training.hpp"

namespace orrery::models {

struct ModelStateBytes {
  Bytes weights, gradients, optimizer;
};

/// Of `parameters` parameters on one rank, with `data_parallel` replicas in a worker.
[[nodiscard]] ModelStateBytes model_states(const TrainingConfig& config, std::int64_t parameters, int data_parallel);

/// What one layer keeps from its forward to its backward pass, under the job's recomputation.
[[nodiscard]] Bytes layer_activations(const TrainingJob& job, std::int64_t layer, bool recomputed);
/// What comes back while the layer's backward pass runs: everything of a recomputed layer, the scores under
/// selective recomputation, else nothing. A buffer of the workspace: one layer has it at a time.
[[nodiscard]] Bytes recomputed_activations(const TrainingJob& job, std::int64_t layer, bool recomputed);
/// Embedding dropout mask of the first stage.
[[nodiscard]] Bytes embedding_activations(const TrainingJob& job);
/// Final norm input, head input and logits of the last stage: fp32, or 16-bit with a fused loss.
[[nodiscard]] Bytes head_activations(const TrainingJob& job);
/// cuBLAS and NCCL buffers that live through the step, those of the expert exchange (ExchangeRow::buffers), and the
/// blocks that ranks of a grid exchange.
[[nodiscard]] Bytes workspace(const TrainingJob& job);

/// Of that the blocks that ranks of a grid exchange: of the linear layer with the largest, the head among them.
[[nodiscard]] Bytes grid_buffers(const TrainingJob& job);

}  // namespace orrery::models
