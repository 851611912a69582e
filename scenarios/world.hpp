// Running a scenario on a World: several jobs on one cluster, repeated steps, and what happens to the machine.
#pragma once

#include "kernels/kernel.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// Several jobs, more than one step, a job with a start or an end, or an event.
[[nodiscard]] bool needs_world(const Scenario& scenario);

/// Predicts all jobs of the scenario on one clock and one set of links and adds what their runs say to the report. What
/// no job can live with (a link that is down) is a finding, and there are no figures then. Throws ConfigError for an
/// event on a link that the machine doesn't have.
void run_on_world(Report& report, const kernels::KernelTimer& timer, const Keep& keep, const sim::RunControl& control);

/// Adds the figures and the provenance of a job's run.
void add_run(Report& report, const Job& job, JobRun run);

}  // namespace orrery::scenarios
