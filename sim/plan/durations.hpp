// The duration of every table entry of a plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/clock.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct Durations {
  /// Of all `repeat` runs together, class after class of GPUs: entry `k` on GPUs of class `c` is
  /// kernels[c · (entries) + k].
  std::vector<SimTime> kernels;
  std::vector<SimTime> collectives;
  std::vector<SimTime> transfers;
  std::vector<SimTime> copies;
};

/// Duration, label and activity of a timed step.
struct StepPrice {
  SimTime duration = 0;
  LabelId label;
  Activity activity = Activity::other;
};

/// REQUIRES a timed step and durations of the plan. `gpu_class`: of the rank that runs it.
[[nodiscard]] StepPrice step_price(const Plan& plan, const Durations& durations, Step step, std::uint32_t gpu_class);

/// 1 + the largest gpu_class of the plan's ranks; 1 without ranks.
[[nodiscard]] std::size_t gpu_classes(const Plan& plan);

/// Throws std::invalid_argument if the tables are not those of the plan.
void require_durations_of(const Plan& plan, const Durations& durations);

/// launch, collective, send, recv and copy.
[[nodiscard]] constexpr bool is_timed(StepKind kind) {
  return kind == StepKind::launch || kind == StepKind::collective || kind == StepKind::send || kind == StepKind::recv ||
         kind == StepKind::copy;
}

}  // namespace orrery::sim
