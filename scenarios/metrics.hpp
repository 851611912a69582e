// The metrics of a report: names that scripts, expectations and CSV columns rely on, with their units.
//
// A metric is a row of one table {name, unit, equation, value of a training run, value of a serving run}. The table
// feeds the report (JSON, CSV, text), the `expect:` section's "did you mean" and `orrery list metrics`. Values are SI:
// seconds, bytes, plain ratios; TFLOP/s and TFLOP counts are 10^12. Dots in a name are levels of the JSON report.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/serving/serving.hpp"
#include "models/training/training.hpp"

namespace orrery::scenarios {

enum class Unit : std::uint8_t {
  seconds,
  bytes,
  ratio,
  tflops,
  tokens_per_second,
  hours,
  dollars,
  flag,
  requests_per_second,
  count,  ///< a whole number of something
  number  ///< a mean of such
};
[[nodiscard]] std::string_view name(Unit unit);

/// What metrics of the cost section are counted from.
struct CostBasis {
  /// Tokens of one optimizer step, or of the whole run where `training.total_tokens` is given; in serving those of
  /// the counted requests, prompts and answers.
  double tokens = 0.0;
  Seconds time;  ///< the time that they take
  int gpus = 0;
  DollarsPerHour price;        ///< of one GPU hour
  double output_tokens = 0.0;  ///< of `tokens`, those of answers; serving only
};

struct MetricRow {
  std::string name;
  Unit unit = Unit::ratio;
  std::string_view equation;
  /// nullptr: a training run has no such metric.
  double (*training)(const models::TrainingResult& result, const CostBasis& cost) = nullptr;
  /// nullptr: a serving run has no such metric; nullopt: this one leaves it undefined (TPOT of answers of one token).
  std::optional<double> (*serving)(const models::ServingResult& result, const CostBasis& cost) = nullptr;
};

/// Every scalar metric, in the order of the report.
[[nodiscard]] const std::vector<MetricRow>& metric_rows();
/// The rows of the report's `serving` part alone (metrics_serving.cpp).
[[nodiscard]] std::vector<MetricRow> serving_metric_rows();

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
/// The same of a serving run: those that it defines.
[[nodiscard]] std::vector<MetricValue> evaluate_metrics(const models::ServingResult& result, const CostBasis& cost);

/// The unit of a metric name, or nullopt for a name that no report has. Any stage number is accepted.
[[nodiscard]] std::optional<Unit> metric_unit(std::string_view name);

/// Names for "did you mean"; stages as "memory.stages.0.…".
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace orrery::scenarios
