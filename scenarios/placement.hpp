// Where the ranks of a job stand in the cluster: `cluster.placement`, or `placement` of one of several jobs.
//
//   placement: {order: [tp, dp, pp], first_node: 4, spread: 2}
#pragma once

#include <string>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::scenarios {

struct PlacementConfig {
  /// Axes of the job's mesh, innermost first: neighbours on the first one stand on neighbouring GPUs. Axes that are not
  /// named follow in the order of all_axes(); empty: the kind's own order.
  std::vector<std::string> order;
  int first_node = 0;  ///< of the cluster; the job's first rank stands there
  int spread = 1;      ///< nodes from one that is used to the next: 1 are neighbours

  bool operator==(const PlacementConfig&) const = default;
};

/// "tp", "dp", "pp": tensor, data and pipeline parallelism; replicas of an engine count as dp.
[[nodiscard]] const std::vector<std::string>& all_axes();

/// Reads a mapping over `fallback`; `node` may be nullptr. Errors go to `diagnostics`: an axis that is unknown or named
/// twice, a first node that a cluster of `nodes` (0: nobody knows how many) does not have, a spread below 1.
[[nodiscard]] PlacementConfig read_placement(const hardware::ConfigNode* node, int nodes, PlacementConfig fallback,
                                             hardware::Diagnostics& diagnostics);

}  // namespace orrery::scenarios
