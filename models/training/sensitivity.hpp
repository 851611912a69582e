// What a training step hangs on: how long it would take if one kind of work were faster.
//
//   faster(kind)  = makespan of the plan with that kind's durations times 0.9
//   without(kind) = makespan of the plan with that kind's durations 0: what no improvement of it can go below
//
// The differences are what the kind costs on the critical path, after all that is hidden behind it: what is off the
// path by far leaves the step as it is. The plan stands, so that every answer is one frozen pass. Limitation: as if no
// operation shared its links with another.
#pragma once

#include <string>
#include <vector>

#include "models/training/training.hpp"

namespace orrery::models {

struct Sensitivity {
  std::string kind;  ///< "gemm", "tensor_parallel all_gather", "pipeline transfer"
  Seconds faster;    ///< the step's time if it took 10 % less time
  Seconds without;   ///< if it took none
};

struct StepSensitivity {
  Seconds step_time;               ///< undisturbed
  std::vector<Sensitivity> kinds;  ///< what the step hangs on most first, then by name
};

/// REQUIRES check(job).empty(). Throws as predict().
[[nodiscard]] StepSensitivity step_sensitivity(const TrainingJob& job, const kernels::KernelTimer& timer);

}  // namespace orrery::models
