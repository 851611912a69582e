// A transformer layer as an ordered list of elements, from which forward, recomputation and backward follow.
//
// The list describes one tensor-parallel rank and one microbatch. Each element knows its forward kernels and
// its backward kernels; backward runs the list in reverse. Tensor parallelism is two conjugate elements
// (Megatron-LM's f and g, Shoeybi et al. 2019 §3; with sequence parallelism their g-bar, Korthikanti et al.
// 2022 §4.2.2):
//
//   enter  forward: identity, or all_gather with sequence parallelism; backward: all_reduce or reduce_scatter,
//          beside the weight gradient of the linear layer that follows
//   leave  forward: all_reduce or reduce_scatter; backward: identity or all_gather
//
// Limitations: overlapping a collective with a GEMM slows neither down.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/kernel.hpp"
#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// Y[m, n] = X[m, k] · W[n, k]ᵀ. Backward: dX = dY · W and dW += dYᵀ · X.
struct LinearElement {
  std::string_view label;
  std::int64_t m = 0, n = 0, k = 0;
};

/// C[m, n] = A[m, k] · B[n, k]ᵀ for each of `batch` heads, both operands activations.
struct MatmulElement {
  std::string_view label;
  std::int64_t batch = 0, m = 0, n = 0, k = 0;
};

/// Bytes per element of the forward and backward pass over `elements` values.
struct MemoryElement {
  std::string_view label;
  kernels::MemoryOp op = kernels::MemoryOp::elementwise;
  std::int64_t elements = 0;
  double forward_read = 0, forward_write = 0, backward_read = 0, backward_write = 0;
};

struct AttentionElement {
  kernels::AttentionPrefillShape shape;
};

struct ExpertsElement {
  kernels::MoeShape shape;
};

struct EnterElement {};
struct LeaveElement {};

struct LayerElement {
  std::variant<LinearElement, MatmulElement, MemoryElement, AttentionElement, ExpertsElement, EnterElement,
               LeaveElement>
      block;
  bool core_attention = false;  ///< what selective recomputation runs again
};

/// What a list of elements becomes: kernels and collectives in stream order.
struct LayerOp {
  enum class Kind : std::uint8_t {
    launch,
    collective,         ///< compute waits for it
    start_collective,   ///< runs beside the launches that follow …
    finish_collectives  ///< … until here
  };
  Kind kind = Kind::launch;
  std::string_view label;
  kernels::Kernel kernel;
  sim::CollectiveKind collective = sim::CollectiveKind::all_reduce;
  Bytes bytes;
  sim::Activity activity = sim::Activity::forward;
};

/// Bytes of one activation or weight: 4 in fp32 and tf32, else 2 (fp8 and nvfp4 quantise on the way into a GEMM).
[[nodiscard]] double activation_size(const TrainingConfig& config);
/// What attention is computed in: fp8 and nvfp4 trainers keep it in bf16.
[[nodiscard]] Dtype attention_dtype(const TrainingConfig& config);

/// Sizes that every element needs, worked out once per job.
struct LayerSizes {
  explicit LayerSizes(const TrainingJob& job);

  std::int64_t batch = 0;         ///< sequences per microbatch, b
  std::int64_t sequence = 0;      ///< s
  std::int64_t tokens = 0;        ///< s · b
  std::int64_t shard_tokens = 0;  ///< s · b / t with sequence parallelism, else s · b
  std::int64_t tensor = 1;        ///< t
  Bytes boundary;                 ///< activation tensor [tokens, hidden] between layers
};

[[nodiscard]] std::vector<LayerElement> layer_elements(const TrainingJob& job, std::int64_t layer);
/// Token and position embedding, dropout; the first stage's front.
[[nodiscard]] std::vector<LayerElement> embedding_elements(const TrainingJob& job);
/// Final norm, logits, loss; the last stage's end.
[[nodiscard]] std::vector<LayerElement> head_elements(const TrainingJob& job);

[[nodiscard]] std::vector<LayerOp> forward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements);
/// What is run again before the backward pass under `job.config.recompute`.
[[nodiscard]] std::vector<LayerOp> recompute_ops(const TrainingJob& job, const std::vector<LayerElement>& elements,
                                                 bool full);
[[nodiscard]] std::vector<LayerOp> backward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements);

/// Matrix FLOPs of the launches (attention causal or full as the kernels count them).
[[nodiscard]] Flops matrix_flops(const std::vector<LayerOp>& ops);

}  // namespace orrery::models
