// Two reports metric by metric: what `orrery compare` prints and the window shows as deltas.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/metrics.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// Of a metric's row; nullopt: the name is no metric.
[[nodiscard]] std::optional<Direction> find_direction(std::string_view metric);
/// Of a metric name; stages as "memory.stages.<i>.…". Neutral for a name that is no metric.
[[nodiscard]] Direction direction(std::string_view metric);

struct MetricChange {
  std::string name;
  Unit unit = Unit::ratio;
  std::optional<double> a, b;  ///< nullopt: that report has no such metric
  [[nodiscard]] std::optional<double> difference() const;
  /// b / a; nullopt where one is missing or a is 0.
  [[nodiscard]] std::optional<double> ratio() const;
  /// +1 better, −1 worse, 0 equal, neutral or not comparable.
  [[nodiscard]] int verdict() const;
};

/// Every metric that either report has, in the order of the metrics' table; stages at the end.
[[nodiscard]] std::vector<MetricChange> compare_reports(const Report& a, const Report& b);

/// One side of a comparison: its value of a metric, nullopt where it has none.
using MetricLookup = std::function<std::optional<double>(const std::string& metric)>;
/// The same without stages, of sides that are not both reports: one may be read from JSON. `named` are the metrics of
/// several jobs, "jobs.a.training.mfu", behind those of metric_rows().
[[nodiscard]] std::vector<MetricChange> compare_values(const MetricLookup& a, const MetricLookup& b,
                                                       const std::vector<std::string>& named = {});

}  // namespace orrery::scenarios
