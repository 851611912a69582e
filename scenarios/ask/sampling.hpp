// Where a plan of many replicas turns, looked for in some of its replicas.
//
// Requests at a rate go to the replicas in turn. Of R replicas under Poisson arrivals each sees an Erlang law of R
// stages, whatever the others do: m of them under gamma arrivals of m/R of the rate and of a cv of sqrt(m/R) see the
// very same. Clients of a closed loop are not parted so; there a s-th of the replicas under a s-th of the users does
// about what the whole does. Either is a guess: the whole is run around it, and the answer is the one that it would be
// without. Only where some replicas miss five times what may be missed is the whole not run.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "scenarios/ask/engines.hpp"
#include "scenarios/search/bisection.hpp"
#include "scenarios/search/goal.hpp"
#include "scenarios/search/search.hpp"

namespace orrery::scenarios {

/// Below so many requests a second a plan is run as quickly as some of it.
inline constexpr double kLeastSampledRate = 100.0;

/// Copies share their count of runs; safe to use from several threads.
class TurnSampler {
 public:
  TurnSampler(const ServeQuestion& question, const PointRunner& runner, std::vector<Bound> bounds)
      : question_(question), runner_(runner), bounds_(std::move(bounds)) {}

  /// The fewest replicas that hold the question's users or rate, of `limits`.
  [[nodiscard]] TurnStart fewest_replicas(const AskedEngine& engine, const RangeLimits& limits) const;
  /// Where the whole is looked for, from what a sample under a rate found.
  [[nodiscard]] static TurnStart around(std::int64_t found);
  /// The most users that so many replicas hold, of `limits`, `near` being a guess already.
  [[nodiscard]] TurnStart most_users(const AskedEngine& engine, std::int64_t replicas, std::int64_t near,
                                     const RangeLimits& limits) const;
  /// What some of so many replicas did, where they miss so much that the whole can't hold; nullopt: it has to be run.
  [[nodiscard]] std::optional<SearchPoint> hopeless(const AskedEngine& engine, std::int64_t replicas) const;

  /// What was run for guesses.
  [[nodiscard]] int runs() const { return *runs_; }

 private:
  [[nodiscard]] bool holds_with(std::vector<Override> keys) const;

  ServeQuestion question_;
  PointRunner runner_;
  std::vector<Bound> bounds_;
  std::shared_ptr<std::atomic<int>> runs_ = std::make_shared<std::atomic<int>>(0);
};

/// By what a whole is divided, the smallest sample first; empty: it is too small for samples. `unit`: what a sample has
/// at least.
[[nodiscard]] std::vector<std::int64_t> sample_scales(double whole, double unit);

}  // namespace orrery::scenarios
