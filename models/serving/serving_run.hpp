// A serving system as a job of a World: its load arrives from when it begins, and it is done when all are answered.
//
// Its engines compute on GPUs of their own over links of their own: iterations are delays of the clock.
// Limitations: an engine whose group leaves its node puts nothing on the World's links, and its GPUs keep their speed.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "models/serving/serving.hpp"
#include "models/world_job.hpp"

namespace orrery::models {

class ServingRun final : public WorldJob {
 public:
  /// `timer` must outlive the run. REQUIRES check(job).empty(). Throws as predict().
  ServingRun(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options);
  ~ServingRun() override;
  ServingRun(const ServingRun&) = delete;
  ServingRun& operator=(const ServingRun&) = delete;

  /// On a clock of nobody else's World. `done` may be empty.
  void begin(sim::Simulator& clock, sim::SimTime at, std::function<void()> done);
  /// The first node of the cluster that it takes.
  void place(int first_node) { first_node_ = first_node; }

  void join(sim::LinkClasses&) override {}
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override;
  void stop() override;
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override { return {}; }
  /// Throws Disturbed for a GPU of its own.
  bool set_speed(std::uint32_t gpu, double speed) override;
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses&, std::uint32_t) const override { return {}; }

  /// What was counted until stop(); the run is of no use afterwards.
  [[nodiscard]] ServingResult result() && { return std::move(result_); }

 private:
  struct System;

  ServingJob job_;  ///< resolved
  const kernels::KernelTimer* timer_;
  ServingOptions options_;
  ServingResult result_;
  sim::Simulator* clock_ = nullptr;
  std::unique_ptr<System> system_;
  int first_node_ = 0;
};

}  // namespace orrery::models
