#include "models/training/parallel.hpp"

#include <algorithm>

#include "models/layer/parameters.hpp"

namespace orrery::models {

int Mesh::nodes_spanned(int size, int stride) const {
  if (stride >= gpus_per_node) return size;
  const int per_node = std::max(1, gpus_per_node / stride);
  return std::max(1, (size + per_node - 1) / per_node);
}

Mesh make_mesh(const TrainingJob& job) {
  Mesh mesh;
  mesh.tensor = job.config.tensor_parallel;
  mesh.pipeline = job.config.pipeline_parallel;
  mesh.data = data_parallel_degree(job);
  mesh.gpus_per_node = job.cluster.gpus_per_node();
  return mesh;
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
  const RankWeights weights = rank_weights(layer_elements(job.llm, layer), t, Copies::ideal);
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
