#include "sim/plan/durations.hpp"

#include <algorithm>
#include <stdexcept>

namespace orrery::sim {

StepPrice step_price(const Plan& plan, const Durations& durations, Step step, std::uint32_t gpu_class) {
  switch (step.kind) {
    case StepKind::launch: {
      const KernelEntry& entry = plan.kernels[step.index];
      return {durations.kernels[gpu_class * plan.kernels.size() + step.index], entry.label, entry.activity};
    }
    case StepKind::collective: {
      const CollectiveEntry& entry = plan.collectives[step.index];
      return {durations.collectives[step.index], entry.label, entry.activity};
    }
    case StepKind::send:
    case StepKind::recv: {
      const TransferEntry& entry = plan.transfers[step.index];
      return {durations.transfers[step.index], entry.label, entry.activity};
    }
    case StepKind::copy:
      return {durations.copies[step.index], plan.copies[step.index].label, Activity::host_copy};
    default:
      return {};
  }
}

std::size_t gpu_classes(const Plan& plan) {
  std::uint32_t largest = 0;
  for (const Rank& rank : plan.ranks) largest = std::max(largest, rank.gpu_class);
  return largest + std::size_t{1};
}

void require_durations_of(const Plan& plan, const Durations& durations) {
  if (durations.kernels.size() == plan.kernels.size() * gpu_classes(plan) &&
      durations.collectives.size() == plan.collectives.size() && durations.transfers.size() == plan.transfers.size() &&
      durations.copies.size() == plan.copies.size()) {
    return;
  }
  throw std::invalid_argument("the durations are not those of this plan: the tables have other sizes");
}

}  // namespace orrery::sim
