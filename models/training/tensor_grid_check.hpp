// Which tensor-parallel grids a job can have: every rule with the scenario key that breaks it.
#pragma once

#include <optional>

#include "models/training/training.hpp"

namespace orrery::models {

/// The mode, its sizes, what of the model no grid has been written for, and what can't go with a grid. REQUIRES sizes
/// of at least 1.
[[nodiscard]] std::optional<JobError> check_tensor_grid(const TrainingJob& job);
/// Whether nodes take the communicators along the grid's axes evenly. REQUIRES check_tensor_grid() that found nothing.
[[nodiscard]] std::optional<JobError> check_grid_nodes(const TrainingJob& job);

}  // namespace orrery::models
