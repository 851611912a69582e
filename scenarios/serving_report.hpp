// What a report says of a serving run: prediction, notes, findings, and the text form.
#pragma once

#include <iosfwd>
#include <string>

#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// GPUs of all replicas.
[[nodiscard]] int serving_gpus(const models::ServingConfig& config);

/// Fills result, metrics, provenance and notes of a report whose scenario serves.
void run_serving(Report& report, const kernels::KernelTimer& timer, const Keep& keep, const sim::RunControl& control);

/// Time, GPUs and tokens that the cost of a run is counted from: all replicas for its duration.
[[nodiscard]] CostBasis serving_cost_basis(const Scenario& scenario, const models::ServingResult& result);

/// Why the engine can't start, with the ledger of GPU memory, what is missing, and the longest max_model_len that would
/// fit; empty if it does start.
[[nodiscard]] std::string refusal_message(const models::ServingResult& result);

/// A missed SLO, a queue without bound, nothing served; see Finding.
void add_serving_findings(Report& report);

/// Requests that were refused or cut short, a queue without bound.
void add_serving_notes(Report& report);

/// The part of the text report between the scenario's setting and its expectations.
void write_serving_setting(std::ostream& out, const Report& report);
void write_serving_figures(std::ostream& out, const Report& report);

/// "poisson at 4 requests/s, 1000 requests, input lognormal of mean 1150, output 211".
[[nodiscard]] std::string describe_load(const models::LoadConfig& load);

}  // namespace orrery::scenarios
