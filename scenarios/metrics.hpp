// The metrics of a report: names that scripts, expectations and CSV columns rely on, with their units.
//
// A metric is a row of one table {name, unit, equation, value}. The table feeds the report (JSON, CSV,
// text), the `expect:` section's "did you mean" and `orrery list metrics`. Values are SI: seconds, bytes,
// plain ratios; TFLOP/s and TFLOP counts are 10^12.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/training/training.hpp"

namespace orrery::scenarios {

enum class Unit : std::uint8_t { seconds, bytes, ratio, tflops, tokens_per_second, hours, dollars, flag };
[[nodiscard]] std::string_view name(Unit unit);

/// What metrics of the cost section are counted from.
struct CostBasis {
  double tokens = 0.0;  ///< tokens of one optimizer step, or of the whole run where `training.total_tokens` is given
  Seconds time;         ///< the time that they take
  int gpus = 0;
  DollarsPerHour price;  ///< of one GPU hour
};

struct MetricRow {
  std::string_view name;
  Unit unit = Unit::ratio;
  std::string_view equation;
  double (*value)(const models::TrainingResult& result, const CostBasis& cost);
};

/// Every scalar metric, in the order of the report.
[[nodiscard]] const std::vector<MetricRow>& metric_rows();

/// A row of memory.stages[]; `name` is the last part of "memory.stages.<stage>.<name>".
struct StageMetricRow {
  std::string_view name;
  std::string_view equation;
  Bytes (*value)(const models::StageMemory& memory);
};
[[nodiscard]] const std::vector<StageMetricRow>& stage_metric_rows();

struct MetricValue {
  std::string name;
  Unit unit = Unit::ratio;
  double value = 0.0;
};

/// All metrics of a result; stages as "memory.stages.<i>.<name>", at the end.
[[nodiscard]] std::vector<MetricValue> evaluate_metrics(const models::TrainingResult& result, const CostBasis& cost);

/// The unit of a metric name, or nullopt for a name that no report has. Any stage number is accepted.
[[nodiscard]] std::optional<Unit> metric_unit(std::string_view name);

/// Names for "did you mean"; stages as "memory.stages.0.…".
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace orrery::scenarios
