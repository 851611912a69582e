#include "sim/placement.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

int nodes_from(const Group& group, std::uint32_t base, const Placement& placement) {
  std::vector<int> nodes;
  for_each_member(group, base, [&](std::uint32_t member) {
    const int node = placement.node(member);
    if (nodes.empty() || nodes.back() != node) nodes.push_back(node);
  });
  std::sort(nodes.begin(), nodes.end());
  return static_cast<int>(std::unique(nodes.begin(), nodes.end()) - nodes.begin());
}

}  // namespace

// Copies that begin at the same place of a node cover as many nodes: one of each is enough.
int nodes_spanned(const Group& group, const Placement& placement) {
  std::vector<std::uint8_t> seen(static_cast<std::size_t>(placement.per_node), 0);
  int most = 1;
  for (const std::uint32_t base : group.bases) {
    std::uint8_t& known = seen[base % static_cast<std::uint32_t>(placement.per_node)];
    if (known != 0) continue;
    known = 1;
    most = std::max(most, nodes_from(group, base, placement));
  }
  return most;
}

bool same_node(const TransferEntry& transfer, const Plan& plan, const Placement& placement) {
  return placement.node(plan.ranks[transfer.source.index()].stands_for.front()) ==
         placement.node(plan.ranks[transfer.destination.index()].stands_for.front());
}

}  // namespace orrery::sim
