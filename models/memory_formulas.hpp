// Closed forms of training memory and its communication, as the papers print them.
//
// They check the plan-based memory model and answer quick questions; nothing is simulated. Notation of the sources:
// s sequence, b microbatch, h hidden, a heads, L layers, V vocabulary, t tensor, p pipeline, m interleaved chunks,
// Ψ parameters, N data-parallel ranks.
// Limitations: a plain GPT block (MLP of 4h, as many key-value heads as heads, 16-bit activations, unfused attention
// with dropout).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "models/training/training.hpp"

namespace orrery::models {

/// Sizes that the activation formulas take.
struct ActivationShape {
  std::int64_t sequence = 0, microbatch = 1, hidden = 0, heads = 0;
  int tensor_parallel = 1;
  bool sequence_parallel = false;
};

/// Activations of one layer and microbatch on one GPU. — none: sbh(10 + 24/t + 5as/ht), with sequence parallelism
/// sbh/t·(34 + 5as/h); selective drops 5as/h; full keeps the layer's input, 2sbh, which
/// sequence parallelism holds in shards (2sbh/t).
/// Source: Korthikanti et al. 2022, arXiv:2205.05198 Table 2.
[[nodiscard]] Bytes activations_per_layer(const ActivationShape& shape, Recompute recompute);

/// Part of a layer's activations (one GPU, or sequence parallel) that selective recomputation drops:
/// (5as/h) / (34 + 5as/h). Source: ibid. §5.
[[nodiscard]] double selective_recompute_share(const ActivationShape& shape);

/// Layers whose activations the first stage holds at most: L where chunks = 1 (p microbatches of L/p layers), else
/// L·(1 + (p−1)/(p·m)). Source: ibid. §4.2.3. Limitations: at least p microbatches.
[[nodiscard]] double first_stage_layers_in_flight(std::int64_t layers, int stages, int chunks);

/// The embedding's dropout mask of every microbatch in flight on the first stage: sbh·p/t, with chunks > 1 times
/// 1 + (p−1)/(p·m). Source: ibid. §4.3.
[[nodiscard]] Bytes embedding_dropout_activations(const ActivationShape& shape, int stages, int chunks);

/// Final norm, head's input and fp32 logits of the last stage: 4sbh/t·(1 + V/h). Source: ibid. §4.3.
[[nodiscard]] Bytes output_activations(const ActivationShape& shape, std::int64_t vocab);

/// Bytes per parameter that training keeps.
struct ModelStateBytesPerParameter {
  std::string_view name;
  double weights, gradients, optimizer;
  bool shards_optimizer;  ///< the optimizer's part is divided by the data-parallel ranks
  std::string_view source;
};

/// zero_16, megatron_18, fused_20, distributed_optimizer.
[[nodiscard]] const std::vector<ModelStateBytesPerParameter>& model_state_presets();
[[nodiscard]] const ModelStateBytesPerParameter* find_model_state_preset(std::string_view name);
[[nodiscard]] Bytes model_state_memory(const ModelStateBytesPerParameter& preset, double parameters, int ranks);

/// Weights, gradients and Adam states of mixed precision on one of `ranks` GPUs, K = 12: stage 0: 16Ψ; 1: 4Ψ + 12Ψ/N;
/// 2: 2Ψ + 14Ψ/N; 3: 16Ψ/N. — REQUIRES 0 ≤ stage ≤ 3. Source: Rajbhandari et al. 2020, arXiv:1910.02054 figure 1.
[[nodiscard]] Bytes zero_memory(double parameters, int stage, int ranks);

/// Bytes that one GPU sends per step for 16-bit gradients and parameters, many ranks: 2Ψ values up to stage 2 (reduce-
/// scatter and all-gather), 3Ψ at stage 3. — REQUIRES 0 ≤ stage ≤ 3. Source: ibid. §7.
[[nodiscard]] Bytes zero_communication(double parameters, int stage);

/// All-reduces over the tensor-parallel group per layer and microbatch: 2 forward, 2 backward, 2 more where the whole
/// layer is computed again. Sequence parallelism splits each into a reduce-scatter and an all-gather of the same
/// volume. Source: Shoeybi et al. 2019, arXiv:1909.08053 §3. Limitations: the all-gather that sequence parallelism
/// repeats for weight gradients is not counted (it overlaps them).
[[nodiscard]] int tensor_parallel_all_reduces(Recompute recompute);

/// Bytes that one GPU sends for them in 16 bits by rings: count·2(t−1)/t·sbh·2. Source: ibid.; Narayanan et al. 2021,
/// arXiv:2104.04473 §3.2.
[[nodiscard]] Bytes tensor_parallel_traffic_per_layer(const ActivationShape& shape, Recompute recompute);

}  // namespace orrery::models
