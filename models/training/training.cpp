#include "models/training/training.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/plan/evaluate.hpp"

namespace orrery::models {
namespace {

// A shape that no kernel can have would be priced as nonsense: it says so instead.
void require_sound_kernels(const sim::Plan& plan) {
  for (const sim::KernelEntry& entry : plan.kernels) {
    const std::string problem = kernels::check(entry.kernel);
    if (!problem.empty()) throw std::invalid_argument(plan.labels[entry.label.index()] + ": " + problem);
  }
}

// Shares of the time that a large job takes: lowering to here, checking to there, evaluating the rest.
constexpr double kLowered = 0.25, kChecked = 0.5;

}  // namespace

const StageMemory& TrainingResult::fullest() const {
  return *std::max_element(memory.begin(), memory.end(),
                           [](const StageMemory& a, const StageMemory& b) { return a.peak < b.peak; });
}

TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer, const TrainingOptions& options) {
  const sim::RunControl& control = options.control;
  const MeshClasses classes = options.classes ? *options.classes : folded(make_mesh(job));
  sim::Plan plan = lower(job, classes, control.part(0.0, kLowered));
  require_sound_kernels(plan);
  control.report(kLowered);
  sim::RunnablePlan runnable(std::move(plan), control);
  const sim::Durations durations = sim::price(runnable.plan(), training_prices(job, timer), control);
  control.report(kChecked);
  sim::Evaluation step =
      sim::evaluate(runnable, durations, {options.keep_timeline, summary_sets()}, control.part(kChecked, 1.0));
  TrainingResult result;
  result.steps = runnable.step_count();
  result.plan = std::move(runnable).take();
  summarise(job, step, result);
  result.timeline = std::move(step.timeline);
  control.check();
  control.report(1.0);
  return result;
}

}  // namespace orrery::models
