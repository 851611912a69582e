// The jobs of a scenario on their way to a World, and what happens around them. A part of world.cpp and link_loads.cpp.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kernels/kernel.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

class SharedJobs {
 public:
  /// All of them must outlive it. Throws ConfigError for an event on a link that the machine doesn't have.
  SharedJobs(const Scenario& scenario, const kernels::KernelTimer& timer, const Keep& keep,
             const sim::RunControl& control);
  SharedJobs(const SharedJobs&) = delete;
  SharedJobs& operator=(const SharedJobs&) = delete;

  /// The machine's events as the World takes them.
  [[nodiscard]] const std::vector<models::Disturbance>& disturbances() const { return disturbances_; }
  /// nullptr where nothing can leave a node.
  [[nodiscard]] const hardware::Topology* topology() const { return machine_ ? &*machine_ : nullptr; }
  /// In the order of the scenario's jobs.
  [[nodiscard]] const std::vector<models::WorldSlot>& slots() const { return slots_; }
  [[nodiscard]] SharedJob& job(std::size_t i) { return *shared_[i]; }
  [[nodiscard]] std::size_t size() const { return shared_.size(); }

 private:
  std::vector<models::Disturbance> disturbances_;
  std::optional<hardware::Topology> machine_;
  std::optional<Surroundings> around_;
  std::vector<std::unique_ptr<SharedJob>> shared_;
  std::vector<models::WorldSlot> slots_;
};

}  // namespace orrery::scenarios
