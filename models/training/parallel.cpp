#include "models/training/parallel.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "models/layer/parameters.hpp"
#include "models/layer/training_grid.hpp"
#include "models/training/layer.hpp"

namespace orrery::models {

Mesh make_mesh(const TrainingJob& job) {
  return Mesh({job.config.tensor_parallel, data_parallel_degree(job), job.config.pipeline_parallel},
              job.placement.order);
}

TensorGrid tensor_grid(const TrainingConfig& config) {
  return find_tensor_parallel_mode(config.tensor_parallel_mode)
      ->grid(config.tensor_parallel, config.tensor_parallel_depth);
}

MeshClasses with_parts_apart(const TrainingJob& job, MeshClasses classes) {
  const MeshClasses apart = unfolded(make_mesh(job));
  const auto take_apart = [&](MeshAxis axis) {
    const auto index = static_cast<std::size_t>(axis);
    if (classes.count(axis) > 1) classes.axes[index] = apart.axes[index];
  };
  if (job.config.expert_parallel > 1) take_apart(MeshAxis::data);
  if (!tensor_grid(job.config).is_line()) take_apart(MeshAxis::tensor);
  return classes;
}

sim::Placement make_placement(const TrainingJob& job) {
  return sim::place(job.cluster, job.placement.first_node, job.placement.spread, job.placement.per_node,
                    make_mesh(job).gpus());
}

std::vector<std::size_t> groups_of(const TrainingJob& job) {
  return sim::groups_of(job.cluster, make_placement(job), make_mesh(job).gpus());
}

std::vector<std::uint32_t> gpu_classes(const TrainingJob& job, const MeshClasses& classes) {
  const std::vector<std::size_t> groups = groups_of(job);
  std::vector<std::uint32_t> out(
      classes.count(MeshAxis::pipeline) * classes.count(MeshAxis::data) * classes.count(MeshAxis::tensor), 0);
  if (groups.size() == 1) return out;
  const Mesh mesh = make_mesh(job);
  const sim::Placement placement = make_placement(job);
  std::size_t rank = 0;
  for (const std::vector<int>& stage : classes.of(MeshAxis::pipeline)) {
    for (const std::vector<int>& data : classes.of(MeshAxis::data)) {
      for (const std::vector<int>& tensor : classes.of(MeshAxis::tensor)) {
        const std::uint32_t gpu = placement.gpu(mesh.member({tensor.front(), data.front(), stage.front()}));
        const auto found = std::find(groups.begin(), groups.end(), job.cluster.group_of_gpu(gpu));
        out[rank++] = static_cast<std::uint32_t>(found - groups.begin());
      }
    }
  }
  return out;
}

std::vector<LayerRange> deal_layers(const TrainingJob& job) {
  const std::int64_t virtual_stages =
      static_cast<std::int64_t>(job.config.pipeline_parallel) * job.config.virtual_pipeline;
  std::vector<std::int64_t> counts = job.config.stage_layers;
  if (counts.empty()) {
    counts.assign(static_cast<std::size_t>(virtual_stages), job.llm.layers / virtual_stages);
  }
  std::vector<LayerRange> ranges;
  std::int64_t first = 0;
  for (const std::int64_t count : counts) {
    ranges.push_back({first, count});
    first += count;
  }
  return ranges;
}

std::int64_t layer_parameters_per_rank(const TrainingJob& job, std::int64_t layer) {
  const LayerSizes reading(job);
  const RankWeights weights = rank_weights(layer_elements(job, layer), reading.tensor);
  const std::int64_t here = layer_expert_parameters_per_rank(job, layer);
  return rank_parameters(weights, reading) - here * (job.config.expert_parallel - 1);
}

std::int64_t layer_expert_parameters_per_rank(const TrainingJob& job, std::int64_t layer) {
  if (job.config.expert_parallel == 1) return 0;
  std::vector<LayerElement> experts;
  for (LayerElement& element : layer_elements(job.llm, layer)) {
    if (std::holds_alternative<Experts>(element.block)) experts.push_back(std::move(element));
  }
  return rank_weights(experts, 1).parameters(1) / job.config.expert_parallel;
}

int expert_data_parallel(const TrainingJob& job) { return data_parallel_degree(job) / job.config.expert_parallel; }

std::int64_t embedding_parameters_per_rank(const TrainingJob& job) {
  return rank_parameters(embedding_share(job.llm), tensor_grid(job.config));
}

std::int64_t head_parameters_per_rank(const TrainingJob& job) {
  return rank_parameters(head_share(job.llm, job.config.pipeline_parallel > 1), tensor_grid(job.config));
}

namespace {

// Of the stage's chunks.
std::int64_t sum_of_layers(const TrainingJob& job, int stage,
                           std::int64_t (*of_layer)(const TrainingJob& job, std::int64_t layer)) {
  const std::vector<LayerRange> ranges = deal_layers(job);
  const int stages = job.config.pipeline_parallel;
  std::int64_t total = 0;
  for (int chunk = 0; chunk < job.config.virtual_pipeline; ++chunk) {
    const LayerRange& range = ranges[static_cast<std::size_t>(chunk * stages + stage)];
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) total += of_layer(job, l);
  }
  return total;
}

}  // namespace

std::int64_t stage_parameters_per_rank(const TrainingJob& job, int stage) {
  std::int64_t total = sum_of_layers(job, stage, layer_parameters_per_rank);
  if (stage == 0) total += embedding_parameters_per_rank(job);
  if (stage == job.config.pipeline_parallel - 1) total += head_parameters_per_rank(job);
  return total;
}

std::int64_t stage_expert_parameters_per_rank(const TrainingJob& job, int stage) {
  return job.config.expert_parallel == 1 ? 0 : sum_of_layers(job, stage, layer_expert_parameters_per_rank);
}

}  // namespace orrery::models
