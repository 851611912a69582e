// Fits of a board that was measured, for another with the same chip.
#pragma once

#include <string_view>

#include "hardware/config/config.hpp"
#include "hardware/gpu.hpp"

namespace orrery::hardware {

/// `silicon:` of `profile` names a measured board of the same chip: its fits are efficiencies, which this board's own
/// rates scale. Those of collectives hold where both boards' links are alike. Errors at the key: an unknown board, one
/// that was not measured itself, or of another generation.
void inherit_fits(MapReader& profile, Gpu& gpu);

/// Key of a node's law of collectives that is of another board.
inline constexpr std::string_view kSisterNodeLaw = "nccl/node/sister";

/// `switch_laws:` of `profile` names a board with the same NVLink whose collectives were measured on full boards: its
/// law of a node ("nccl/node") is taken as kSisterNodeLaw, for what this board's own tables don't show. Errors at the
/// key: an unknown board, one without such a law, or with links of another rate.
void inherit_node_law(MapReader& profile, Gpu& gpu);

}  // namespace orrery::hardware
