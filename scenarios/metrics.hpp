// The metrics of a report: names that scripts, expectations and CSV columns rely on, with their units.
//
// A metric is a row of one table {name, unit, equation, whether more is better}. Each kind of job has its own section
// ("training.…") and gives values to those rows of the sections `memory` and `cost` that it has; those are described
// here, so that kinds can be compared. The table feeds the report (JSON, CSV, text), the `expect:` section's "did you
// mean", comparisons and `orrery list metrics`. Values are SI: seconds, bytes, plain ratios; TFLOP/s and TFLOP counts
// are 10^12. Dots in a name are levels of the JSON report. A metric of one of several jobs is called
// "jobs.<name>.training.step_time_s".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"

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
  bytes_per_second,
  count,  ///< a whole number of something
  number  ///< a mean of such
};
[[nodiscard]] std::string_view name(Unit unit);

/// Whether more of a metric is good news. Neutral is what is a means or an accident: hardware FLOP/s rise when work is
/// done twice, the duration of a serving run follows from its load, and a full KV cache is good use or the limit, as
/// one likes.
enum class Direction : std::uint8_t { neutral, more_is_better, less_is_better };

struct MetricRow {
  std::string name;
  Unit unit = Unit::ratio;
  std::string_view equation;
  Direction direction = Direction::neutral;
  bool optional = false;  ///< not there at all, instead of null, where a run leaves it undefined
};

/// A metric that a run has once per part of it, as "memory.stages.3.peak_bytes".
struct PartMetricRow {
  std::string_view prefix;  ///< "memory.stages."
  std::string_view part;    ///< what the number behind it counts: "stage"
  std::string_view name;    ///< "peak_bytes"
  Unit unit = Unit::bytes;
  std::string_view equation;
  Direction direction = Direction::neutral;

  [[nodiscard]] std::string of(int index) const;
};

struct MetricValue {
  std::string name;
  Unit unit = Unit::ratio;
  double value = 0.0;
};

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

/// The rows of the sections `memory` and `cost`, which kinds share.
[[nodiscard]] const std::vector<MetricRow>& shared_metric_rows();
/// One of them. REQUIRES its name.
[[nodiscard]] const MetricRow& shared_metric(std::string_view name);
/// Those of the section `cost` for a kind that tells answers from other tokens, or does not.
[[nodiscard]] std::vector<MetricRow> cost_metric_rows(bool with_output_tokens);
/// Their values; without tokens a price per token is undefined and left out.
void append_cost(std::vector<MetricValue>& values, const CostBasis& cost, bool with_output_tokens);

/// Every scalar metric of every kind, in the order of the report.
[[nodiscard]] const std::vector<MetricRow>& metric_rows();
/// Every metric of parts.
[[nodiscard]] const std::vector<PartMetricRow>& part_metric_rows();

/// "jobs.chat.serving.ttft_s.p99" without the job that it is of; other names as they are.
[[nodiscard]] std::string_view own_name(std::string_view metric);
/// The job that a metric name is of, "chat"; empty: of a scenario's only one.
[[nodiscard]] std::string_view job_of(std::string_view metric);

/// The row of a metric name, of any job and part; nullopt: no report has such a metric.
[[nodiscard]] std::optional<MetricRow> find_metric_row(std::string_view name);
/// It is a metric of a part: "memory.stages.0.peak_bytes", "jobs.a.memory.stages.0.peak_bytes".
[[nodiscard]] bool is_part_metric(std::string_view name);
/// The unit of a metric name, or nullopt for a name that no report has. Any number of a part is accepted.
[[nodiscard]] std::optional<Unit> metric_unit(std::string_view name);

/// Names for "did you mean"; parts as "memory.stages.0.…".
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace orrery::scenarios
