// Lowering one optimizer step to a Plan.
//
// Streams of each rank: parallel/lanes.hpp.
//
// Order on a rank: allocate model states; passes in the order of the pipeline schedule, gradient buckets
// firing on the last microbatch; tied-embedding and data-parallel reduction; gradient norm; Adam; gather of
// the weights under ZeRO-1.
#pragma once

#include "models/training/training.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

/// One rank for each combination of `classes`. REQUIRES check(job).empty().
[[nodiscard]] sim::Plan lower(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control = {});

/// Every rank that is alike folded.
[[nodiscard]] sim::Plan lower(const TrainingJob& job, const sim::RunControl& control = {});

}  // namespace orrery::models
