// Why NCCL would not carry out a call as it is told.
#pragma once

#include <string>
#include <string_view>

#include "hardware/cluster.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::calibrate {

/// What `site.nccl` tells leaves nothing that NCCL has for the call (sim::nccl_refuses), and `choice` is what it takes
/// unasked: in a sentence that calls what is told by `algorithm_key` and `protocol_key`, as whoever told it does.
/// Empty: the choice is what is told.
[[nodiscard]] std::string nccl_refusal(const sim::CollectiveCall& call, const sim::Choice& choice,
                                       const hardware::Site& site, std::string_view algorithm_key,
                                       std::string_view protocol_key);

}  // namespace orrery::calibrate
