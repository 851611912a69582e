// Expectations: published or promised figures that a scenario is held to.
//
// An expectation is a metric, a value with its unit, a tolerance (relative "10 %", or absolute "0.5 GiB")
// and a source. `known_miss` is the reason why it can't be met yet: it is reported without failing, and a
// finding as soon as it starts to hold, so that the list of known misses stays true.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/metrics.hpp"

namespace orrery::scenarios {

struct Expectation {
  std::string metric;
  Unit unit = Unit::ratio;
  double value = 0.0;
  double tolerance = 0.0;  ///< a ratio of `value`, or in the metric's unit when `absolute`
  bool absolute = false;
  std::string source;
  std::string known_miss;  ///< empty: it is expected to hold
};

enum class Outcome : std::uint8_t { pass, miss, known_miss, skipped };
[[nodiscard]] std::string_view name(Outcome outcome);

struct ExpectationOutcome {
  Expectation expectation;
  std::optional<double> predicted;  ///< nullopt: the report has no such metric (skipped)
  Outcome outcome = Outcome::skipped;
  bool known_miss_holds = false;  ///< it passes although it is marked as a known miss
};

/// Reads the `expect:` sequence; `node` may be nullptr (no expectations). Errors go to `diagnostics`. `jobs` are the
/// names of several jobs: each metric must then say which it is of, "jobs.<name>.…"; without them none may.
[[nodiscard]] std::vector<Expectation> read_expectations(const hardware::ConfigNode* node,
                                                         hardware::Diagnostics& diagnostics,
                                                         const std::vector<std::string>& jobs = {});

/// |predicted − value| ≤ tolerance · |value| (relative) or ≤ tolerance (absolute).
[[nodiscard]] ExpectationOutcome judge(const Expectation& expectation, const std::vector<MetricValue>& metrics);

/// A number in the metric's unit: "13.75 s", "45.6 GiB", "51.4 %", "0.514", "150 TFLOP/s"; nullopt with
/// `error` filled when malformed.
[[nodiscard]] std::optional<double> parse_metric_value(std::string_view text, Unit unit, std::string& error);

}  // namespace orrery::scenarios
