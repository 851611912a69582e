// Where the ranks of a 3D-parallel job sit and how layers are dealt to pipeline stages.
//
// Rank order is Megatron-LM's default tp-dp-pp (core/parallel_state.py): rank = (pp·D + dp)·T + tp. Tensor-
// parallel ranks are neighbours and fill a node first, pipeline stages are farthest apart.
#pragma once

#include <cstdint>
#include <vector>

#include "models/training/training.hpp"

namespace orrery::models {

/// Layers [first, first + count) of one virtual stage.
struct LayerRange {
  std::int64_t first = 0, count = 0;
};

struct Mesh {
  int tensor = 1, data = 1, pipeline = 1;
  int gpus_per_node = 1;

  [[nodiscard]] int gpus() const { return tensor * data * pipeline; }
  [[nodiscard]] int rank(int stage, int data_rank, int tensor_rank) const {
    return (stage * data + data_rank) * tensor + tensor_rank;
  }
  [[nodiscard]] int node(int rank_index) const { return rank_index / gpus_per_node; }
  /// Nodes that `size` ranks at distance `stride` cover.
  [[nodiscard]] int nodes_spanned(int size, int stride) const;
  [[nodiscard]] int tensor_nodes() const { return nodes_spanned(tensor, 1); }
  [[nodiscard]] int data_nodes() const { return nodes_spanned(data, tensor); }
};

[[nodiscard]] Mesh make_mesh(const TrainingJob& job);

/// Ranges by virtual stage, in pipeline order: explicit (`stage_layers`) or even. REQUIRES a checked job.
[[nodiscard]] std::vector<LayerRange> deal_layers(const TrainingJob& job);

/// Parameters on one tensor-parallel rank of the given layer; embeddings and head likewise (vocabulary padded
/// to a multiple of the tensor-parallel degree is not modelled: shares are exact fractions, rounded up).
[[nodiscard]] std::int64_t layer_parameters_per_rank(const TrainingJob& job, std::int64_t layer);
[[nodiscard]] std::int64_t embedding_parameters_per_rank(const TrainingJob& job);
/// Output head and final norm. A tied head on its own pipeline stage is a second copy of the embedding.
[[nodiscard]] std::int64_t head_parameters_per_rank(const TrainingJob& job);
/// Sum over the chunks of `stage`.
[[nodiscard]] std::int64_t stage_parameters_per_rank(const TrainingJob& job, int stage);

}  // namespace orrery::models
