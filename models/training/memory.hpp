// Bytes that training keeps on a GPU.
//
// Model states per parameter: weights 2 (4 in fp32), gradients 2 or 4, optimizer 8 (two fp32 moments) plus 4
// with master weights; ZeRO-1 divides the optimizer part by the data-parallel degree (Rajbhandari et al. 2020
// §5.1; Megatron-LM megatron/training/theoretical_memory_usage.py).
//
// Activations of one layer and microbatch, per tensor-parallel rank, follow Korthikanti et al. 2022 §4 with
// grouped queries, gated MLPs and fused attention added. T = s·b tokens, t = tensor-parallel degree; with
// sequence parallelism the terms marked * are divided by t as well:
// The 2 is the size of a 16-bit activation; fp32 and tf32 have 4.
//   norm inputs 2·2·T·h *, inputs of qkv and mlp 2·2·T·h *, dropout masks 2·T·h *
//   q, k, v and the output projection's input 2·T·(2·heads + 2·kv_heads)·d/t
//   scores: unfused 2·a·s²·b/t for softmax, and with dropout 1 + 2 more for mask and output; fused 4·T·a/t
//   MLP 2·T·(up + inter)/t where up = inter, or 2·inter when gated
// Experts keep the MLP terms for topk rows per token, plus the permuted input.
#pragma once

#include <cstdint>

#include "hardware/units.hpp"
#include "models/training/training.hpp"

namespace orrery::models {

struct ModelStateBytes {
  Bytes weights, gradients, optimizer;
};

/// Of `parameters` parameters on one rank, with `data_parallel` replicas.
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
/// cuBLAS and NCCL buffers that live through the step.
[[nodiscard]] Bytes workspace(const TrainingJob& job);

}  // namespace orrery::models
