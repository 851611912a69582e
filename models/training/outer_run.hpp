// How long an outer synchronisation takes on the links of the cluster, and what it adds to the mean step.
#pragma once

#include "models/training/training.hpp"

namespace orrery::models {

/// Throws std::invalid_argument for workers that `others` would meet: events, other jobs, steps one by one.
void require_undisturbed(const TrainingConfig& config, bool others);

/// Makes of a worker's inner step the mean step of all workers, and says what the exchange is. The exchange's links are
/// shared by all ranks' exchanges; REQUIRES a job of workers.
void add_outer(const TrainingJob& job, const kernels::KernelTimer& timer, const TrainingOptions& options,
               TrainingResult& result);

}  // namespace orrery::models
