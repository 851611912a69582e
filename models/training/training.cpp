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

TrainingResult predict_with(const TrainingJob& job, const kernels::KernelTimer& timer, Folding folding) {
  TrainingResult result;
  result.plan = lower(job, folding);
  require_sound_kernels(result.plan);
  const sim::Durations durations = sim::price(result.plan, training_pricing(job, timer));
  result.timeline = sim::evaluate(result.plan, durations);
  result.steps = result.plan.step_count();
  summarise(job, result);
  return result;
}

}  // namespace

const StageMemory& TrainingResult::fullest() const {
  return *std::max_element(memory.begin(), memory.end(),
                           [](const StageMemory& a, const StageMemory& b) { return a.peak < b.peak; });
}

TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer) {
  return predict_with(job, timer, Folding::folded);
}

TrainingResult predict_unfolded(const TrainingJob& job, const kernels::KernelTimer& timer) {
  return predict_with(job, timer, Folding::unfolded);
}

}  // namespace orrery::models
