#include "models/training/parallel.hpp"

#include "models/layer/parameters.hpp"

namespace orrery::models {

Mesh make_mesh(const TrainingJob& job) {
  return Mesh({job.config.tensor_parallel, data_parallel_degree(job), job.config.pipeline_parallel},
              job.placement.order);
}

sim::Placement make_placement(const TrainingJob& job) {
  sim::Placement placement;
  placement.first_node = job.placement.first_node;
  placement.node_size = job.cluster.gpus_per_node();
  placement.per_node = job.placement.per_node > 0 ? job.placement.per_node : placement.node_size;
  placement.spread = job.placement.spread;
  return placement;
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
  const std::int64_t t = job.config.tensor_parallel;
  const RankWeights weights = rank_weights(layer_elements(job.llm, layer), t);
  return weights.linear.parameters(t) + weights.plain.parameters(t);
}

std::int64_t embedding_parameters_per_rank(const TrainingJob& job) {
  return embedding_share(job.llm).parameters(job.config.tensor_parallel);
}

std::int64_t head_parameters_per_rank(const TrainingJob& job) {
  return head_share(job.llm, job.config.pipeline_parallel > 1).parameters(job.config.tensor_parallel);
}

std::int64_t stage_parameters_per_rank(const TrainingJob& job, int stage) {
  const std::vector<LayerRange> ranges = deal_layers(job);
  const int stages = job.config.pipeline_parallel;
  std::int64_t total = 0;
  for (int chunk = 0; chunk < job.config.virtual_pipeline; ++chunk) {
    const LayerRange& range = ranges[static_cast<std::size_t>(chunk * stages + stage)];
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) total += layer_parameters_per_rank(job, l);
  }
  if (stage == 0) total += embedding_parameters_per_rank(job);
  if (stage == stages - 1) total += head_parameters_per_rank(job);
  return total;
}

}  // namespace orrery::models
