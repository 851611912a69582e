// A training job with its plan, its prices and its links: evaluated alone, or on a World beside others.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "models/training/lowered_step.hpp"
#include "models/training/pricing.hpp"
#include "models/training/training.hpp"
#include "models/world_job.hpp"
#include "sim/plan/evaluate.hpp"
#include "sim/plan/run.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::models {

class TrainingRun final : public WorldJob {
 public:
  /// Lowers, unless `lowered` (nullptr: nothing) has the step, and prices. `job` and `timer` must outlive the run.
  /// REQUIRES check(job).empty(). Throws as predict().
  TrainingRun(const TrainingJob& job, const kernels::KernelTimer& timer, const MeshClasses& classes,
              LoweredSteps* lowered, const sim::RunControl& control);

  [[nodiscard]] const sim::Plan& plan() const { return step_->plan(); }
  /// Whether an operation of the plan leaves its node.
  [[nodiscard]] bool leaves_nodes() const;

  /// The step undisturbed; with `links`, whether it would be.
  [[nodiscard]] sim::Evaluation evaluate(const sim::LinkClasses* links, bool keep_timeline,
                                         const sim::RunControl& control) const;

  /// The first `steps` steps are what it must do on a World; the figures are of the median one of them, with its
  /// timeline if it is to be kept.
  void set_steps(std::int64_t steps, bool keep_timeline) {
    must_ = steps;
    keep_timeline_ = keep_timeline;
  }

  void join(sim::LinkClasses& links) override;
  bool part(const std::vector<std::vector<std::uint32_t>>& colours) override;
  [[nodiscard]] std::vector<std::uint32_t> fills(const sim::LinkClasses& links) const override;
  void expect_speed(std::uint32_t gpu) override { changing_.insert(gpu); }
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override;
  void stop() override;
  [[nodiscard]] bool goes_on() const override { return true; }
  [[nodiscard]] bool wants_again() override;
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override;
  bool set_speed(std::uint32_t gpu, double speed) override;
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses& links, std::uint32_t gpu) const override;

  /// Steps that ended, one after another, each as long as the first of them.
  struct Steps {
    sim::SimTime start = 0, duration = 0;
    std::int64_t count = 1;
  };
  /// In their order. Where a job that has had two equal steps is alone with nothing happening, what follows can only be
  /// equal too: it is counted there, not run.
  [[nodiscard]] const std::vector<Steps>& steps() const { return steps_; }
  /// The figures of a step; the run is of no use afterwards.
  [[nodiscard]] TrainingResult result(sim::Evaluation step) &&;
  /// The figures of what a World left. REQUIRES a step that ended.
  [[nodiscard]] TrainingResult world_result() &&;

 private:
  /// Of those that were run, the one of median duration, the first of equals.
  [[nodiscard]] std::size_t median_step() const;
  [[nodiscard]] std::vector<HeldUpOperations> held_up_operations() const;
  /// "gradient bucket (dp stage 3)": what an entry of the plan is called in reports.
  [[nodiscard]] std::string operation_name(const sim::HeldUpEntry& entry) const;
  void lower_and_price(const sim::RunControl& control);
  [[nodiscard]] bool has_gpu(RankId rank, std::uint32_t gpu) const;
  void step_begins();
  void step_ended(sim::SimTime end);
  void count_equal_steps();

  const TrainingJob* job_;
  TrainingPrices prices_;
  MeshClasses classes_;
  LoweredSteps* lowered_;
  std::shared_ptr<const LoweredStep> step_;
  sim::Durations durations_;
  std::size_t number_ = 0;            ///< among the jobs of the links
  std::set<std::uint32_t> changing_;  ///< GPUs of the cluster whose speed may change
  std::int64_t must_ = 1;
  std::size_t record_ = 0;  ///< of those that are run, the one whose timeline is kept
  sim::Loads loads_;
  sim::GpuShares shares_;  ///< where the cluster's network asks for them
  sim::World* world_ = nullptr;
  const sim::LinkClasses* links_ = nullptr;  ///< of that World
  std::unique_ptr<sim::PlanRun> run_;
  bool keep_timeline_ = false;
  std::unique_ptr<sim::EvaluationBuilder> recorder_;
  std::optional<sim::Evaluation> recorded_;
  std::function<void()> done_;
  sim::SimTime began_ = 0;
  sim::SimTime alone_until_ = 0;  ///< as known when the step began
  std::vector<double> carried_;   ///< by the World's links, then
  std::vector<Steps> steps_;
  std::int64_t ended_ = 0;  ///< how many they are
  std::vector<sim::HeldUpEntry> held_up_;
  std::vector<sim::HeldUpEntry> held_up_in_steps_;  ///< in those that ended
};

}  // namespace orrery::models
