// What training's passes share: kernels of an element, appended in stream order. Private to training_*.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "models/layer/training.hpp"

namespace orrery::models {

/// A pass over `elements` values and the bytes of each that it moves, forward and backward.
struct MemoryPass {
  std::string_view label;
  kernels::MemoryOp op = kernels::MemoryOp::elementwise;
  std::int64_t elements = 0;
  Bytes forward_read, forward_written, backward_read, backward_written;
};

/// The pass over memory that an element is; none of one that is something else.
[[nodiscard]] std::optional<MemoryPass> memory_pass(const TrainingReading& reading, const LayerElement& element);

/// Unfused attention, Korthikanti et al. 2022 fig. 3.
[[nodiscard]] MemoryPass softmax_pass(const TrainingReading& reading, const CoreAttention& attention);
[[nodiscard]] MemoryPass attention_dropout_pass(const TrainingReading& reading, const CoreAttention& attention);

[[nodiscard]] kernels::AttentionPrefillShape attention_shape(const TrainingReading& reading,
                                                             const CoreAttention& attention);
/// Keys that a query's scores of an index are of: half the sequence on average.
[[nodiscard]] inline std::int64_t index_keys(const TrainingReading& reading, const SparseIndex& index) {
  return std::max<std::int64_t>(1, reading.sequence / (2 * index.compress));
}
[[nodiscard]] kernels::MoeShape experts_shape(const TrainingReading& reading, const Experts& experts);

class TrainingOps {
 public:
  TrainingOps(const TrainingReading& reading, sim::Activity activity) : reading_(reading), activity_(activity) {}

  /// C[m, n] = A[m, k] · B[n, k]ᵀ.
  void gemm(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k);
  void weight_gradient(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k);
  /// The same of two activations, one for each of `batch` heads.
  void matmul(std::string_view label, std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k);
  void forward(const MemoryPass& pass) { memory(pass, pass.forward_read, pass.forward_written); }
  void backward(const MemoryPass& pass) { memory(pass, pass.backward_read, pass.backward_written); }
  void launch(std::string_view label, const kernels::Kernel& kernel) { launch(label, kernel, activity_); }
  /// Of all tokens' `hidden` values.
  void collective(sim::CollectiveKind kind, std::int64_t hidden, bool overlapped = false);
  void finish_collectives();
  /// Along an axis of the grid.
  void collective(sim::CollectiveKind kind, GridAxis along, Bytes bytes, bool overlapped);
  /// Of the microbatch's tokens with the ranks that share the experts; nothing where every rank has all.
  void exchange(ExchangePhase phase, Dtype dtype);
  /// Products of which none is added to what C holds, for a gradient of weights.
  void partial_gradient(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k);
  /// A pass over `elements` values that belongs to the weights' gradients.
  void gradient_pass(std::string_view label, std::int64_t elements, Bytes read, Bytes written);
  /// Behind what was added last, the gradients of the element's weights are done.
  void finish_weights(const LayerElement& element);

  [[nodiscard]] const TrainingReading& reading() const { return reading_; }
  /// Whether f and g of Megatron-LM stand where ranks enter and leave their region.
  [[nodiscard]] bool has_regions() const { return reading_.tensor > 1 && !reading_.is_on_grid(); }
  /// All-reduces, or reduce-scatters.
  [[nodiscard]] sim::CollectiveKind reduction() const {
    return reading_.shards_sequence() ? sim::CollectiveKind::reduce_scatter : sim::CollectiveKind::all_reduce;
  }
  std::vector<LayerOp> take() { return std::move(ops_); }

 private:
  void launch(std::string_view label, const kernels::Kernel& kernel, sim::Activity activity);
  void memory(const MemoryPass& pass, Bytes read, Bytes written);

  const TrainingReading& reading_;
  sim::Activity activity_;
  std::vector<LayerOp> ops_;
};

}  // namespace orrery::models
