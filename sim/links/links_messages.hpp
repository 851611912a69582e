// The messages of a communicator over the nodes that it covers, and the bundles that they cross. A part of links.cpp
// and links_parting.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/collective/collectives.hpp"
#include "sim/links/links.hpp"

namespace orrery::sim {

/// Into how many messages of NCCL's two trees over nodes, of half of the buffer each, goes what the busiest node sends:
/// to the node above and the two below in one, to the node above in the other; of two nodes one in each.
[[nodiscard]] constexpr std::uint32_t tree_parts(std::uint32_t nodes) { return nodes == 2 ? 2 : 4; }

/// Keeps its room from one communicator to the next.
class Messages {
 public:
  /// One of the communicator's members.
  struct Place {
    int node = 0;
    std::uint32_t gpu = 0, member = 0;
  };

  /// Takes the communicator that begins at `base`; returns how many nodes it covers.
  std::uint32_t gather(const Group& group, std::uint32_t base, const Placement& placement) {
    places_.clear();
    for_each_member(group, base, [&](std::uint32_t member) {
      places_.push_back({placement.node(member), placement.gpu(member), member});
    });
    const auto [low, high] = std::minmax_element(places_.begin(), places_.end(), on_earlier_node);
    if (low->node == high->node) return 1;
    if (!std::is_sorted(places_.begin(), places_.end(), is_earlier)) {
      std::sort(places_.begin(), places_.end(), is_earlier);
    }
    begins_.clear();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (i == 0 || places_[i].node != places_[i - 1].node) begins_.push_back(i);
    }
    begins_.push_back(places_.size());
    return static_cast<std::uint32_t>(begins_.size() - 1);
  }

  /// The messages of one communicator: calls each(from GPU, to GPU); returns how many nodes it covers.
  template <class Each>
  std::uint32_t of(const Group& group, std::uint32_t base, const Placement& placement, Pattern pattern, Each each) {
    const std::uint32_t nodes = gather(group, base, placement);
    if (nodes == 1) return nodes;
    if (pattern == Pattern::tree) {
      for (const Transfer& edge : tree_over(nodes)) between(edge, each);
      return nodes;
    }
    const std::size_t distances = pattern == Pattern::exchange ? nodes - 1 : 1;
    for (std::size_t n = 0; n < nodes; ++n) {
      for (std::size_t d = 1; d <= distances; ++d) between(n, (n + d) % nodes, each);
    }
    return nodes;
  }

  // Of the communicator taken last, over several nodes:
  /// The edges of NCCL's two trees over so many nodes, up and down, each with a byte.
  const std::vector<Transfer>& tree_over(std::uint32_t nodes) {
    const int count = static_cast<int>(nodes);
    if (nodes != tree_nodes_) tree_ = tree_row().transfers({CollectiveKind::all_reduce, Bytes{2.0}, count, count});
    tree_nodes_ = nodes;
    return tree_;
  }
  [[nodiscard]] std::span<const Place> on_node(std::size_t node) const {
    return std::span(places_).subspan(begins_[node], begins_[node + 1] - begins_[node]);
  }
  template <class Each>
  void between(const Transfer& edge, Each& each) const {
    between(static_cast<std::size_t>(edge.source), static_cast<std::size_t>(edge.destination), each);
  }

 private:
  /// From each member on a node to the one at the same place of another; where that has fewer, once more from its
  /// first.
  template <class Each>
  void between(std::size_t from, std::size_t to, Each& each) const {
    const std::size_t size = begins_[to + 1] - begins_[to];
    for (std::size_t i = begins_[from], place = 0; i < begins_[from + 1];
         ++i, place = place + 1 < size ? place + 1 : 0) {
      each(places_[i].gpu, places_[begins_[to] + place].gpu);
    }
  }
  static bool on_earlier_node(const Place& a, const Place& b) { return a.node < b.node; }
  static bool is_earlier(const Place& a, const Place& b) { return a.node != b.node ? a.node < b.node : a.gpu < b.gpu; }

  std::vector<Place> places_;
  std::vector<std::size_t> begins_;  ///< of each node in places_, and one past the last
  std::vector<Transfer> tree_;
  std::uint32_t tree_nodes_ = 0;
};

// The way over the switches follows from its first leaf and its last, as long as nothing is down and all ways between
// them are one.
template <class Each>
void LinkClasses::for_each_bundle(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu,
                                  std::vector<LinkId>& route, Each each) const {
  if (by_link() || !topology_->is_whole()) {
    find_route(fabric, from_gpu, to_gpu, route);
    for (const LinkId id : route) {
      if (bundle_of_[id.index()] != kNoBundle) each(bundle_of_[id.index()]);
    }
    return;
  }
  const auto [from, to] = topology_->leaves_between(RankId(from_gpu), RankId(to_gpu));
  if (from == to) return;
  each(leaf_bundles_[static_cast<std::size_t>(from)].up);
  const int from_pod = topology_->pod_of_leaf(from), to_pod = topology_->pod_of_leaf(to);
  if (from_pod != to_pod) {
    each(spine_bundles_[static_cast<std::size_t>(from_pod)].up);
    each(spine_bundles_[static_cast<std::size_t>(to_pod)].down);
  }
  each(leaf_bundles_[static_cast<std::size_t>(to)].down);
}

}  // namespace orrery::sim
