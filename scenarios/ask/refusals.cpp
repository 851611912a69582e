#include "scenarios/ask/refusals.hpp"

#include <algorithm>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/dtype.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/serving/weight_formats.hpp"

namespace orrery::scenarios {

Refusals::Refusals(const Question& question) : llm_(models::load_model(question.model.name)) {}

const std::string& Refusals::of(const AskedEngine& engine) {
  const auto [known, is_new] = known_.try_emplace({engine.gpu.loaded_by(), engine.weight_dtype});
  if (is_new) {
    const Dtype weights = parse_dtype(engine.weight_dtype).value_or(llm_.dtype);
    known->second = weights_refusal(llm_, weights, hardware::load_gpu(engine.gpu.loaded_by()));
  }
  return known->second;
}

std::vector<AskedPlan> Refusals::take(std::vector<AskedEngine>& engines) {
  std::vector<AskedPlan> refused;
  for (const AskedEngine& engine : engines) {
    const std::string& reason = of(engine);
    const auto is_known = [&](const AskedPlan& plan) { return plan.point.reason == reason; };
    if (reason.empty() || std::any_of(refused.begin(), refused.end(), is_known)) continue;
    AskedPlan& plan = refused.emplace_back();
    plan.engine = engine;
    plan.point.set = engine_keys(engine, 1);
    plan.point.reason = reason;
  }
  const auto is_refused = [&](const AskedEngine& engine) { return !of(engine).empty(); };
  engines.erase(std::remove_if(engines.begin(), engines.end(), is_refused), engines.end());
  return refused;
}

}  // namespace orrery::scenarios
