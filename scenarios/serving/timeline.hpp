// The iterations of a serving run as a Timeline, so that training and serving share one view.
#pragma once

#include <string>

#include "models/serving/serving.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::scenarios {

/// "prefill 2048 + decode 12 (x 40)": what an iteration, or a run of equal ones, is called.
[[nodiscard]] std::string iteration_label(const models::StepRecord& step);

/// A rank per replica, a stream per pipeline stage (lane compute), a span per iteration or run of equal ones with
/// activity prefill, decode or mixed and a label as in the Chrome trace ("decode 12 (x 40)"). Memory samples: the KV
/// cache in use, of the fullest GPU. REQUIRES a result with a timeline.
[[nodiscard]] sim::Timeline timeline_of(const models::ServingResult& result);

}  // namespace orrery::scenarios
