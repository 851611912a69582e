// What samples tell of engines under a rate before any plan is run as a whole: which is run first, and from where.
//
// A whole plan of a thousand replicas takes as long as fifty samples of it. Where the plan that will be the cheapest is
// run first, nearly all others are too dear for another whole run.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "scenarios/ask/sampling.hpp"

namespace orrery::scenarios {

/// The most GPUs that are tried.
inline constexpr int kMostGpus = 4096;
/// Until one plan holds, nothing says what is too dear.
inline constexpr double kAnyPrice = std::numeric_limits<double>::infinity();
/// Rows of a price bound, and of none yet: their number must not follow the number of threads, or the answer would.
inline constexpr std::size_t kPricedRows = 8, kUnpricedRows = 2;
/// A plan's cost per token follows its cost per hour, but for how long it takes to finish the last requests.
inline constexpr double kPriceSlack = 1.05;

/// How many replicas there may be, for so many USD an hour at most; the largest number is asked first where there is a
/// bound.
/// — Equation: most = min(GPUs / GPUs a replica, USD / (price · GPUs a replica)).
[[nodiscard]] RangeLimits replica_limits(const ServeQuestion& question, const AskedEngine& engine, double usd_per_hour);

struct RateEstimate {
  std::int64_t replicas = 0;  ///< the fewest that hold, as some of them tell; 0: none, at the prices of the others
  /// As TurnSampler::hopeless(): so many can't hold the rate, nor can fewer.
  std::int64_t hopeless_at = 0;
  std::optional<SearchPoint> hopeless = {};
  /// What was found where so few replicas hold that the samples were all of them: no estimate.
  std::optional<SearchRow> whole = {};

  [[nodiscard]] double usd_per_hour(const AskedEngine& engine) const;
  /// What is known of `most` replicas without another run; nullopt: nothing.
  [[nodiscard]] std::optional<SearchPoint> hopeless_of(const ServeQuestion& question, const AskedEngine& engine,
                                                       std::int64_t most) const;
};

/// How queries are run.
struct EstimateRuns {
  const TurnSampler& sampler;
  SearchQuery blank;  ///< its bounds
  std::function<std::vector<SearchRow>(const SearchQuery&)> run;
  std::function<bool()> stopped;
};

/// Of each engine, in their order. None is worth more than a guess: those that seem too dear have not been asked
/// further. Empty where samples tell nothing: the question is not by rate, or by a low one.
[[nodiscard]] std::vector<RateEstimate> estimate_replicas(const std::vector<AskedEngine>& engines,
                                                          const ServeQuestion& question, const EstimateRuns& runs);

/// Leaves those that have to be asked further, in their order.
void drop_whole(std::vector<AskedEngine>& engines, std::vector<RateEstimate>& estimates);

/// Both by the price of what is estimated, the cheapest first; those without an estimate last, in their order.
void sort_by_estimate(std::vector<AskedEngine>& engines, std::vector<RateEstimate>& estimates);

/// The fewest replicas of each engine that hold the question, for little more than `cheapest` USD an hour at most.
/// REQUIRES an estimate per engine, a blank one where there is none.
[[nodiscard]] SearchQuery cheapest_query(const std::vector<AskedEngine>& batch,
                                         const std::vector<RateEstimate>& estimates, const ServeQuestion& question,
                                         const EstimateRuns& runs, double cheapest);

}  // namespace orrery::scenarios
