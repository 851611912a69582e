// What StepModel remembers. Private to its .cpp files.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention/mixed_batch.hpp"
#include "kernels/memo.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/step_ops.hpp"

namespace orrery::models {

struct HostCosts;

/// GPU time of a list of ops, gaps included, and how many kernels and collectives it is.
struct StepCost {
  double seconds = -1.0;  ///< < 0: not priced yet
  std::int64_t runs = 0;

  [[nodiscard]] bool known() const { return seconds >= 0.0; }
};

struct StepModel::State {
  State(const ServingJob& j, const kernels::KernelTimer& t);

  /// Decodes' attention that is part of the prompts' kernel.
  [[nodiscard]] bool joins_prompts(const StepOp& op) const;
  /// The fp8 linear layer that needs no pass for scales, or nullptr.
  [[nodiscard]] const kernels::GemmShape* scaled_statically(const StepOp& op) const;
  [[nodiscard]] double price(const StepOp& op) const;
  [[nodiscard]] kernels::Estimate explain(const StepOp& op) const;
  [[nodiscard]] sim::LaunchPath path(const StepOp& op, GraphMode mode) const;
  [[nodiscard]] double gap(const StepOp& op, GraphMode mode) const;
  [[nodiscard]] StepCost cost(const std::vector<StepOp>& list, GraphMode mode) const;
  [[nodiscard]] Seconds message(std::int64_t rows, int stage) const;

  const StepCost& body(std::int64_t rows, GraphMode mode, int stage);
  const StepCost& head(std::int64_t sampled, int stage);
  /// Both products of one layer, gaps not counted.
  const StepCost& absorbed(std::size_t mixer, std::int64_t rows);
  /// Decode attention of one layer at a node of the interpolation (step_model.cpp).
  double node(std::size_t mixer, std::int64_t sequences, std::int64_t j, bool mixed);
  double decode_attention(std::size_t mixer, std::int64_t sequences, std::int64_t kv_tokens, bool mixed);
  /// What decodes add to one layer's attention of prompts, `own` being what mixed nodes hold.
  [[nodiscard]] double added(const kernels::AttentionPrefillShape& prompts, double prompts_time,
                             const kernels::AttentionDecodeShape& decode, double own) const;
  /// Of one kernel or collective with all that it runs beside left out.
  [[nodiscard]] double price_alone(const StepOp& op) const;
  [[nodiscard]] Seconds warm_time(const kernels::Kernel& kernel) const;
  /// Attention of `layers` layers, and of all of a stage.
  StepCost attention(std::size_t mixer, const StepShape& shape, std::int64_t rows, GraphMode mode, std::int64_t layers);
  StepCost attention(const StepShape& shape, std::int64_t rows, GraphMode mode, int stage);
  Seconds time(const StepShape& shape, int stage);

  /// Of one pipeline stage, by tokens or sequences.
  struct StageCosts {
    std::vector<StepCost> graph, stream;  ///< body within graphs, and without
    std::vector<StepCost> head;
    std::int64_t layers = 0;
    std::vector<std::int64_t> of_mixer;  ///< layers with each
  };

  /// Of one of the model's mixers.
  struct MixerCosts {
    std::int64_t decode_runs = 0;                                ///< kernels of a layer's decodes
    bool attends = false;                                        ///< the last of these is attention
    std::vector<std::vector<double>> decode_nodes, mixed_nodes;  ///< by sequences, then j
    std::vector<StepCost> products;
  };

  const ServingJob* job;
  const kernels::KernelTimer* timer;
  hardware::Site site;     ///< as the job's replica sees the cluster
  hardware::Gpu cold_gpu;  ///< its GPU without L2, for what is read cold
  std::unique_ptr<kernels::BoundTimer> warm_timer, cold_timer;
  mutable kernels::TimeMemo warm_times;  ///< of prompts' attention: a load repeats its chunks
  kernels::MixedBatch mixed_batch;
  StepOps ops;
  sim::CollectiveModel collectives;
  std::vector<StageCosts> stages;
  std::vector<MixerCosts> mixers;
  const HostCosts* host;  ///< of the engine
  double stream_gap = 0.0, graph_gap = 0.0, launch = 0.0;
};

}  // namespace orrery::models
