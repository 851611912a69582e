// Routes of a fabric whose leaves are linked to each other: a dragonfly's routers, or sites. See topology.hpp.
#include <algorithm>

#include "hardware/topology/topology_parts.hpp"

namespace orrery::hardware {

// Ports of a group, dealt to its routers in equal parts.
int Topology::gateway(int group, int other, int cable) const {
  const int ahead = (other - group + pods_) % pods_ - 1;
  const std::int64_t port = std::int64_t{cable} * (pods_ - 1) + ahead;
  return first_leaf_of_pod(group) + std::min(static_cast<int>(port * pod_leaves_ / group_cables_), pod_leaves_ - 1);
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

// By another router of the group, or by another cable, then by a third group, of which each card begins with another,
// so that what a cable carried is spread; where there is none of these, by the fewest routers.
bool Topology::detour_direct(const Ends& ends, Choice choice, std::vector<LinkId>& links) const {
  const auto leaf = [this](const Ends::End& end, int gpu, int port) {
    return leaf_of(end.node, at(end.shape->gpu_links, gpu).nic + port);
  };
  const int from_leaf = leaf(ends.from, choice.exit, choice.port), to_leaf = leaf(ends.to, choice.entry, choice.port);
  const int from_group = pod_of_leaf(from_leaf), to_group = pod_of_leaf(to_leaf);
  const int card = at(ends.from.shape->gpu_links, choice.exit).nic + choice.port;
  const bool inside = from_group == to_group;
  const int first = first_leaf_of_pod(from_group);
  const auto [low, high] = std::minmax({inside ? from_leaf - first : from_group, inside ? to_leaf - first : to_group});
  const int ways = (inside ? pod_leaves_ : pods_) - (low == high ? 1 : 2);  // neither of the ends
  const int cables = inside ? 1 : cables_, usual = choice.cable;
  for (int way = -1; way < ways; ++way) {
    choice.via = way < 0 ? way : (from_leaf + to_leaf + card + way) % ways;
    if (choice.via >= low) ++choice.via;
    if (low != high && choice.via >= high) ++choice.via;
    for (int i = 0; i < cables; ++i) {
      choice.cable = (usual + i) % cables_;
      walk(ends, choice, links);
      if (!first_down(links).valid()) return true;
    }
  }
  choice.via = -1;
  walk(ends, choice, links);
  return replace_switches(links);
}

// Breadth first over the cables whose both directions are up.
bool Topology::replace_switches(std::vector<LinkId>& links) const {
  const auto is_between = [this](LinkId id) {
    return link(id).link_class == LinkClass::leaf || link(id).link_class == LinkClass::spine;
  };
  const auto first = std::find_if(links.begin(), links.end(), is_between);
  const auto last = std::find_if_not(first, links.end(), is_between);
  if (first == last) return false;
  const auto router = [this](VertexId vertex) { return static_cast<std::size_t>(vertex.value) - leaf_offset_; };
  const VertexId from = link(*first).from, to = link(*(last - 1)).to;
  std::vector<LinkId> came_by(static_cast<std::size_t>(leaves_));
  std::vector<VertexId> open{from};
  for (std::size_t i = 0; i < open.size() && !came_by[router(to)].valid(); ++i) {
    for (std::uint32_t id = first_link_[open[i].index()]; id < first_link_[open[i].index() + 1]; ++id) {
      const VertexId next = links_[id].to;
      if (!is_between(LinkId(id)) || next == from || came_by[router(next)].valid()) continue;
      if (first_down({LinkId(id)}).valid()) continue;
      came_by[router(next)] = LinkId(id);
      open.push_back(next);
    }
  }
  if (!came_by[router(to)].valid()) return false;
  std::vector<LinkId> way;
  for (VertexId at = to; at != from; at = link(way.back()).from) way.push_back(came_by[router(at)]);
  links.insert(links.erase(first, last), way.rbegin(), way.rend());
  return !first_down(links).valid();
}

}  // namespace orrery::hardware
