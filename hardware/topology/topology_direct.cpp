// Routes of a fabric whose leaves are linked to each other: a dragonfly's routers, or sites. See topology.hpp.
#include <algorithm>

#include "hardware/topology/topology_parts.hpp"

namespace orrery::hardware {

int Topology::routers_of(int group) const { return std::min(pod_leaves_, leaves_ - first_leaf_of_pod(group)); }

// Ports of a group, dealt to the routers that it has in equal parts.
int Topology::gateway(int group, int other, int cable) const {
  const int ahead = (other - group + pods_) % pods_ - 1;
  const std::int64_t port = std::int64_t{cable} * (pods_ - 1) + ahead;
  const int routers = routers_of(group);
  return first_leaf_of_pod(group) + std::min(static_cast<int>(port * routers / group_cables_), routers - 1);
}

void Topology::walk_direct(int from_leaf, int to_leaf, const Choice& choice, Walk& way) const {
  const int from_group = pod_of_leaf(from_leaf), to_group = pod_of_leaf(to_leaf), via = choice.via;
  int at = from_leaf;
  const auto go = [&](int next) {
    if (next != at) way.by(find_link(leaf_vertex(at), leaf_vertex(next)).value);
    at = next;
  };
  const auto cross = [&](int group, int next) {
    go(gateway(group, next, choice.cable));
    go(gateway(next, group, choice.cable));
  };
  if (from_group == to_group) {
    if (via >= 0) go(first_leaf_of_pod(from_group) + via);
  } else if (via >= 0 && via != from_group && via != to_group) {
    cross(from_group, via);
    cross(via, to_group);
  } else {
    cross(from_group, to_group);
  }
  go(to_leaf);
}

// By another router of the group, or by another cable, then by a third group.
bool Topology::detour_direct(const Ends& ends, Choice choice, std::vector<LinkId>& links) const {
  const auto leaf = [this](const Ends::End& end, int gpu, int port) {
    return leaf_of(end.node, at(end.shape->gpu_links, gpu).nic + port);
  };
  const int from_group = pod_of_leaf(leaf(ends.from, choice.exit, choice.port));
  const int to_group = pod_of_leaf(leaf(ends.to, choice.entry, choice.port));
  const int ways = from_group == to_group ? routers_of(from_group) : pods_;
  const int cables = from_group == to_group ? 1 : cables_, usual = choice.cable;
  for (choice.via = -1; choice.via < ways; ++choice.via) {
    for (int i = 0; i < cables; ++i) {
      choice.cable = (usual + i) % cables_;
      walk(ends, choice, links);
      if (!first_down(links).valid()) return true;
    }
  }
  return false;
}

}  // namespace orrery::hardware
