// How far off a prediction may be: the errors that fits make on rows they never saw, carried through a run.
//
// Quantile scenarios: for each fit that prices kernels of the run, and for each family without one, the run is
// predicted again with those kernels at the ends of the fit's band (hardware::Fit::band(): nine of ten held-back rows
// lie between them). Where a fit prices n kernels that take the times tᵢ, their errors are taken as independent of each
// other: the band of their sum is narrower by √Σtᵢ²/Σtᵢ. What the fits' ends change of a metric is combined as the root
// of the sum of squares, up and down apart.
//
//   low = m − √Σ (m − mₖ)² over the ends that lower it,   high = m + √Σ (mₖ − m)² over those that raise it
//
// A family without a fit has the error that datasheet models with one fitted efficiency leave: 40 % either way.
// Limitations: collectives, transfers and host times are taken as predicted; an engine's schedule may change with
// times, so that metrics which count are no interval's business.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/run_control.hpp"

namespace orrery::kernels {
class KernelTimer;
}

namespace orrery::scenarios {

struct Report;
struct Scenario;

struct MetricInterval {
  std::string metric;
  double low = 0.0, high = 0.0;  ///< around the prediction, in the metric's unit
};

/// Where an interval comes from.
struct IntervalSource {
  std::string fit;               ///< key; "": kernels that no fit prices
  std::string family;            ///< of kernels
  double low = 1.0, high = 1.0;  ///< factors on the time of all of them
  std::string of;                ///< group of the held-back rows, or "datasheet only"
};

struct Intervals {
  std::vector<MetricInterval> metrics;  ///< that kernels' times change, in the order of Report::metrics
  std::vector<IntervalSource> sources;

  [[nodiscard]] const MetricInterval* find(std::string_view metric) const;
};

/// Of `report`, a prediction of `scenario` with `timer`. Throws what run_scenario() throws.
[[nodiscard]] Intervals intervals_of(const Scenario& scenario, const Report& report, const kernels::KernelTimer& timer,
                                     const sim::RunControl& control);

}  // namespace orrery::scenarios
