// What each table entry of a training plan costs.
//
//   kernel      max(GPU time + gap, host cost): the GPU idles for the profile's gap between dependent kernels, and
//               an eager framework can't issue kernels faster than its host cost allows. CUDA graphs leave the gap.
//   collective  sim::collective_time with the group's real size and nodes
//   transfer    sim::transfer_time
//
// Limitation: the host cost is charged per kernel; a host that has run ahead during long kernels would hide it.
#pragma once

#include "kernels/kernel.hpp"
#include "models/training/training.hpp"
#include "sim/evaluate.hpp"

namespace orrery::models {

/// The returned functions refer to `job` and `timer`, which must outlive them.
[[nodiscard]] sim::Pricing training_pricing(const TrainingJob& job, const kernels::KernelTimer& timer);

}  // namespace orrery::models
