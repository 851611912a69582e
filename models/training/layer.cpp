#include "models/training/layer.hpp"

#include <utility>

#include "models/layer/training_grid.hpp"
#include "models/training/parallel.hpp"

namespace orrery::models {
namespace {

TrainingReading reading_of(const TrainingJob& job) {
  const TrainingConfig& config = job.config;
  TrainingReading reading;
  reading.batch = config.micro_batch_size;
  reading.sequence = config.sequence_length;
  reading.tensor = config.tensor_parallel;
  reading.sequence_parallel = config.sequence_parallel;
  reading.dropout = config.dropout > 0.0;
  reading.fused_attention = config.attention == AttentionImplementation::flash;
  reading.fused_loss = config.fused_cross_entropy;
  reading.precision = config.precision;
  reading.attention_precision = attention_dtype(config);
  reading.value = Bytes{activation_size(config)};
  reading.expert_parallel = config.expert_parallel;
  reading.expert_imbalance = config.expert_imbalance;
  reading.grid = tensor_grid(config);
  if (reading.grid.is_line()) return reading;
  reading.mode = find_tensor_parallel_mode(config.tensor_parallel_mode);
  reading.batch /= reading.grid.token_ranks;
  reading.tensor = reading.grid.width_ranks;
  return reading;
}

}  // namespace

double activation_size(const TrainingConfig& config) {
  return config.precision == Dtype::fp32 || config.precision == Dtype::tf32 ? 4.0 : 2.0;
}

Dtype attention_dtype(const TrainingConfig& config) {
  const bool low =
      config.precision == Dtype::fp8 || config.precision == Dtype::fp8_block || config.precision == Dtype::nvfp4;
  return low ? Dtype::bf16 : config.precision;
}

LayerSizes::LayerSizes(const TrainingJob& job)
    : TrainingReading(reading_of(job)),
      boundary(value * static_cast<double>(tokens()) * static_cast<double>(job.llm.hidden) *
               (is_on_grid() ? 1.0 / static_cast<double>(tensor) : 1.0)) {}

namespace {

std::vector<LayerElement> as_shared(const TrainingJob& job, std::vector<LayerElement> elements) {
  const TensorGrid grid = tensor_grid(job.config);
  return grid.is_line() ? elements : share_on_grid(std::move(elements), grid, job.llm.norm);
}

}  // namespace

std::vector<LayerElement> layer_elements(const TrainingJob& job, std::int64_t layer) {
  return as_shared(job, layer_elements(job.llm, layer));
}
std::vector<LayerElement> embedding_elements(const TrainingJob& job) {
  return as_shared(job, embedding_elements(job.llm));
}
std::vector<LayerElement> head_elements(const TrainingJob& job) { return as_shared(job, head_elements(job.llm)); }

std::vector<LayerOp> forward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements) {
  return forward_ops(reading_of(job), elements);
}
std::vector<LayerOp> recompute_ops(const TrainingJob& job, const std::vector<LayerElement>& elements, bool full) {
  return recompute_ops(reading_of(job), elements, full);
}
std::vector<LayerOp> backward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements) {
  return backward_ops(reading_of(job), elements);
}

}  // namespace orrery::models
