#include "models/serving/serving.hpp"

#include <optional>
#include <utility>

#include "hardware/topology/topology.hpp"
#include "models/serving/serving_run.hpp"
#include "sim/links/link_report.hpp"

namespace orrery::models {

double ServingResult::requests_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(requests) / duration.value() : 0.0;
}

double ServingResult::input_tokens_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(input_tokens) / duration.value() : 0.0;
}

double ServingResult::output_tokens_per_second() const {
  return duration > Seconds{0.0} ? static_cast<double>(output_tokens) / duration.value() : 0.0;
}

double ServingResult::goodput() const {
  return duration > Seconds{0.0} ? static_cast<double>(within_slo) / duration.value() : 0.0;
}

double ServingResult::attainment() const {
  return requests > 0 ? static_cast<double>(within_slo) / static_cast<double>(requests) : 0.0;
}

namespace {

/// What the links of a World carried for its only job.
std::vector<sim::LinkReport> carried_by(sim::World& world, const sim::LinkClasses& links,
                                        const std::vector<sim::HeldUpOn>& held_up) {
  std::vector<sim::LinkUsage> usage;
  for (std::uint32_t link = 0; link < links.links().size(); ++link) {
    const sim::LinkStatistics carried = world.links().statistics(LinkId(link));
    usage.push_back({carried.carried, carried.mean_load, carried.peak_load});
  }
  return sim::report_links(links.links(), usage, held_up);
}

}  // namespace

ServingResult predict(const ServingJob& job, const kernels::KernelTimer& timer, const ServingOptions& options) {
  ServingRun run(job, timer, options);
  // A fabric whose leaves nobody describes has no links to share.
  std::optional<hardware::Topology> machine;
  if (job.cluster.has_fabric_links() && run.leaves_nodes()) machine.emplace(job.cluster);
  const hardware::Topology* topology = machine ? &*machine : nullptr;
  sim::LinkClasses links(job.cluster, topology);
  run.surround({}, topology);
  run.join(links);
  links.fold();
  sim::World world(links.capacities(), links.flow_options());
  run.begin(world, links, 0, nullptr);
  (void)world.clock().run();
  run.stop();
  std::vector<sim::LinkReport> carried = carried_by(world, links, run.held_up());
  ServingResult result = std::move(run).result();
  result.events = world.clock().statistics().fired;
  result.batched = world.links().batched();
  result.links = std::move(carried);
  if (!result.started) return result;
  options.control.check();
  options.control.report(1.0);
  return result;
}

}  // namespace orrery::models
