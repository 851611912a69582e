#include "models/training/memory.hpp"

#include <vector>

#include "models/layer/activations.hpp"
#include "models/layer/training_grid.hpp"
#include "models/training/expert_groups.hpp"
#include "models/training/layer.hpp"
#include "models/training/outer_plan.hpp"
#include "models/training/parallel.hpp"

namespace orrery::models {
namespace {

double to_double(std::int64_t n) { return static_cast<double>(n); }

// Selective recomputation drops the scores; a fused kernel never stores them.
bool drops_scores(const TrainingJob& job) {
  return job.config.recompute == Recompute::selective && job.config.attention == AttentionImplementation::unfused;
}

}  // namespace

ModelStateBytes model_states(const TrainingConfig& config, std::int64_t parameters, int data_parallel) {
  const double n = to_double(parameters);
  const bool full_precision = config.precision == Dtype::fp32 || config.precision == Dtype::tf32;
  const double moments = 8.0;
  const double master = config.master_weights && !full_precision ? 4.0 : 0.0;
  ModelStateBytes bytes;
  bytes.weights = Bytes{n * activation_size(config)};
  bytes.gradients = Bytes{n * element_size(config.gradient_dtype).value()};
  bytes.optimizer = Bytes{n * (moments + master)};
  if (config.zero == ZeroStage::optimizer) bytes.optimizer *= 1.0 / data_parallel;
  bytes.optimizer += outer_state(config, parameters, data_parallel);
  return bytes;
}

Bytes layer_activations(const TrainingJob& job, std::int64_t layer, bool recomputed) {
  const LayerSizes reading(job);
  if (recomputed) {  // only the layer's input
    return reading.shards_sequence() ? reading.boundary / to_double(reading.tensor) : reading.boundary;
  }
  const std::vector<LayerElement> elements = layer_elements(job, layer);
  const Bytes kept = kept_bytes(reading, elements) + gathered_bytes(reading, elements);
  return drops_scores(job) ? kept : kept + score_bytes(reading, elements);
}

Bytes recomputed_activations(const TrainingJob& job, std::int64_t layer, bool recomputed) {
  if (!recomputed && !drops_scores(job)) return Bytes{};
  const LayerSizes reading(job);
  const std::vector<LayerElement> elements = layer_elements(job, layer);
  const Bytes scores = score_bytes(reading, elements);
  return recomputed ? kept_bytes(reading, elements) + gathered_bytes(reading, elements) + scores : scores;
}

Bytes embedding_activations(const TrainingJob& job) { return kept_bytes(LayerSizes(job), embedding_elements(job)); }

Bytes head_activations(const TrainingJob& job) {
  const LayerSizes reading(job);
  const std::vector<LayerElement> elements = head_elements(job);
  return kept_bytes(reading, elements) + gathered_bytes(reading, elements);
}

Bytes grid_buffers(const TrainingJob& job) {
  const LayerSizes reading(job);
  const bool overlapped = job.config.overlap_tensor_parallel;
  Bytes most = exchanged_blocks(reading, head_elements(job), overlapped);
  for (const LayerKind& kind : layer_kinds(job.llm)) {
    most = max(most, exchanged_blocks(reading, layer_elements(job, kind.first), overlapped));
  }
  return most;
}

namespace {

/// Communicators along the axes of the tensor-parallel ranks' grid beside the group's own.
int grid_communicators(const TensorGrid& grid) { return grid.is_line() ? 0 : 2 + (grid.depth > 1 ? 1 : 0); }

}  // namespace

Bytes workspace(const TrainingJob& job) {
  // cuBLAS asks for 32 MiB on Hopper (NVIDIA, cuBLAS documentation, cublasSetWorkspace), taken for every GPU: 28 MiB
  // too much before. NCCL keeps about 4 + 4.7 MiB of buffers per channel and peer pair, 24 channels (nccl
  // src/init.cc, 2.28.9).
  const double cublas = 32.0 * 1048576.0;
  const double per_communicator = 24.0 * 2.0 * 8.7 * 1048576.0;
  const Mesh mesh = make_mesh(job);
  double communicators = (mesh.tensor() > 1) + (mesh.data() > 1) + (mesh.pipeline() > 1);
  communicators += grid_communicators(tensor_grid(job.config));
  Bytes exchange = grid_buffers(job);
  if (job.config.expert_parallel > 1) {
    const ExchangeRow& row = *find_expert_exchange(job.config.expert_exchange);
    communicators += (row.is_of_nccl ? 1 : 0) + (expert_data_parallel(job) > 1 ? 1 : 0);
    if (row.buffers != nullptr) exchange += row.buffers(exchange_shape(job));
  }
  return Bytes{cublas + communicators * per_communicator} + exchange;
}

}  // namespace orrery::models
