#include "sim/plan/placement.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace orrery::sim {

namespace {

/// One communicator's members as base + i·stride, if they are.
std::optional<Axis> as_one_axis(const Group& group) {
  Axis all{1, 1};
  for (const Axis& axis : group.axes) {
    if (axis.count == 1) continue;
    if (all.count == 1) {
      all = axis;
    } else if (axis.stride == all.stride * all.count) {
      all.count *= axis.count;
    } else {
      return std::nullopt;
    }
  }
  return all;
}

int nodes_from(const Group& group, std::uint32_t base, const Placement& placement) {
  if (const std::optional<Axis> line = as_one_axis(group); line && line->stride > 0) {
    if (line->stride >= placement.per_node) return line->count;
    const auto last = base + static_cast<std::uint32_t>((line->count - 1) * line->stride);
    const auto size = static_cast<std::uint32_t>(placement.per_node);
    return static_cast<int>(last / size - base / size) + 1;
  }
  std::vector<int> nodes;
  for_each_member(group, base, [&](std::uint32_t member) {
    const int node = placement.node(member);
    if (nodes.empty() || nodes.back() != node) nodes.push_back(node);
  });
  std::sort(nodes.begin(), nodes.end());
  return static_cast<int>(std::unique(nodes.begin(), nodes.end()) - nodes.begin());
}

}  // namespace

// Copies that begin at the same place of a node cover as many nodes: one of each is enough. Those of a folded plan
// stand some whole nodes apart, which costs no division.
int nodes_spanned(const Group& group, const Placement& placement) {
  const auto size = static_cast<std::uint32_t>(placement.per_node);
  std::vector<std::uint8_t> seen(size, 0);
  std::uint32_t before = 0, whole = 0;  // whole: a distance known to be whole nodes
  int most = 1;
  for (std::size_t i = 0; i < group.bases.size(); ++i) {
    const std::uint32_t base = group.bases[i], last = std::exchange(before, base);
    if (i > 0 && base >= last) {
      if (base - last == whole) continue;
      if ((base - last) % size == 0) {
        whole = base - last;
        continue;
      }
    }
    std::uint8_t& known = seen[base % size];
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
