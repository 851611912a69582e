// Lowering one optimizer step to a Plan.
//
// Streams of each rank: compute; tensor_parallel for collectives that run beside a weight gradient;
// data_parallel for gradient buckets; one per direction for pipeline messages.
//
// Order on a rank: allocate model states; passes in the order of the pipeline schedule, gradient buckets
// firing on the last microbatch; tied-embedding and data-parallel reduction; gradient norm; Adam; gather of
// the weights under ZeRO-1.
#pragma once

#include "models/training/training.hpp"
#include "sim/plan.hpp"

namespace orrery::models {

enum class Folding : std::uint8_t {
  folded,   ///< one rank per pipeline stage
  unfolded  ///< every GPU its own rank
};

/// REQUIRES check(job).empty().
[[nodiscard]] sim::Plan lower(const TrainingJob& job, Folding folding, const sim::RunControl& control = {});

}  // namespace orrery::models
