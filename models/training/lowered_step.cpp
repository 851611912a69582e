#include "models/training/lowered_step.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "models/training/parallel.hpp"
#include "models/training/step.hpp"

namespace orrery::models {

namespace {

// Shares of the time that a large step takes: lowering to here, the rest is checking.
constexpr double kLowered = 0.5;

// A shape that no kernel can have would be priced as nonsense: it says so instead.
void require_sound_kernels(const sim::Plan& plan) {
  for (const sim::KernelEntry& entry : plan.kernels) {
    const std::string problem = kernels::check(entry.kernel);
    if (!problem.empty()) throw std::invalid_argument(plan.labels[entry.label.index()] + ": " + problem);
  }
}

sim::Plan lower_soundly(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control) {
  sim::Plan plan = lower(job, classes, control);
  require_sound_kernels(plan);
  return plan;
}

}  // namespace

LoweredStep::LoweredStep(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control)
    : inputs_(inputs_of(job, classes)),
      runnable_(lower_soundly(job, classes, control.part(0.0, kLowered)), control.part(kLowered, 1.0)) {
  control.report(1.0);
}

LoweredStep::Inputs LoweredStep::inputs_of(const TrainingJob& job, const MeshClasses& classes) {
  Inputs inputs;
  inputs.llm = job.llm;
  inputs.config = job.config;
  // Prices, not steps.
  inputs.config.host_overhead = Seconds{0.0};
  inputs.config.cuda_graphs = false;
  inputs.config.data_parallel = 0;  // the mesh has it
  const Mesh mesh = make_mesh(job);
  inputs.mesh = {mesh.tensor(), mesh.data(), mesh.pipeline()};
  inputs.order = job.placement.order;
  inputs.classes = classes;
  inputs.gpu_classes = gpu_classes(job, classes);
  return inputs;
}

bool LoweredStep::is_of(const TrainingJob& job, const MeshClasses& classes) const {
  return inputs_of(job, classes) == inputs_;
}

std::vector<sim::SimTime> LoweredStep::makespans(const std::vector<sim::Durations>& durations) const {
  std::call_once(freeze_, [this] { frozen_ = std::make_unique<const sim::FrozenPlan>(runnable_); });
  return frozen_->makespans(durations);
}

std::shared_ptr<const LoweredStep> LoweredSteps::get(const TrainingJob& job, const MeshClasses& classes,
                                                     const sim::RunControl& control) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known =
        std::find_if(steps_.begin(), steps_.end(), [&](const auto& step) { return step->is_of(job, classes); });
    if (known != steps_.end()) {
      const std::shared_ptr<const LoweredStep> step = *known;
      steps_.erase(known);
      steps_.push_front(step);
      return step;
    }
  }
  // Others need not wait: at worst two threads lower the same step once each.
  auto step = std::make_shared<const LoweredStep>(job, classes, control);
  const std::lock_guard<std::mutex> lock(mutex_);
  ++lowered_;
  steps_.push_front(step);
  if (steps_.size() > kKept) steps_.pop_back();
  return step;
}

std::size_t LoweredSteps::lowered() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return lowered_;
}

}  // namespace orrery::models
