#include "models/training/sensitivity.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "kernels/family.hpp"
#include "models/training/lowered_step.hpp"
#include "models/training/pricing.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::models {

namespace {

constexpr double kFaster = 0.9;

using Pick = std::vector<sim::SimTime*>;

/// The durations of each kind of entry.
std::map<std::string, Pick> by_kind(const sim::Plan& plan, sim::Durations& durations) {
  std::map<std::string, Pick> kinds;
  for (std::size_t i = 0; i < durations.kernels.size(); ++i) {
    const sim::KernelEntry& entry = plan.kernels[i % plan.kernels.size()];
    kinds[std::string(kernels::family_of(entry.kernel).name)].push_back(&durations.kernels[i]);
  }
  for (std::size_t i = 0; i < plan.collectives.size(); ++i) {
    const sim::CollectiveEntry& entry = plan.collectives[i];
    kinds[std::string(sim::name(entry.activity)) + " " + std::string(sim::name(entry.kind))].push_back(
        &durations.collectives[i]);
  }
  for (std::size_t i = 0; i < plan.transfers.size(); ++i) {
    kinds[std::string(sim::name(plan.transfers[i].activity)) + " transfer"].push_back(&durations.transfers[i]);
  }
  for (std::size_t i = 0; i < plan.copies.size(); ++i) kinds["host copy"].push_back(&durations.copies[i]);
  return kinds;
}

/// The durations with those of one kind scaled.
sim::Durations scaled(const sim::Plan& plan, const sim::Durations& durations, const std::string& kind, double factor) {
  sim::Durations out = durations;
  const std::map<std::string, Pick> kinds = by_kind(plan, out);
  for (sim::SimTime* duration : kinds.at(kind)) {
    *duration = static_cast<sim::SimTime>(static_cast<double>(*duration) * factor);
  }
  return out;
}

}  // namespace

StepSensitivity step_sensitivity(const TrainingJob& job, const kernels::KernelTimer& timer) {
  const LoweredStep step(job, alike_members(job, {}, nullptr), {});
  const sim::Plan& plan = step.plan();
  std::vector<sim::Durations> sets{sim::price(plan, training_prices(job, timer))};
  std::vector<std::string> names;
  for (const auto& [kind, durations] : by_kind(plan, sets.front())) names.push_back(kind);
  for (const std::string& kind : names) {
    for (const double factor : {kFaster, 0.0}) sets.push_back(scaled(plan, sets.front(), kind, factor));
  }
  const std::vector<sim::SimTime> ends = step.makespans(sets);
  StepSensitivity out{sim::to_seconds(ends.front()), {}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.kinds.push_back({names[i], sim::to_seconds(ends[2 * i + 1]), sim::to_seconds(ends[2 * i + 2])});
  }
  std::stable_sort(out.kinds.begin(), out.kinds.end(),
                   [](const Sensitivity& a, const Sensitivity& b) { return a.faster < b.faster; });
  return out;
}

}  // namespace orrery::models
