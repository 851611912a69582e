#include "scenarios/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "kernels/table/scaled_timer.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {
namespace {

// Of a roofline with one efficiency fitted per GPU, on matrix multiplications of whole families that it never saw: a
// median of 25 to 38 % (NVIDIA AIConfigurator @095f58a5, gemm tables of H100, H200, A100 and B200).
constexpr double kDatasheetError = 0.4;
constexpr double kUnmoved = 1e-4;  // of a metric: no kernel's time changes it

/// Of times, rates, what they cost, and utilisations; what counts or fits into memory has none.
bool has_interval(const MetricValue& metric) {
  switch (metric.unit) {
    case Unit::seconds:
    case Unit::tflops:
    case Unit::tokens_per_second:
    case Unit::hours:
    case Unit::dollars:
    case Unit::requests_per_second:
    case Unit::bytes_per_second:
      return true;
    default:
      return own_name(metric.name) == "training.mfu" || own_name(metric.name) == "training.hfu";
  }
}

std::optional<hardware::Band> band_of(const hardware::Cluster& cluster, const std::string& key) {
  std::optional<hardware::Band> widest;
  for (const hardware::NodeGroup& group : cluster.groups) {
    const hardware::Fit* fit = group.gpu.find_fit(key);
    const std::optional<hardware::Band> band = fit == nullptr ? std::nullopt : fit->band();
    if (band && (!widest || band->high / band->low > widest->high / widest->low)) widest = band;
  }
  return widest;
}

std::vector<IntervalSource> sources_of(const Scenario& scenario, const Report& report) {
  std::vector<IntervalSource> sources;
  for (const Provenance& line : report.provenance) {
    if (line.kind != "kernels" || line.name == "launch gaps" || line.name == "host_copy") continue;
    const auto same = [&](const IntervalSource& one) {
      return one.fit == line.fit && (!line.fit.empty() || one.family == line.name);
    };
    if (std::any_of(sources.begin(), sources.end(), same)) continue;
    IntervalSource source{line.fit, line.name, 1.0, 1.0, {}};
    const std::optional<hardware::Band> band = line.fit.empty() ? std::nullopt : band_of(scenario.cluster, line.fit);
    const hardware::Band own =
        band.value_or(hardware::Band{1.0 / (1.0 + kDatasheetError), 1.0 + kDatasheetError, "datasheet only"});
    source.low = 1.0 + line.concentration * (own.low - 1.0);
    source.high = 1.0 + line.concentration * (own.high - 1.0);
    source.of = own.of;
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace

const MetricInterval* Intervals::find(std::string_view metric) const {
  const auto found =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& one) { return one.metric == metric; });
  return found == metrics.end() ? nullptr : &*found;
}

Intervals intervals_of(const Scenario& scenario, const Report& report, const kernels::KernelTimer& timer,
                       const sim::RunControl& control) {
  Intervals out;
  out.sources = sources_of(scenario, report);
  std::map<std::string, std::pair<double, double>> squares;  // down and up
  std::size_t done = 0;
  for (const IntervalSource& source : out.sources) {
    for (const double factor : {source.low, source.high}) {
      control.check();
      const auto scaled = kernels::scaled_timer(timer, {source.fit, source.family, factor});
      const Report end = run_scenario_with(scenario, *scaled);
      for (const MetricValue& value : end.metrics) {
        const std::optional<double> base = report.find_metric(value.name);
        if (!base) continue;
        const double change = value.value - *base;
        (change < 0.0 ? squares[value.name].first : squares[value.name].second) += change * change;
      }
      control.report(static_cast<double>(++done) / (2.0 * static_cast<double>(out.sources.size())));
    }
  }
  for (const MetricValue& metric : report.metrics) {
    if (!has_interval(metric)) continue;
    const auto [down, up] = squares[metric.name];
    // What hangs on collectives, transfers or the host alone is not certain, only not carried here.
    if (std::sqrt(std::max(down, up)) <= kUnmoved * std::abs(metric.value)) continue;
    out.metrics.push_back({metric.name, metric.value - std::sqrt(down), metric.value + std::sqrt(up)});
  }
  return out;
}

}  // namespace orrery::scenarios
