#include "models/training/training.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/evaluate.hpp"

namespace orrery::models {
namespace {

// A shape that no kernel can have would be priced as nonsense: it says so instead.
void require_sound_kernels(const sim::Plan& plan) {
  for (const sim::KernelEntry& entry : plan.kernels) {
    const std::string problem = kernels::check(entry.kernel);
    if (!problem.empty()) throw std::invalid_argument(plan.labels[entry.label.index()] + ": " + problem);
  }
}

// Shares of the time that a large job takes: lowering to here, evaluating to there, the figures the rest.
constexpr double kLowered = 0.25, kEvaluated = 0.7;

TrainingResult predict_with(const TrainingJob& job, const kernels::KernelTimer& timer, Folding folding,
                            const sim::RunControl& control) {
  TrainingResult result;
  result.plan = lower(job, folding, control.part(0.0, kLowered));
  require_sound_kernels(result.plan);
  const sim::Durations durations = sim::price(result.plan, training_pricing(job, timer), control);
  control.report(kLowered);
  result.timeline = sim::evaluate(result.plan, durations, control.part(kLowered, kEvaluated));
  control.report(kEvaluated);
  result.steps = result.plan.step_count();
  summarise(job, result, control.part(kEvaluated, 1.0));
  control.check();
  control.report(1.0);
  return result;
}

}  // namespace

const StageMemory& TrainingResult::fullest() const {
  return *std::max_element(memory.begin(), memory.end(),
                           [](const StageMemory& a, const StageMemory& b) { return a.peak < b.peak; });
}

TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer, const sim::RunControl& control) {
  return predict_with(job, timer, Folding::folded, control);
}

TrainingResult predict_unfolded(const TrainingJob& job, const kernels::KernelTimer& timer) {
  return predict_with(job, timer, Folding::unfolded, {});
}

}  // namespace orrery::models
