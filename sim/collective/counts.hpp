// Counts that several algorithms share.
#pragma once

#include <bit>

#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"

namespace orrery::sim {

/// ⌊log2 n⌋, the levels of a binary tree over n; 0 below 2.
[[nodiscard]] constexpr int floor_log2(int n) {
  return n < 2 ? 0 : static_cast<int>(std::bit_width(static_cast<unsigned>(n))) - 1;
}

/// ⌈log2 n⌉; 0 below 2.
[[nodiscard]] constexpr int ceil_log2(int n) { return n < 2 ? 0 : floor_log2(n - 1) + 1; }

/// Ranks of a call on one node, rounded up.
[[nodiscard]] inline int local_ranks(const CollectiveCall& call) { return ranks_per_node(call.ranks, call.nodes); }

}  // namespace orrery::sim
