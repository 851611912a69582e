// The points of a grid without those that would repeat another: of keys that have no effect somewhere, which
// relaxed_keys.hpp lists, one value stands for all there.
#pragma once

#include <string>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/search/search_rows.hpp"

namespace orrery::scenarios {

struct DistinctPoints {
  SearchRows rows;                    ///< an axis without effect at a point is not set there
  std::vector<std::string> left_out;  ///< "training.expert_exchange where training.expert_parallel=1: 6 points"
};

/// Of all combinations of the axes' values, in the order of grid_of(). `root`: the scenario that they are of. An axis
/// that sets a section as a whole may set anything in it: nothing is known to have no effect beside it.
[[nodiscard]] DistinctPoints distinct_points(const hardware::ConfigNode& root, const std::vector<SweepAxis>& axes);

}  // namespace orrery::scenarios
