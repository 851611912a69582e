// Closed forms of training memory and its communication; see the header for equations and sources.
#include "models/memory_formulas.hpp"

#include <algorithm>

namespace orrery::models {
namespace {

double real(std::int64_t n) { return static_cast<double>(n); }

/// s·b·h: values of one microbatch between layers.
double values(const ActivationShape& shape) { return real(shape.sequence * shape.microbatch * shape.hidden); }

/// 5as/h: bytes per value that softmax, its dropout and their masks keep.
double score_bytes_per_value(const ActivationShape& shape) {
  return 5.0 * real(shape.heads * shape.sequence) / real(shape.hidden);
}

/// How many times the memory of p microbatches of L/p layers the first stage holds.
double interleaving_factor(int stages, int chunks) {
  return chunks > 1 ? 1.0 + real(stages - 1) / real(stages * chunks) : 1.0;
}

}  // namespace

Bytes activations_per_layer(const ActivationShape& shape, Recompute recompute) {
  const double t = real(shape.tensor_parallel);
  if (recompute == Recompute::full) return Bytes{2.0 * values(shape) / (shape.sequence_parallel ? t : 1.0)};
  const double scores = recompute == Recompute::selective ? 0.0 : score_bytes_per_value(shape) / t;
  // Of the 34 bytes per value, 24 lie inside the tensor-parallel region; the 10 of norms, dropouts and inputs do so
  // only with sequence parallelism.
  const double outside = shape.sequence_parallel ? 10.0 / t : 10.0;
  return Bytes{values(shape) * (outside + 24.0 / t + scores)};
}

double selective_recompute_share(const ActivationShape& shape) {
  const double scores = score_bytes_per_value(shape);
  return scores / (34.0 + scores);
}

double first_stage_layers_in_flight(std::int64_t layers, int stages, int chunks) {
  return real(layers) * interleaving_factor(stages, chunks);
}

Bytes embedding_dropout_activations(const ActivationShape& shape, int stages, int chunks) {
  return Bytes{values(shape) * real(stages) / real(shape.tensor_parallel) * interleaving_factor(stages, chunks)};
}

Bytes output_activations(const ActivationShape& shape, std::int64_t vocab) {
  return Bytes{4.0 * values(shape) / real(shape.tensor_parallel) * (1.0 + real(vocab) / real(shape.hidden))};
}

const std::vector<ModelStateBytesPerParameter>& model_state_presets() {
  static const std::vector<ModelStateBytesPerParameter> presets = {
      {"zero_16", 2.0, 2.0, 12.0, false, "Rajbhandari et al. 2020, arXiv:1910.02054 §3.1: fp16 gradients"},
      {"megatron_18", 2.0, 4.0, 12.0, false,
       "NVIDIA/Megatron-LM megatron/training/theoretical_memory_usage.py: fp32 gradients"},
      {"fused_20", 2.0, 2.0, 16.0, false,
       "Rajbhandari et al. 2020, arXiv:1910.02054 §3.2: fp16 gradients and a fused fp32 buffer of them"},
      {"distributed_optimizer", 2.0, 4.0, 12.0, true,
       "NVIDIA/Megatron-LM megatron/training/theoretical_memory_usage.py: 6 + 12/dp"},
  };
  return presets;
}

const ModelStateBytesPerParameter* find_model_state_preset(std::string_view name) {
  const auto& presets = model_state_presets();
  const auto found = std::find_if(presets.begin(), presets.end(), [&](const auto& row) { return row.name == name; });
  return found == presets.end() ? nullptr : &*found;
}

Bytes model_state_memory(const ModelStateBytesPerParameter& preset, double parameters, int ranks) {
  const double shards = preset.shards_optimizer ? real(ranks) : 1.0;
  return Bytes{parameters * (preset.weights + preset.gradients + preset.optimizer / shards)};
}

Bytes zero_memory(double parameters, int stage, int ranks) {
  const double n = real(ranks);
  const double weights = 2.0 / (stage >= 3 ? n : 1.0);
  const double gradients = 2.0 / (stage >= 2 ? n : 1.0);
  const double optimizer = 12.0 / (stage >= 1 ? n : 1.0);
  return Bytes{parameters * (weights + gradients + optimizer)};
}

Bytes zero_communication(double parameters, int stage) {
  constexpr double kBytesPerValue = 2.0;
  return Bytes{kBytesPerValue * parameters * (stage >= 3 ? 3.0 : 2.0)};
}

int tensor_parallel_all_reduces(Recompute recompute) { return recompute == Recompute::full ? 6 : 4; }

Bytes tensor_parallel_traffic_per_layer(const ActivationShape& shape, Recompute recompute) {
  const double t = real(shape.tensor_parallel);
  const double ring = 2.0 * (t - 1.0) / t;
  return Bytes{real(tensor_parallel_all_reduces(recompute)) * ring * values(shape) * 2.0};
}

}  // namespace orrery::models
