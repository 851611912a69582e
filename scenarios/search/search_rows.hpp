// The rows of a search by number: each a few keys set.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "scenarios/overrides.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

/// Rows by number, so that a million of them need not stand in memory. `at` is safe to call from several threads.
struct SearchRows {
  std::size_t count = 0;
  std::function<std::vector<Override>(std::size_t)> at;
};
/// All combinations of the axes' values; the last axis runs fastest. REQUIRES no more than SIZE_MAX of them.
[[nodiscard]] SearchRows grid_of(std::vector<SweepAxis> axes);

}  // namespace orrery::scenarios
