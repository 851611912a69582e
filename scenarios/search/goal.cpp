#include "scenarios/search/goal.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "hardware/nearest_names.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

/// Larger is better.
std::optional<double> merit(const KeptMetrics& kept, const SearchPoint& point, const Objective& objective) {
  const std::optional<double> value = kept_value(kept, point, objective.metric);
  return value && !objective.most ? std::optional<double>(-*value) : value;
}

}  // namespace

std::string Objective::words() const { return fmt::format("{} {}", most ? "most" : "least", metric); }

Objective objective_of(std::string_view metric, std::string_view by) {
  const std::optional<MetricRow> row = find_metric_row(metric);
  if (row) return {std::string(metric), row->direction != Direction::less_is_better};
  const std::vector<std::string> nearest = hardware::nearest_names(own_name(metric), metric_names());
  throw hardware::ConfigError(
      fmt::format("{}: there is no metric '{}'; {} (orrery list metrics)", by, printable(metric),
                  nearest.empty() ? "see the list" : fmt::format("did you mean {}?", fmt::join(nearest, ", "))));
}

std::vector<Objective> front_objectives(const std::vector<std::string>& metrics, const std::string& prefix,
                                        std::string_view by) {
  std::vector<Objective> all;
  for (const std::string& metric : metrics) {
    Objective& objective = all.emplace_back(objective_of(metric, by));
    if (own_name(objective.metric) == objective.metric) objective.metric.insert(0, prefix);
  }
  if (all.size() == 1) throw hardware::ConfigError(fmt::format("{}: a front is of two metrics or more: a,b", by));
  return all;
}

bool holds(const KeptMetrics& kept, const SearchPoint& point, const std::vector<Bound>& bounds) {
  const auto within = [&](const Bound& bound) {
    const std::optional<double> value = kept_value(kept, point, bound.metric);
    return value && (bound.at_least ? *value >= bound.limit : *value <= bound.limit);
  };
  return point.is_well() && std::all_of(bounds.begin(), bounds.end(), within);
}

std::optional<std::size_t> best_of(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                   const Objective& objective, const std::vector<Bound>& bounds) {
  std::optional<std::size_t> best;
  double most = 0.0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::optional<double> here = merit(kept, points[i], objective);
    if (!here || (best && *here <= most) || !holds(kept, points[i], bounds)) continue;
    best = i;
    most = *here;
  }
  return best;
}

std::vector<std::size_t> pareto_front(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                      const std::vector<Objective>& objectives, const std::vector<Bound>& bounds) {
  std::vector<std::size_t> able;
  std::vector<std::vector<double>> merits;
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::vector<double> of_point;
    for (const Objective& objective : objectives) {
      if (const std::optional<double> value = merit(kept, points[i], objective)) of_point.push_back(*value);
    }
    if (of_point.size() != objectives.size() || !holds(kept, points[i], bounds)) continue;
    able.push_back(i);
    merits.push_back(std::move(of_point));
  }
  const auto beats = [](const std::vector<double>& a, const std::vector<double>& b) {
    return a != b && std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) { return x >= y; });
  };
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < able.size(); ++i) {
    const auto beaten = [&](const std::vector<double>& other) { return beats(other, merits[i]); };
    if (std::none_of(merits.begin(), merits.end(), beaten)) front.push_back(able[i]);
  }
  return front;
}

std::string ParetoFront::words(std::string_view points) const {
  std::string what;
  for (const Objective& objective : objectives) what += (what.empty() ? "" : ", ") + objective.words();
  return fmt::format("Pareto front of {}: {} of {} {}", what, std::count(has.begin(), has.end(), true), has.size(),
                     points);
}

ParetoFront front_of(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                     const std::vector<Objective>& objectives) {
  ParetoFront front{objectives, std::vector<bool>(points.size(), false)};
  for (const std::size_t i : pareto_front(kept, points, objectives)) front.has[i] = true;
  return front;
}

std::vector<std::size_t> sorted_by(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                   const Objective& objective) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const std::optional<double> left = merit(kept, points[a], objective), right = merit(kept, points[b], objective);
    return left && (!right || *left > *right);
  });
  return order;
}

}  // namespace orrery::scenarios
