// Fits of a board that was measured, for another with the same chip.
#pragma once

#include "hardware/config/config.hpp"
#include "hardware/gpu.hpp"

namespace orrery::hardware {

/// `silicon:` of `profile` names a measured board of the same chip: its fits are efficiencies, which this board's own
/// rates scale. Those of collectives hold where both boards' links are alike. Errors at the key: an unknown board, one
/// that was not measured itself, or of another generation.
void inherit_fits(MapReader& profile, Gpu& gpu);

}  // namespace orrery::hardware
