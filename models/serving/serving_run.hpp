// A serving system as a job of a World: its load arrives from when it begins, and it is done when all are answered.
//
// Engines whose groups stay inside their nodes have links of their own, and their iterations are delays of the clock.
// Those of an engine that leaves its node, or one of whose GPUs or links is disturbed, are Operations of the World
// (stage_run.hpp).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/iteration_links.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/step_model.hpp"
#include "models/world_job.hpp"

namespace orrery::models {

class ServingRun final : public WorldJob {
 public:
  /// `timer` must outlive the run. REQUIRES check(job).empty(). Throws as predict().
  ServingRun(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options);
  ~ServingRun() override;
  ServingRun(const ServingRun&) = delete;
  ServingRun& operator=(const ServingRun&) = delete;

  /// Whether an engine's groups or messages leave a node.
  [[nodiscard]] bool leaves_nodes() const;
  /// What will happen to the machine, and its topology, nullptr where nothing beyond nodes is modelled: which engines
  /// need the World's links follows. Before join().
  void surround(const std::vector<Disturbance>& disturbances, const hardware::Topology* topology);

  void join(sim::LinkClasses& links) override;
  /// `done` may be empty.
  void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) override;
  void stop() override;
  [[nodiscard]] std::vector<sim::HeldUpOn> held_up() const override { return held_up_; }
  /// Throws std::logic_error for a GPU of an engine that was not told of it by surround().
  bool set_speed(std::uint32_t gpu, double speed) override;
  [[nodiscard]] std::vector<LinkId> own_links(const sim::LinkClasses& links, std::uint32_t gpu) const override;

  /// What was counted until stop(); the run is of no use afterwards.
  [[nodiscard]] ServingResult result() && { return std::move(result_); }

 private:
  struct System;
  using WorldJob::lose;
  /// A stage of a replica.
  struct Stand {
    int replica = 0, stage = 0;
  };

  void note_held_up();

  /// Replicas that stand alike: the job as they see it, resolved, their memory and their steps.
  struct Kind {
    ReplicaStand stand;
    ServingJob job;
    KvPool pool;
    std::unique_ptr<StepModel> steps;  ///< none if it does not start
  };
  void add_kinds(const ServingJob& job);
  [[nodiscard]] const Kind& kind_of(int replica) const { return *kinds_[kind_of_[static_cast<std::size_t>(replica)]]; }

  std::vector<std::unique_ptr<Kind>> kinds_;
  std::vector<std::size_t> kind_of_;  ///< by replica
  ServingOptions options_;
  ServingResult result_;
  std::map<std::uint32_t, Stand> stands_;               ///< by number of the GPU
  std::vector<std::unique_ptr<IterationLinks>> links_;  ///< by replica; null: its links are its own
  std::map<std::uint32_t, double> speeds_;              ///< of GPUs that are slow now
  std::vector<sim::HeldUpOn> held_up_;
  sim::World* world_ = nullptr;
  std::unique_ptr<System> system_;
};

}  // namespace orrery::models
