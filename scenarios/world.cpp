#include "scenarios/world.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "scenarios/shared_jobs.hpp"
#include "sim/clock.hpp"

namespace orrery::scenarios {

namespace {

/// An event that begins when all is over says nothing: the run was shorter than its author thought.
void check_ends(const Scenario& scenario, sim::SimTime end) {
  hardware::Diagnostics diagnostics(scenario.file);
  for (const Event& event : scenario.events) {
    if (event.at < sim::to_seconds(end)) continue;
    diagnostics.error(event.span, fmt::format("the event begins at {:g} s, after the end of the last job at {:g} s",
                                              event.at.value(), sim::to_seconds(end).value()));
  }
  scenario.throw_if_any(diagnostics);
}

/// The clock ran to its end: of the job that began last, for want of a better one.
[[noreturn]] void fail_at_last_start(const Scenario& scenario, const sim::TimeOverflow& error) {
  const auto last = std::max_element(scenario.jobs.begin(), scenario.jobs.end(),
                                     [](const Job& a, const Job& b) { return a.start < b.start; });
  hardware::Diagnostics diagnostics(scenario.file);
  diagnostics.error(last->span, fmt::format("{}; the job starts at {:g} s", error.what(), last->start.value()));
  scenario.throw_if_any(diagnostics);
  throw error;
}

/// What a job has to show, and what stopped it.
void add_outcome(Report& report, const Job& job, SharedJob& shared, const models::WorldOutcome& outcome,
                 const std::optional<models::Halt>& halt) {
  const std::string name = job.name.empty() ? std::string() : fmt::format("job {}: ", job.name);
  std::string what;
  if (halt) what = fmt::format("{} (at {:.6g} s)", halt->why, sim::to_seconds(halt->at).value());
  try {
    add_run(report, job, shared.finish(outcome));
    if (halt) what += "; its figures are of what it did before";
  } catch (const models::Disturbed& error) {
    report.results.push_back(nullptr);
    what = halt ? what + ", before its first step ended" : error.what();
  }
  if (!what.empty()) report.findings.push_back({std::string(Finding::kDisturbed), name + what, false});
}

}  // namespace

bool needs_world(const Scenario& scenario) {
  if (scenario.jobs.size() > 1 || !scenario.events.empty()) return true;
  return std::any_of(scenario.jobs.begin(), scenario.jobs.end(),
                     [](const Job& job) { return job.spec->repeats() > 1 || job.start > Seconds{0.0} || job.until; });
}

void run_on_world(Report& report, const kernels::KernelTimer& timer, const Keep& keep, const sim::RunControl& control) {
  const Scenario& scenario = report.scenario;
  SharedJobs jobs(scenario, timer, keep, control);
  std::optional<sim::LinkClasses> links;
  try {
    const models::WorldOutcome outcome =
        models::run_on_cluster(scenario.cluster, jobs.topology(), jobs.slots(), jobs.disturbances(), control, links);
    const bool all_went_on = std::all_of(outcome.halted.begin(), outcome.halted.end(),
                                         [](const std::optional<models::Halt>& halt) { return !halt; });
    if (all_went_on) check_ends(scenario, outcome.end);
    std::vector<sim::HeldUpOn> held_up;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      for (sim::HeldUpOn& one : jobs.job(i).job().held_up()) {
        if (!scenario.jobs[i].name.empty()) {
          one.operation.operation = scenario.jobs[i].name + ": " + one.operation.operation;
        }
        held_up.push_back(std::move(one));
      }
    }
    report.links = sim::report_links(outcome.links, outcome.usage, held_up);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      add_outcome(report, scenario.jobs[i], jobs.job(i), outcome, outcome.halted[i]);
    }
    report.world_events = outcome.events;
    report.batched = outcome.batched;
  } catch (const sim::TimeOverflow& error) {
    fail_at_last_start(scenario, error);
  }
  report.reading = scenario.cluster.network.reading == hardware::NetworkReading::messages ? "messages" : "flows";
}

}  // namespace orrery::scenarios
