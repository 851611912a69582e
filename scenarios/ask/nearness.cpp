#include "scenarios/ask/nearness.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <tuple>

namespace orrery::scenarios {

double memory_lack(const Answer& answer, const AskedPlan& plan) {
  const double capacity = answer.value(plan, "memory.capacity_bytes");
  return capacity > 0.0 ? std::max(0.0, -answer.value(plan, "memory.margin_bytes")) / capacity : 0.0;
}

double beyond_limits(const Answer& answer, const ServeQuestion& question, const AskedPlan& plan) {
  double beyond = 0.0;
  const auto look = [&](std::string_view metric, Seconds limit) {
    if (!(limit > Seconds{0.0})) return;
    const std::optional<double> value = kept_value(answer.kept, plan.point, metric);
    beyond = std::max(beyond, value ? *value / limit.value() : std::numeric_limits<double>::infinity());
  };
  look("serving.ttft_s.p99", question.ttft);
  look("serving.tpot_s.p99", question.tpot);
  return beyond;
}

bool serves_nearer(const Answer& answer, const ServeQuestion& question, const AskedPlan& a, const AskedPlan& b) {
  const auto rank = [&](const AskedPlan& plan) {
    const double share = kept_value(answer.kept, plan.point, "serving.slo_attainment").value_or(0.0);
    return std::tuple(!plan.point.ran(), memory_lack(answer, plan), plan.point.given_up,
                      plan.point.given_up ? 0.0 : -share, beyond_limits(answer, question, plan));
  };
  return rank(a) < rank(b);
}

bool fits_nearer(const Answer& answer, const AskedPlan& a, const AskedPlan& b) {
  const auto rank = [&](const AskedPlan& plan) {
    const double room = answer.value(plan, "serving.max_concurrency") * static_cast<double>(plan.replicas);
    return std::tuple(!plan.point.ran(), -room, memory_lack(answer, plan), plan.gpus());
  };
  return rank(a) < rank(b);
}

}  // namespace orrery::scenarios
