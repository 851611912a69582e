// A training step that was lowered, checked and linked once, for every job that lowers to the same plan.
//
// Lowering reads the model, the configuration, the mesh and its classes, and which ranks have GPUs alike. GPUs, links
// and launch costs only give the entries of the plan their prices: a sweep over bandwidths or a dragged slider prices
// what stands again.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "models/training/training.hpp"
#include "sim/plan/frozen.hpp"
#include "sim/plan/runnable.hpp"

namespace orrery::models {

class LoweredStep {
 public:
  /// REQUIRES check(job).empty(). Throws std::invalid_argument for a shape that no kernel can have, and sim::Cancelled
  /// once `control` says stop.
  LoweredStep(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control);

  [[nodiscard]] const sim::RunnablePlan& runnable() const { return runnable_; }
  [[nodiscard]] const sim::Plan& plan() const { return runnable_.plan(); }
  /// Whether the job lowers to this plan.
  [[nodiscard]] bool is_of(const TrainingJob& job, const MeshClasses& classes) const;

  /// When the step ends with each of these sets of durations, if nothing shares a link. The frozen plan is made by the
  /// first call. Throws TimeOverflow. Safe to call from several threads.
  [[nodiscard]] std::vector<sim::SimTime> makespans(const std::vector<sim::Durations>& durations) const;

 private:
  /// What lowering reads.
  struct Inputs {
    Llm llm;
    TrainingConfig config;
    MeshPlace mesh{};
    MeshOrder order{};
    MeshClasses classes;
    std::vector<std::uint32_t> gpu_classes;

    friend bool operator==(const Inputs&, const Inputs&) = default;
  };
  static Inputs inputs_of(const TrainingJob& job, const MeshClasses& classes);

  Inputs inputs_;
  sim::RunnablePlan runnable_;
  mutable std::once_flag freeze_;
  mutable std::unique_ptr<const sim::FrozenPlan> frozen_;
};

/// The steps lowered last. Safe to use from several threads.
class LoweredSteps {
 public:
  /// The step of the job: one that stands, or a new one. Throws as LoweredStep's constructor.
  [[nodiscard]] std::shared_ptr<const LoweredStep> get(const TrainingJob& job, const MeshClasses& classes,
                                                       const sim::RunControl& control);
  /// How many were lowered.
  [[nodiscard]] std::size_t lowered() const;

 private:
  static constexpr std::size_t kKept = 4;  ///< a plan of millions of steps holds some hundred megabytes

  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const LoweredStep>> steps_;  ///< the one used last first
  std::size_t lowered_ = 0;
};

}  // namespace orrery::models
