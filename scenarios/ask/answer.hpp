// Answers of `orrery ask`: plans that were tried, the best first; answer_words.hpp has them in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/ask/engines.hpp"
#include "scenarios/ask/question.hpp"
#include "scenarios/ask/user_end.hpp"
#include "scenarios/memory_verdict.hpp"
#include "scenarios/search/goal.hpp"
#include "scenarios/search/point.hpp"

namespace orrery::scenarios {

struct AskControl;

struct AskedPlan {
  AskedEngine engine;
  std::int64_t replicas = 1;
  std::int64_t users = 0;  ///< that it serves or holds at once; 0: asked by rate
  bool holds = false;
  /// It was not asked further, since another plan holds more than it can: `users` are what its replicas hold one by
  /// one.
  bool left = false;
  SearchPoint point;                  ///< of a plan that isn't the first perhaps of some of its replicas: replicas.hpp
  std::optional<SearchPoint> beyond;  ///< one user more, or one replica less: what no longer holds
  UserEnd end = {};                   ///< where its search for users ended at the latest

  /// The most users of all its replicas that were asked for.
  [[nodiscard]] std::int64_t most_users() const;
  /// So many of its replicas are what `point` ran; the others do the same.
  [[nodiscard]] std::int64_t replicas_run() const;
  [[nodiscard]] int gpus() const { return static_cast<int>(engine.gpus() * replicas); }
  [[nodiscard]] double usd_per_hour() const { return engine.gpu.price * gpus(); }
};

struct Answer {
  KeptMetrics kept;
  std::vector<AskedPlan> plans;      ///< best first; then those that don't hold, the nearest first
  std::optional<ParetoFront> front;  ///< of the plans, where one is asked for and all were tried
  std::string binding;               ///< what keeps the best from more, or the nearest from enough
  std::string scenario;              ///< the text of plans.front(): scenario_of()
  int runs = 0;

  [[nodiscard]] bool holds() const { return !plans.empty() && plans.front().holds; }
  [[nodiscard]] double value(const AskedPlan& plan, std::string_view metric) const {
    return kept_value(kept, plan.point, metric).value_or(0.0);
  }
  /// Of its fullest GPU; nullopt: it didn't run.
  [[nodiscard]] std::optional<MemoryVerdict> memory(const AskedPlan& plan) const;
};

/// The best plan's scenario, `text` with its `keys`. One that does not hold is the nearest and no answer: the first
/// line says so. Empty where no plan can be, as one that an engine refuses: that is nothing to run.
[[nodiscard]] std::string scenario_of(const Answer& answer, const std::string& text, const std::vector<Override>& keys);

/// The answer is that of asking every plan and every number in turn, as far as holding turns once along users and
/// replicas; lengths with a spread make it turn several times close to each other, and it is one of them then. With
/// `users` or `rate`: the plan that serves them at least cost per output token, of each engine with the fewest replicas
/// that hold the SLO. Without either: the most users that hold it, on the GPUs that there are, or, where their number
/// is open, on one replica of each engine, the cheapest per output token first. Prompts and answers come from clients
/// in a closed loop, or by a Poisson process at `rate`. An engine that does not start is a plan of one replica.
/// — Limitations: replicas beyond the first are found by bisection, plans that cost 5 % more an hour than a known one
/// are not tried, and users beyond end_of_users() are not asked for.
[[nodiscard]] Answer answer_serve(const ServeQuestion& question, const AskControl& control);

/// The fewest GPUs of each kind whose KV cache holds `users` sequences (at least 1) of `context` tokens at once; of
/// several ways the one without pipeline stages, then with the most room.
[[nodiscard]] Answer answer_fit(const FitQuestion& question, const AskControl& control);

/// Own GPUs beside an API that charges by the token.
struct ApiComparison {
  double api_per_request = 0.0;  ///< USD
  double own_per_request = 0.0;  ///< USD at full load
  /// Share of the hours' capacity from which on own GPUs, which cost the same idle, are cheaper; above 1: never.
  [[nodiscard]] double break_even() const { return own_per_request / api_per_request; }
};
/// — Equation: own = price·GPUs / requests per hour; API = Σ tokens · price, prompt tokens that the prefix cache hit at
/// the cached price. REQUIRES a plan that serves something; nullopt otherwise, or for an API that charges nothing.
[[nodiscard]] std::optional<ApiComparison> compare_api(const Answer& answer, const ServeQuestion& question);

[[nodiscard]] std::string serve_json(const ServeQuestion& question, const Answer& answer);
[[nodiscard]] std::string fit_json(const FitQuestion& question, const Answer& answer);

}  // namespace orrery::scenarios
