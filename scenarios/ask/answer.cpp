#include "scenarios/ask/answer.hpp"

#include <algorithm>
#include <string>

namespace orrery::scenarios {

std::int64_t AskedPlan::most_users() const {
  const std::int64_t most = scenarios::most_users(replicas);
  return end.users > 0 ? std::min(most, end.users * replicas) : most;
}

std::int64_t AskedPlan::replicas_run() const {
  for (const Override& change : point.set) {
    if (change.key == "serving.replicas") return std::stoll(change.value);
  }
  return 1;
}

std::optional<MemoryVerdict> Answer::memory(const AskedPlan& plan) const {
  if (!plan.point.ran()) return std::nullopt;
  return memory_verdict(Bytes{value(plan, "memory.margin_bytes")}, Bytes{value(plan, "memory.capacity_bytes")},
                        kServingMemoryDoubt);
}

std::string scenario_of(const Answer& answer, const std::string& text, const std::vector<Override>& keys) {
  if (answer.plans.empty() || !answer.plans.front().point.ran()) return {};
  const std::string scenario = EditedText(text, "ask", keys).text();
  return answer.holds() ? scenario
                        : "# No plan holds what was asked for; this is the nearest, and no answer.\n" + scenario;
}

std::optional<ApiComparison> compare_api(const Answer& answer, const ServeQuestion& question) {
  if (!question.api || answer.plans.empty()) return std::nullopt;
  const AskedPlan& plan = answer.plans.front();
  const double per_second = answer.value(plan, "serving.requests_per_s");
  const double input = answer.value(plan, "serving.input_tokens_per_s");
  const double output = answer.value(plan, "serving.output_tokens_per_s");
  if (per_second <= 0.0) return std::nullopt;
  const double hits = answer.value(plan, "serving.prefix_hit_rate");
  ApiComparison result;
  const double input_price = hits * question.api->cached + (1.0 - hits) * question.api->input;
  result.api_per_request = (input * input_price + output * question.api->output) / per_second * 1e-6;
  result.own_per_request = plan.usd_per_hour() / (3600.0 * per_second);
  return result.api_per_request > 0.0 ? std::optional<ApiComparison>(result) : std::nullopt;
}

}  // namespace orrery::scenarios
