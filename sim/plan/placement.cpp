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

int nodes_of(const Group& group, std::uint32_t base, const Placement& placement) {
  std::vector<int> nodes;
  for_each_member(group, base, [&](std::uint32_t member) {
    const int node = placement.host(member);
    if (nodes.empty() || nodes.back() != node) nodes.push_back(node);
  });
  std::sort(nodes.begin(), nodes.end());
  return static_cast<int>(std::unique(nodes.begin(), nodes.end()) - nodes.begin());
}

int nodes_from(const Group& group, std::uint32_t base, const Placement& placement) {
  if (const std::optional<Axis> line = as_one_axis(group); line && line->stride > 0) {
    if (line->stride >= placement.per_node) return line->count;
    const auto last = base + static_cast<std::uint32_t>((line->count - 1) * line->stride);
    const auto size = static_cast<std::uint32_t>(placement.per_node);
    return static_cast<int>(last / size - base / size) + 1;
  }
  return nodes_of(group, base, placement);
}

}  // namespace

std::size_t Placement::taken_of(std::uint32_t member) const {
  const auto after = std::upper_bound(unlike.begin(), unlike.end(), member,
                                      [](std::uint32_t m, const Taken& taken) { return m < taken.first_member; });
  return static_cast<std::size_t>(after - unlike.begin()) - 1;
}

namespace {

/// At most `per_node` of a node's GPUs; 0: all.
int used_of(int per_node, int size) { return per_node > 0 ? std::min(per_node, size) : size; }

Placement place_on_unlike(const hardware::Cluster& cluster, Placement placement, int per_node, int members) {
  int member = 0, gpu = 0, node = 0;
  bool one_size = true;  // of the nodes from the first to the last that is taken
  placement.node_size = 0;
  for (const hardware::NodeGroup& group : cluster.groups) {
    const int size = group.node.gpus;
    for (int i = 0; i < group.count; ++i, ++node, gpu += size) {
      if (node < placement.first_node) continue;
      if (node == placement.first_node) placement.gpu_shift = gpu - node * size;
      if (member < members) {
        one_size = one_size && (placement.node_size == 0 || placement.node_size == size);
        placement.node_size = std::max(placement.node_size, size);
      }
      if ((node - placement.first_node) % placement.spread != 0) continue;
      placement.unlike.push_back({static_cast<std::uint32_t>(member), static_cast<std::uint32_t>(gpu)});
      member += used_of(per_node, size);
    }
  }
  placement.unlike.push_back({static_cast<std::uint32_t>(member), static_cast<std::uint32_t>(gpu)});
  placement.node_size = std::max(1, placement.node_size);
  placement.per_node = used_of(per_node, placement.node_size);
  // Members that don't fit have numbers past the last GPU in the list, but not by the formula.
  if (one_size && member >= members) {
    placement.unlike.clear();
  } else {
    placement.gpu_shift = 0;
  }
  return placement;
}

}  // namespace

// Nodes of other sizes that no member stands on, nor between those that are taken, change no more than numbers.
Placement place(const hardware::Cluster& cluster, int first_node, int spread, int per_node, int members) {
  Placement placement;
  placement.first_node = first_node;
  placement.spread = spread;
  placement.torus = cluster.fabric.kind == hardware::FabricKind::torus;
  const int size = cluster.groups.front().node.gpus;
  const auto of_size = [size](const hardware::NodeGroup& group) { return group.node.gpus == size; };
  if (!std::all_of(cluster.groups.begin(), cluster.groups.end(), of_size)) {
    return place_on_unlike(cluster, std::move(placement), per_node, members);
  }
  placement.node_size = std::max(1, size);
  placement.per_node = used_of(per_node, placement.node_size);
  return placement;
}

// Members go through the nodes in order. Those that don't fit are somebody else's finding: they count to the last
// group.
std::vector<std::size_t> groups_of(const hardware::Cluster& cluster, const Placement& placement, int members) {
  if (cluster.groups.size() == 1) return {0};
  const auto last = static_cast<std::uint32_t>(cluster.gpu_count() - 1);
  std::vector<std::size_t> groups;
  for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(members); ++member) {
    const std::size_t group = cluster.group_of_gpu(std::min(placement.gpu(member), last));
    if (groups.empty() || groups.back() != group) groups.push_back(group);
  }
  return groups;
}

bool is_side_by_side(const Group& group, const Placement& placement) {
  if (group.bases.empty()) return true;
  const std::uint32_t first = placement.place(group.bases.front()), size = static_cast<std::uint32_t>(group.size());
  std::uint32_t expected = first;
  bool all = size > 0 && first % size == 0;
  for_each_member(group, group.bases.front(),
                  [&](std::uint32_t member) { all = all && placement.place(member) == expected++; });
  return all;
}

// Copies that begin at the same place of a node cover as many nodes: one of each is enough. Those of a folded plan
// stand some whole nodes apart, which costs no division.
int nodes_spanned(const Group& group, const Placement& placement) {
  if (!placement.unlike.empty()) {
    int most = 1;
    for (const std::uint32_t base : group.bases) most = std::max(most, nodes_of(group, base, placement));
    return most;
  }
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
  if (placement.torus) return true;
  return placement.host(plan.ranks[transfer.source.index()].stands_for.front()) ==
         placement.host(plan.ranks[transfer.destination.index()].stands_for.front());
}

}  // namespace orrery::sim
