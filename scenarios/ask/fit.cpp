// The fewest GPUs that hold a model and so many sequences of a length.

#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/ask/front.hpp"
#include "scenarios/ask/nearness.hpp"
#include "scenarios/ask/refusals.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

/// As vLLM counts: requests of the full length that fit the KV cache at once.
std::int64_t held(const KeptMetrics& kept, const SearchPoint& point) {
  return static_cast<std::int64_t>(kept_value(kept, point, "serving.max_concurrency").value_or(0.0));
}

bool is_better(const Answer& answer, const AskedPlan& a, const AskedPlan& b) {
  if (a.holds != b.holds) return a.holds;
  const double room_a = answer.value(a, "serving.max_concurrency"), room_b = answer.value(b, "serving.max_concurrency");
  if (!a.holds) return fits_nearer(answer, a, b);
  if (a.gpus() != b.gpus()) return a.gpus() < b.gpus();
  if (a.engine.pipeline_parallel != b.engine.pipeline_parallel) {
    return a.engine.pipeline_parallel < b.engine.pipeline_parallel;
  }
  return room_a * static_cast<double>(a.replicas) > room_b * static_cast<double>(b.replicas);
}

}  // namespace

Answer answer_fit(const FitQuestion& question, const AskControl& control) {
  const std::string text = fit_text(question);
  const PointRunner runner(text, "ask", {}, {serving_kind().metrics()});
  std::vector<AskedEngine> engines = engines_for(question, {1, 2, 4, 8});
  Answer answer;
  answer.kept = runner.kept();
  // What fits is asked of the model's own weights, unless others are named.
  const auto is_variant = [&](const AskedEngine& engine) { return engine.weight_dtype != question.model.weight_dtype; };
  engines.erase(std::remove_if(engines.begin(), engines.end(), is_variant), engines.end());
  std::map<std::string, AskedPlan> best;  // of each GPU
  const auto take = [&](AskedPlan plan) {
    const auto known = best.find(plan.engine.gpu.name);
    if (known == best.end()) {
      best.emplace(plan.engine.gpu.name, std::move(plan));
    } else if (is_better(answer, plan, known->second)) {
      known->second = std::move(plan);
    }
  };
  for (AskedPlan& plan : Refusals(question).take(engines)) take(std::move(plan));
  SearchQuery query;
  query.rows = {engines.size(), [engines](std::size_t i) { return engine_keys(engines[i], 1); }};
  std::vector<SearchRow> rows = control.search(runner, query, "engines");
  const std::int64_t users = std::max<std::int64_t>(1, question.users);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    answer.runs += rows[i].runs;
    AskedPlan plan;
    plan.engine = engines[i];
    plan.point = std::move(rows[i].point);
    const std::int64_t each = held(answer.kept, plan.point);
    plan.holds = rows[i].holds && each > 0;
    plan.replicas = plan.holds ? (users + each - 1) / each : 1;
    plan.users = plan.holds ? each * plan.replicas : 0;
    if (question.gpu_count > 0 && plan.gpus() > question.gpu_count) {
      plan.holds = false;
      plan.replicas = question.gpu_count / plan.engine.gpus();
      plan.users = each * plan.replicas;
    }
    take(std::move(plan));
  }
  for (auto& [name, plan] : best) answer.plans.push_back(std::move(plan));
  std::stable_sort(answer.plans.begin(), answer.plans.end(), [&](const AskedPlan& a, const AskedPlan& b) {
    if (a.holds != b.holds) return a.holds;
    if (!a.holds) return fits_nearer(answer, a, b);
    return a.gpus() != b.gpus() ? a.gpus() < b.gpus() : a.usd_per_hour() < b.usd_per_hour();
  });
  if (!answer.plans.empty()) {
    const AskedPlan& first = answer.plans.front();
    answer.scenario = scenario_of(answer, text, engine_keys(first.engine, first.replicas));
  }
  mark_front(answer, question, control, runner,
             [](const AskedPlan& plan) { return engine_keys(plan.engine, plan.replicas); });
  return answer;
}

}  // namespace orrery::scenarios
