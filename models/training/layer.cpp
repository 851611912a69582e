#include "models/training/layer.hpp"

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
      boundary(value * static_cast<double>(tokens()) * static_cast<double>(job.llm.hidden)) {}

std::vector<LayerElement> layer_elements(const TrainingJob& job, std::int64_t layer) {
  return layer_elements(job.llm, layer);
}
std::vector<LayerElement> embedding_elements(const TrainingJob& job) { return embedding_elements(job.llm); }
std::vector<LayerElement> head_elements(const TrainingJob& job) { return head_elements(job.llm); }

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
