// The `fits:` of a GPU's profile, read strictly. Used by the profile's reader only.
#pragma once

#include <vector>

#include "hardware/config/config.hpp"
#include "hardware/gpu.hpp"

namespace orrery::hardware {

/// A mapping from key to fit, or a list of fits that carry their `key`. What is wrong goes to `diagnostics`.
[[nodiscard]] std::vector<Fit> read_fits(const ConfigNode* node, Diagnostics& diagnostics);

}  // namespace orrery::hardware
