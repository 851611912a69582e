// What a report says of a training step: prediction, figures and findings, and its forms.
#pragma once

#include <iosfwd>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// GPUs that the job occupies: all of its ranks.
[[nodiscard]] int training_gpus(const JobSpec& spec);

[[nodiscard]] JobRun run_training(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                                  const sim::RunControl& control);
[[nodiscard]] std::vector<std::uint32_t> training_gpu_numbers(const JobSpec& spec);
[[nodiscard]] std::unique_ptr<SharedJob> share_training(const JobSpec& spec, const kernels::KernelTimer& timer,
                                                        const Surroundings& around);
/// The cost is that of one step, or of all steps that `training.total_tokens` takes.
[[nodiscard]] std::vector<MetricValue> training_values(const JobSpec& spec, const JobResult& result);

/// A stage that doesn't fit.
void add_training_findings(const JobView& view, std::vector<Finding>& findings);

/// `training:` as the resolved scenario has it, and the parts of the report beside the metrics.
void write_training_setting_json(const JobView& view, Json& section);
void write_training_json(const JobView& view, Json& report);

/// The part of the text report between the scenario's setting and its expectations.
void write_training_setting(std::ostream& out, const JobView& view);
void write_training_figures(std::ostream& out, const JobView& view);

}  // namespace orrery::scenarios
