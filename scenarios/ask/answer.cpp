#include "scenarios/ask/answer.hpp"

#include <string>

namespace orrery::scenarios {

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

}  // namespace orrery::scenarios
