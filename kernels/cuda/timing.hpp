// How a launch is timed: GPU time between two events, without the host's cost of launching.
//
// The stream is held by a spinning kernel while the host enqueues start, launch and stop, so that the GPU meets
// them back to back. Cold: a buffer of twice the L2 is overwritten first, which evicts the inputs; warm: the
// warm-up launches have left there what fits. One launch per event pair, `repeats` pairs, median.
// Limitations: the pair itself costs 1 to 2 µs of GPU time, which matters below 10 µs; clocks are not locked.
#pragma once

#include <functional>

#include "kernels/cuda/module.h"
#include "kernels/cuda/resources.hpp"

namespace orrery::kernels::cuda {

/// Times `launch`, which enqueues on the stream it is given. `held` false: launch waits for the host anyway
/// (pageable copies), so the stream isn't held.
[[nodiscard]] OrreryCudaTiming time_launch(const OrreryCudaMeasure& measure,
                                           const std::function<void(const Stream&)>& launch, bool held = true);

}  // namespace orrery::kernels::cuda
