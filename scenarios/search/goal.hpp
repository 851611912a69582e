// What a search is for: bounds that a point must hold, and the metric that it should have most or least of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/search/point.hpp"

namespace orrery::scenarios {

/// A metric on one side of a value. A point that leaves the metric undefined holds no bound of it.
struct Bound {
  std::string metric;
  bool at_least = false;  ///< else at most
  double limit = 0.0;
};

struct Objective {
  std::string metric;
  bool most = true;  ///< else least

  /// "most serving.output_tokens_per_s".
  [[nodiscard]] std::string words() const;
};

/// By which way the metric is good news; a neutral one is taken as "most". Throws ConfigError for a name that no report
/// has, with the nearest ones, naming the option `by`.
[[nodiscard]] Objective objective_of(std::string_view metric, std::string_view by);

/// What a front is of: each as objective_of(), with `prefix` (of a job) before the names that have none. None for no
/// names; throws ConfigError for one alone.
[[nodiscard]] std::vector<Objective> front_objectives(const std::vector<std::string>& metrics,
                                                      const std::string& prefix, std::string_view by);

/// It is well, and within every bound.
[[nodiscard]] bool holds(const KeptMetrics& kept, const SearchPoint& point, const std::vector<Bound>& bounds);

/// The best of those that hold the bounds; of equal ones the first. nullopt: none holds.
[[nodiscard]] std::optional<std::size_t> best_of(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                                 const Objective& objective, const std::vector<Bound>& bounds = {});

/// Those that hold the bounds and that no other such point beats: at least as good in every objective and better in
/// one. In their order. O(n²) in the points that hold.
[[nodiscard]] std::vector<std::size_t> pareto_front(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                                    const std::vector<Objective>& objectives,
                                                    const std::vector<Bound>& bounds = {});

/// Which points no other beats in all of several objectives at once.
struct ParetoFront {
  std::vector<Objective> objectives;
  std::vector<bool> has;  ///< by point

  /// "Pareto front of most a, least b: 2 of 7 points".
  [[nodiscard]] std::string words(std::string_view points) const;
};
inline constexpr std::string_view kOnTheFront = "on the Pareto front";

/// pareto_front() as a mark for each point.
[[nodiscard]] ParetoFront front_of(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                   const std::vector<Objective>& objectives);

/// Indices of all points, best first by one metric; equal ones in their order, those without it last.
[[nodiscard]] std::vector<std::size_t> sorted_by(const KeptMetrics& kept, const std::vector<SearchPoint>& points,
                                                 const Objective& objective);

}  // namespace orrery::scenarios
