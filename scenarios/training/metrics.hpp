// The metrics of a training step and of its pipeline stages.
#pragma once

#include <vector>

#include "models/training/training.hpp"
#include "scenarios/metrics.hpp"

namespace orrery::scenarios {

/// A column of memory.stages[] with its value.
struct StageMetric {
  PartMetricRow row;
  Bytes (*value)(const models::StageMemory& memory);
};
[[nodiscard]] const std::vector<StageMetric>& stage_metrics();

[[nodiscard]] const std::vector<MetricRow>& training_metric_rows();
[[nodiscard]] const std::vector<PartMetricRow>& stage_metric_rows();

/// All metrics of a result; stages as "memory.stages.<i>.<name>", at the end.
[[nodiscard]] std::vector<MetricValue> evaluate_metrics(const models::TrainingResult& result, const CostBasis& cost);

}  // namespace orrery::scenarios
