// A communication job on a World: its calls one after another, alone or beside others.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/communication/communication.hpp"
#include "models/world_job.hpp"
#include "sim/plan/evaluation_builder.hpp"
#include "sim/plan/run.hpp"

namespace orrery::models {

/// When it calls.
struct Calls {
  int count = 1;            ///< that it must make
  Seconds interval;         ///< at least from the beginning of one to that of the next; 0: one after the other
  bool background = false;  ///< it goes on as long as anybody else is not done
};

class CommunicationRun final : public WorldJob {
 public:
  /// `job` and `timer` must outlive the run. REQUIRES check(job).empty().
  CommunicationRun(const CommunicationJob& job, const kernels::KernelTimer& timer, Calls calls, bool keep_timeline);

  void join(sim::LinkClasses& links) override { number_ = links.add(plan(), prices_); }
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override;
  void stop() override;
  [[nodiscard]] bool goes_on() const override { return calls_.background; }
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override;
  /// Nothing of it computes.
  bool set_speed(std::uint32_t gpu, double speed) override;
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses& links, std::uint32_t gpu) const override;

  [[nodiscard]] const sim::Plan& plan() const { return plan_->plan(); }
  [[nodiscard]] const sim::ClusterPrices& prices() const { return prices_; }
  /// Of the longest of its operations, with nothing else on the links.
  [[nodiscard]] Seconds alone() const;
  /// Of the calls that ended, in their order.
  [[nodiscard]] const std::vector<Seconds>& times() const { return times_; }
  /// Of the first of them, where it was to be kept.
  [[nodiscard]] sim::Timeline take_timeline();

 private:
  /// The rank that stands for the GPU.
  [[nodiscard]] std::optional<RankId> rank_of(std::uint32_t gpu) const;
  void call(sim::SimTime at);
  void ended(sim::SimTime end);

  const CommunicationJob* job_;
  Calls calls_;
  bool keep_timeline_;
  sim::ClusterPrices prices_;
  std::unique_ptr<const sim::RunnablePlan> plan_;
  sim::Durations durations_;
  std::size_t number_ = 0;  ///< among the jobs of the links
  sim::Loads loads_;
  const sim::LinkClasses* links_ = nullptr;
  std::unique_ptr<sim::PlanRun> run_;
  std::unique_ptr<sim::EvaluationBuilder> recorder_;
  sim::Timeline timeline_;
  std::function<void()> done_;
  sim::SimTime began_ = 0;
  std::vector<Seconds> times_;
  std::vector<sim::HeldUpEntry> held_up_;
};

}  // namespace orrery::models
