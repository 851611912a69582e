// What one pass of a pipeline stage puts on the streams of its rank: kernels and collectives of its layers,
// activations, gradient buckets.
//
// A pass of a chunk does the same for every microbatch. Where it meets no other rank of the plan it is written once, as
// a block, and called; the last backward pass of a chunk, which fires the gradient buckets, is a block of its own.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "models/training/expert_groups.hpp"
#include "models/training/layer.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pipeline.hpp"

namespace orrery::models {

/// A rank of the plan, the place in the mesh of the member that represents it, and its groups.
struct RankState {
  RankId id;
  MeshPlace place{};
  GroupId tensor_group, data_group, world_group, embedding_group;
  std::array<GroupId, kGridAxes.size() + 1> grid_groups;  ///< by GridAxis: tensor_group, and those along its grid
  GroupId expert_group, expert_data_group;                ///< none without expert parallelism
  ExchangeShape exchange;                                 ///< of the expert group
  bool meets_ranks = false;                               ///< a group of its passes has other members in the plan

  [[nodiscard]] int stage() const { return place[static_cast<std::size_t>(MeshAxis::pipeline)]; }
};

class PassWriter {
 public:
  /// `job` must outlive the writer. `microbatches`: of one rank.
  PassWriter(const TrainingJob& job, const Mesh& mesh, int microbatches);

  /// Room for the ranks of the plan; told before the first write().
  void set_ranks(std::size_t ranks);
  /// Appends the pass to the streams of `rank`.
  void write(sim::PlanBuilder& builder, const RankState& rank, const PipelineSlot& slot);
  /// All gradients of the rank as one bucket, those of its routed experts as another.
  void reduce_all(sim::PlanBuilder& builder, const RankState& rank, double parameters, double experts);

 private:
  /// Kernels of one kind of layer (or of the embedding, or the head) for every pass.
  struct PassOps {
    std::vector<LayerOp> forward, recompute, full_recompute, backward;
  };
  /// What a layer of a virtual stage costs in memory and whether it is recomputed.
  struct LayerPlan {
    const PassOps* ops = nullptr;
    bool recomputed = false;
    Bytes kept;       ///< from forward to backward
    Bytes transient;  ///< while what was recomputed runs backward
    std::int64_t parameters = 0;
  };
  struct ChunkPlan {
    std::vector<LayerPlan> layers;
    bool embedding = false, head = false;
    Bytes kept;
  };

  [[nodiscard]] PassOps pass_ops(const std::vector<LayerElement>& elements) const;
  const LayerPlan& layer_plan(std::int64_t layer, bool recomputed);
  void prepare_layers();
  void prepare_ends();
  void write_pass(sim::PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, PipelinePass pass,
                  bool reduce);
  void write_forward(sim::PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk);
  void write_backward(sim::PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, bool reduce);
  void write_ops(sim::PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops,
                 bool reduce = false);
  /// Backward kernels of a part of the model with so many parameters on the rank, whose gradients fill buckets.
  void write_gradients(sim::PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops,
                       std::int64_t parameters, bool reduce);
  /// Table entries of the ops of a list, looked up once per list and group.
  const std::vector<std::uint32_t>& entries(sim::PlanBuilder& builder, const RankState& rank,
                                            const std::vector<LayerOp>& ops);
  void add_gradients(sim::PlanBuilder& builder, const RankState& rank, std::int64_t parameters, bool of_experts);
  void flush_bucket(sim::PlanBuilder& builder, const RankState& rank, bool of_experts);

  const TrainingJob& job_;
  const TrainingConfig& config_;
  double bucket_size_;  ///< bytes
  Mesh mesh_;
  bool is_on_grid_;  ///< of the tensor-parallel ranks
  int microbatches_;
  std::map<std::size_t, std::unique_ptr<PassOps>> layer_ops_;      ///< by kind of layer
  std::map<std::pair<std::size_t, bool>, LayerPlan> layer_plans_;  ///< by the same and "is recomputed"
  PassOps embedding_, head_;
  std::vector<ChunkPlan> chunks_;      ///< by virtual stage
  std::vector<double> bucket_;         ///< gradient bytes waiting, by rank
  std::vector<double> expert_bucket_;  ///< those of routed experts that are not all ranks'
  std::vector<int> backward_passes_;   ///< written so far, by rank and chunk
  std::vector<std::uint32_t> blocks_;  ///< by rank, chunk and kind of pass; kNoBlock: not written yet
  std::map<std::pair<const void*, std::uint32_t>, std::vector<std::uint32_t>> entries_;
};

}  // namespace orrery::models
