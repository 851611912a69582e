// Where the members of a job sit on a cluster's GPUs.
//
// Member m of a job is on node first_node + ⌊m / per_node⌋ · spread, at place m mod per_node of it. Jobs number their
// members so that neighbours in number are neighbours in the machine; which axis of a mesh is the fastest is the job's
// own choice.
#pragma once

#include <cstdint>

#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct Placement {
  int first_node = 0;
  int per_node = 1;   ///< members on one node
  int spread = 1;     ///< every how many nodes one is taken
  int node_size = 1;  ///< GPUs of a node

  [[nodiscard]] int node(std::uint32_t member) const {
    return first_node + static_cast<int>(member) / per_node * spread;
  }
  /// The GPU's number in the cluster.
  [[nodiscard]] std::uint32_t gpu(std::uint32_t member) const {
    return static_cast<std::uint32_t>(node(member) * node_size + static_cast<int>(member) % per_node);
  }
  /// Nodes from the first to the last that `members` members take.
  [[nodiscard]] int extent(int members) const { return (members - 1) / per_node * spread + 1; }
};

/// Calls `each` with the members of the communicator of `group` that begins at `base`, in the order of their ranks.
template <class Each>
void for_each_member(const Group& group, std::uint32_t base, Each each) {
  std::vector<int> at(group.axes.size(), 0);
  for (;;) {
    each(base);
    std::size_t axis = 0;
    for (; axis < at.size(); ++axis) {
      base += static_cast<std::uint32_t>(group.axes[axis].stride);
      if (++at[axis] < group.axes[axis].count) break;
      base -= static_cast<std::uint32_t>(group.axes[axis].stride * group.axes[axis].count);
      at[axis] = 0;
    }
    if (axis == at.size()) return;
  }
}

/// Nodes that one communicator of the group covers: of the one that covers most.
[[nodiscard]] int nodes_spanned(const Group& group, const Placement& placement);

/// Whether the first pair of the transfer shares a node.
[[nodiscard]] bool same_node(const TransferEntry& transfer, const Plan& plan, const Placement& placement);

}  // namespace orrery::sim
