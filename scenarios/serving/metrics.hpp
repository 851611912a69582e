// The metrics of a serving run. Definitions of the latencies stand in models/serving/serving.hpp.
#pragma once

#include <vector>

#include "models/serving/serving.hpp"
#include "scenarios/metrics.hpp"

namespace orrery::scenarios {

[[nodiscard]] const std::vector<MetricRow>& serving_metric_rows();

/// Those that the run defines.
[[nodiscard]] std::vector<MetricValue> evaluate_metrics(const models::ServingResult& result, const CostBasis& cost);

}  // namespace orrery::scenarios
