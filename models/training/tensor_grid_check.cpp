#include "models/training/tensor_grid_check.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/layer/training_grid.hpp"
#include "models/training/parallel.hpp"
#include "models/training/tensor_groups.hpp"

namespace orrery::models {
namespace {

template <class... Args>
JobError grid_error(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
  return {"training." + std::string(key), fmt::format(format, std::forward<Args>(args)...)};
}

std::string sizes_of(const TensorModeRow& mode) {
  if (mode.gathers) return "q x q x q";
  return mode.takes_depth ? "q x q x tensor_parallel_depth" : "q x q";
}

/// What no grid has been written for: of the job, then of its layers.
std::optional<JobError> uncombined(const TrainingJob& job) {
  const TrainingConfig& config = job.config;
  const std::string& mode = config.tensor_parallel_mode;
  if (config.sequence_parallel) {
    return grid_error("sequence_parallel", "can't go with tensor_parallel_mode {}, which shards all activations itself",
                      mode);
  }
  if (config.expert_parallel > 1) {
    return grid_error("expert_parallel", "can't go with tensor_parallel_mode {}: experts on a grid are not modelled",
                      mode);
  }
  for (const LayerKind& kind : layer_kinds(job.llm)) {
    const std::string_view block = unshared_block(layer_elements(job.llm, kind.first));
    if (block.empty()) continue;
    return grid_error("tensor_parallel_mode", "{} is not modelled for {}, which {} has", mode, block, job.llm.name);
  }
  return std::nullopt;
}

std::optional<JobError> divided(const TrainingJob& job) {
  const TensorGrid grid = tensor_grid(job.config);
  if (job.config.micro_batch_size % grid.token_ranks != 0) {
    return grid_error("micro_batch_size",
                      "{} is not a multiple of {}: a grid of {} deals whole sequences to so many ranks",
                      job.config.micro_batch_size, grid.token_ranks, job.config.tensor_parallel);
  }
  if (job.llm.hidden % grid.width_ranks != 0) {
    return grid_error("tensor_parallel", "its grid's side {} does not divide the hidden size ({})", grid.width_ranks,
                      job.llm.hidden);
  }
  for (const LayerKind& kind : layer_kinds(job.llm)) {
    const LayerConfig layer = job.llm.layer(kind.first);
    if (layer.mixer != Mixer::attention || layer.attention.kv_heads % grid.width_ranks == 0) continue;
    return grid_error("tensor_parallel", "its grid's side {} does not divide the key/value heads ({})",
                      grid.width_ranks, layer.attention.kv_heads);
  }
  return std::nullopt;
}

}  // namespace

std::optional<JobError> check_tensor_grid(const TrainingJob& job) {
  const TrainingConfig& config = job.config;
  const TensorModeRow* mode = find_tensor_parallel_mode(config.tensor_parallel_mode);
  if (mode == nullptr) {
    return grid_error("tensor_parallel_mode", "unknown mode '{}' of tensor parallelism", config.tensor_parallel_mode);
  }
  if (!mode->takes_depth && config.tensor_parallel_depth != 1) {
    return grid_error("tensor_parallel_depth", "tells of layers that tensor_parallel_mode {} has not; 2.5d has",
                      mode->name);
  }
  const int ranks = config.tensor_parallel, depth = config.tensor_parallel_depth;
  if (!mode->has(ranks, depth)) {
    return grid_error("tensor_parallel", "{} is not {}, which tensor_parallel_mode {} needs; the nearest are {}", ranks,
                      sizes_of(*mode), mode->name, fmt::join(nearest_sizes(*mode, ranks, depth), " and "));
  }
  if (tensor_grid(config).is_line()) return std::nullopt;
  if (std::optional<JobError> wrong = uncombined(job)) return wrong;
  return divided(job);
}

std::optional<JobError> check_grid_nodes(const TrainingJob& job) {
  const GridAxis* axis = straddling_axis(job);
  if (axis == nullptr || job.cluster.node_count() == 1) return std::nullopt;
  return grid_error("tensor_parallel", "the {} of its grid, {} ranks, would straddle nodes of {} GPUs unevenly",
                    name(*axis), tensor_grid(job.config).along(*axis).count, make_placement(job).per_node);
}

}  // namespace orrery::models
