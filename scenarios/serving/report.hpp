// What a report says of a serving run: prediction, figures, notes, findings, and its forms.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "models/serving/serving.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// GPUs of all replicas.
[[nodiscard]] int serving_gpus(const models::ServingConfig& config);

[[nodiscard]] std::vector<std::uint32_t> serving_gpu_numbers(const JobSpec& spec);
[[nodiscard]] std::unique_ptr<SharedJob> share_serving(const JobSpec& spec, const kernels::KernelTimer& timer,
                                                       const Surroundings& around);
[[nodiscard]] JobRun run_serving(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                                 const sim::RunControl& control);
[[nodiscard]] std::vector<MetricValue> serving_values(const JobSpec& spec, const JobResult& result);

/// Time, GPUs and tokens that the cost of a run is counted from: all replicas for its duration.
[[nodiscard]] CostBasis serving_cost_basis(const models::ServingJob& job, const models::ServingResult& result);

/// Why the engine can't start, with the ledger of GPU memory, what is missing, and the longest max_model_len that would
/// fit; empty if it does start.
[[nodiscard]] std::string refusal_message(const models::ServingResult& result);

/// An engine that can't start, a missed SLO, a queue without bound, nothing served; see Finding.
void add_serving_findings(const JobView& view, std::vector<Finding>& findings);

/// There are limits, and a share of the requests that must hold them.
[[nodiscard]] bool promises_slo(const models::SloConfig& slo);

/// Requests that were refused or cut short, a queue without bound.
void add_serving_notes(const JobView& view, std::vector<std::string>& notes);

/// `serving:` as the engine resolved it, and the parts of the report beside the metrics.
void write_serving_setting_json(const JobView& view, Json& section);
void write_serving_json(const JobView& view, Json& report);

/// The part of the text report between the scenario's setting and its expectations.
void write_serving_setting(std::ostream& out, const JobView& view);
void write_serving_figures(std::ostream& out, const JobView& view);

/// "poisson at 4 requests/s, 1000 requests, input lognormal of mean 1150, output 211".
[[nodiscard]] std::string describe_load(const models::LoadConfig& load);

}  // namespace orrery::scenarios
