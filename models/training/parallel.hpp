// Where the ranks of a 3D-parallel job sit and how layers are dealt to pipeline stages.
#pragma once

#include <cstdint>
#include <vector>

#include "models/parallel/mesh.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/training/training.hpp"

namespace orrery::models {

/// Layers [first, first + count) of one virtual stage.
struct LayerRange {
  std::int64_t first = 0, count = 0;
};

/// The job's axes, numbered in the order of its placement. REQUIRES a checked job.
[[nodiscard]] Mesh make_mesh(const TrainingJob& job);

/// How a tensor-parallel group shares a layer. REQUIRES a mode that has a grid of so many ranks.
[[nodiscard]] TensorGrid tensor_grid(const TrainingConfig& config);

/// Where the members of the mesh sit on the job's cluster.
[[nodiscard]] sim::Placement make_placement(const TrainingJob& job);
/// The node groups of the cluster that hold members, in ascending order. A rank's gpu_class is a place in it.
[[nodiscard]] std::vector<std::size_t> groups_of(const TrainingJob& job);
/// gpu_class of the step's ranks: by stage, then class of the data axis, then of the tensor axis. REQUIRES classes
/// whose members are on GPUs alike.
[[nodiscard]] std::vector<std::uint32_t> gpu_classes(const TrainingJob& job, const MeshClasses& classes);

/// Ranges by virtual stage, in pipeline order: explicit (`stage_layers`) or even. REQUIRES a checked job.
[[nodiscard]] std::vector<LayerRange> deal_layers(const TrainingJob& job);

/// The classes with those axes taken apart whose parts' members meet each other: data-parallel ranks that share
/// experts, and tensor-parallel ranks of a grid, where they are not all alike.
[[nodiscard]] MeshClasses with_parts_apart(const TrainingJob& job, MeshClasses classes);

/// Parameters on one tensor-parallel rank of the given layer; embeddings and head likewise (vocabulary padded
/// to a multiple of the tensor-parallel degree is not modelled: shares are exact fractions, rounded up).
[[nodiscard]] std::int64_t layer_parameters_per_rank(const TrainingJob& job, std::int64_t layer);
[[nodiscard]] std::int64_t embedding_parameters_per_rank(const TrainingJob& job);
/// Output head and final norm. A tied head on its own pipeline stage is a second copy of the embedding.
[[nodiscard]] std::int64_t head_parameters_per_rank(const TrainingJob& job);
/// Sum over the chunks of `stage`.
[[nodiscard]] std::int64_t stage_parameters_per_rank(const TrainingJob& job, int stage);

/// What of a layer's, or a stage's, parameters are routed experts that other ranks of the data-parallel group don't
/// have: none without expert parallelism.
[[nodiscard]] std::int64_t layer_expert_parameters_per_rank(const TrainingJob& job, std::int64_t layer);
[[nodiscard]] std::int64_t stage_expert_parameters_per_rank(const TrainingJob& job, int stage);
/// Replicas of an expert: ranks that reduce its gradients together.
[[nodiscard]] int expert_data_parallel(const TrainingJob& job);

}  // namespace orrery::models
