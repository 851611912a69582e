#include "scenarios/shared_jobs.hpp"

#include <algorithm>

namespace orrery::scenarios {

namespace {

std::vector<models::Disturbance> disturbances_of(const Scenario& scenario) {
  std::vector<models::Disturbance> list;
  for (const Event& event : scenario.events) {
    models::Disturbance disturbance;
    disturbance.at = event.at;
    disturbance.until = event.until;
    if (event.gpu) disturbance.gpu = static_cast<std::uint32_t>(*event.gpu);
    disturbance.link = event.link;
    disturbance.scale = event.down ? 0.0 : event.scale;
    list.push_back(std::move(disturbance));
  }
  return list;
}

}  // namespace

SharedJobs::SharedJobs(const Scenario& scenario, const kernels::KernelTimer& timer, const Keep& keep,
                       const sim::RunControl& control)
    : disturbances_(disturbances_of(scenario)) {
  const bool by_link =
      std::any_of(disturbances_.begin(), disturbances_.end(), [](const auto& disturbance) { return !disturbance.gpu; });
  const bool has_leaves = scenario.cluster.has_fabric_links();
  if (has_leaves || by_link) machine_.emplace(scenario.cluster);
  around_.emplace(Surroundings{disturbances_, topology(), keep, control});
  for (const Job& job : scenario.jobs) {
    shared_.push_back(job.kind->share(*job.spec, timer, *around_));
    slots_.push_back({&shared_.back()->job(), job.start, job.until});
  }
}

}  // namespace orrery::scenarios
