// The layers of a training job: models/layer/'s elements, read as the job's configuration says.
#pragma once

#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/ops.hpp"
#include "models/layer/training.hpp"
#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// Bytes of one activation or weight: 4 in fp32 and tf32, else 2 (fp8 and nvfp4 quantise on the way into a GEMM).
[[nodiscard]] double activation_size(const TrainingConfig& config);
/// What attention is computed in: fp8 and nvfp4 trainers keep it in bf16.
[[nodiscard]] Dtype attention_dtype(const TrainingConfig& config);

/// How a job reads its layers, and what passes between them.
struct LayerSizes : TrainingReading {
  explicit LayerSizes(const TrainingJob& job);

  Bytes boundary;  ///< activation tensor [tokens, hidden] between layers, of a grid's rank its block of it
};

/// Elements as a rank has them: on a grid with every width shared.
[[nodiscard]] std::vector<LayerElement> layer_elements(const TrainingJob& job, std::int64_t layer);
[[nodiscard]] std::vector<LayerElement> embedding_elements(const TrainingJob& job);
[[nodiscard]] std::vector<LayerElement> head_elements(const TrainingJob& job);

[[nodiscard]] std::vector<LayerOp> forward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements);
/// What is run again before the backward pass under `job.config.recompute`.
[[nodiscard]] std::vector<LayerOp> recompute_ops(const TrainingJob& job, const std::vector<LayerElement>& elements,
                                                 bool full);
[[nodiscard]] std::vector<LayerOp> backward_ops(const TrainingJob& job, const std::vector<LayerElement>& elements);

}  // namespace orrery::models
