// Where the numbers of a run come from: facts of profiles and coefficients of fits, by part of the plan.
//
// One pass over the plan's tables: every distinct kernel, collective and transfer with how often it runs,
// what it costs and how well that cost is known. `orrery explain` prints it; the report keeps the summary.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernel.hpp"
#include "models/serving/step_model.hpp"
#include "models/training/training.hpp"
#include "sim/plan.hpp"

namespace orrery::scenarios {

/// A line of the report's `provenance`: one profile or one family of steps.
struct Provenance {
  std::string kind;   ///< "gpu", "node", "fabric", "model", "engine", "kernels", "collectives", "transfers"
  std::string name;   ///< contract name, or the family
  std::string level;  ///< "datasheet", "published", "measured"
  std::string fit;    ///< key of the fit, or empty
  std::string source;
};

/// One distinct entry of the plan.
struct CostedEntry {
  std::string what;    ///< "gemm bf16 4096x5120x5120"
  std::string family;  ///< of the kernel; or the collective's name; or "transfer"
  std::string activity;
  double runs = 0;             ///< per GPU, mean over the plan's ranks
  kernels::Estimate estimate;  ///< of one run
  std::string algorithm;       ///< of a collective

  [[nodiscard]] Seconds total() const { return estimate.time * runs; }
};

/// Kernels, then collectives, then transfers, each by total time, the largest first; equal ones by name.
[[nodiscard]] std::vector<CostedEntry> cost_entries(const sim::Plan& plan, const kernels::KernelTimer& timer,
                                                    const hardware::Cluster& cluster);

/// The same of one iteration of a serving engine over all pipeline stages; `runs` are per iteration, `activity` is what
/// the kernel is for.
[[nodiscard]] std::vector<CostedEntry> cost_entries(const models::StepModel& model, const models::StepShape& shape,
                                                    const hardware::Cluster& cluster);

/// GPU, node, fabric and model, then one line per (family, fit) of `entries`, sorted.
[[nodiscard]] std::vector<Provenance> provenance_of(const models::TrainingJob& job,
                                                    const std::vector<CostedEntry>& entries);
/// The same with the engine, its router where there are several replicas, and its host time.
[[nodiscard]] std::vector<Provenance> provenance_of(const models::ServingJob& job,
                                                    const std::vector<CostedEntry>& entries);

}  // namespace orrery::scenarios
