// Where the members of a job sit on a cluster's GPUs.
//
// Member m of a job is on node first_node + ⌊m / per_node⌋ · spread, at place m mod per_node of it; where nodes are of
// unlike sizes, the members fill the nodes that are taken one after the other. Jobs number their members so that
// neighbours in number are neighbours in the machine; which axis of a mesh is the fastest is the job's own choice.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct Placement {
  /// A node that is taken.
  struct Taken {
    std::uint32_t first_member = 0, first_gpu = 0;
  };

  int first_node = 0;
  int per_node = 1;   ///< members on one node: on the largest, where they are unlike
  int spread = 1;     ///< every how many nodes one is taken
  int node_size = 1;  ///< GPUs of a node
  /// Of unlike sizes: the nodes in the order in which they are taken, and one past the end. Empty: all of one size.
  std::vector<Taken> unlike;
  int gpu_shift = 0;   ///< of the GPUs' numbers, where nodes before the first one are of another size
  bool torus = false;  ///< each chip stands on the network by itself, whichever its host is

  /// What reaches all others by the network alone: the node, or on a torus the chip.
  [[nodiscard]] int node(std::uint32_t member) const { return torus ? static_cast<int>(gpu(member)) : host(member); }
  /// The node whose host the member's GPU hangs on.
  [[nodiscard]] int host(std::uint32_t member) const {
    const int taken = unlike.empty() ? static_cast<int>(member) / per_node : static_cast<int>(taken_of(member));
    return first_node + taken * spread;
  }
  /// The GPU's number in the cluster; past its last one where the members don't fit.
  [[nodiscard]] std::uint32_t gpu(std::uint32_t member) const {
    if (unlike.empty()) {
      return static_cast<std::uint32_t>(host(member) * node_size + static_cast<int>(member) % per_node + gpu_shift);
    }
    const Taken& taken = unlike[taken_of(member)];
    return taken.first_gpu + (member - taken.first_member);
  }
  /// The member's place on its node.
  [[nodiscard]] std::uint32_t place(std::uint32_t member) const {
    if (unlike.empty()) return member % static_cast<std::uint32_t>(per_node);
    return member - unlike[taken_of(member)].first_member;
  }

 private:
  [[nodiscard]] std::size_t taken_of(std::uint32_t member) const;
};

/// Of `members` on every `spread`-th node from `first_node` on, of each at most `per_node` GPUs; 0: all.
[[nodiscard]] Placement place(const hardware::Cluster& cluster, int first_node, int spread, int per_node, int members);

/// The cluster's node groups that hold the first `members` members, in ascending order.
[[nodiscard]] std::vector<std::size_t> groups_of(const hardware::Cluster& cluster, const Placement& placement,
                                                 int members);

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

/// Nodes (hosts) that one communicator of the group covers: of the one that covers most.
[[nodiscard]] int nodes_spanned(const Group& group, const Placement& placement);

/// Whether the first communicator's members stand on neighbouring places, the first at a multiple of their number: a
/// pair on a bridge. REQUIRES that they are on one node.
[[nodiscard]] bool is_side_by_side(const Group& group, const Placement& placement);

/// Whether the first pair of the transfer shares a node; on a torus always: a chip has the same links to all.
[[nodiscard]] bool same_node(const TransferEntry& transfer, const Plan& plan, const Placement& placement);

}  // namespace orrery::sim
