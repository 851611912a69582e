// The messages of a communicator over the nodes that it covers, and the bundles that they cross. A part of links.cpp
// and links_parting.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/links/links.hpp"

namespace orrery::sim {

/// Keeps its room from one communicator to the next.
class Messages {
 public:
  /// The messages of one communicator: calls each(from GPU, to GPU); returns how many nodes it covers.
  template <class Each>
  std::uint32_t of(const Group& group, std::uint32_t base, const Placement& placement, Pattern pattern, Each each) {
    places_.clear();
    for_each_member(group, base,
                    [&](std::uint32_t member) { places_.emplace_back(placement.node(member), placement.gpu(member)); });
    const auto [low, high] = std::minmax_element(places_.begin(), places_.end(), on_earlier_node);
    if (low->first == high->first) return 1;
    if (!std::is_sorted(places_.begin(), places_.end())) std::sort(places_.begin(), places_.end());
    begins_.clear();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (i == 0 || places_[i].first != places_[i - 1].first) begins_.push_back(i);
    }
    const std::size_t nodes = begins_.size();
    begins_.push_back(places_.size());
    const std::size_t distances = pattern == Pattern::exchange ? nodes - 1 : 1;
    for (std::size_t n = 0; n < nodes; ++n) {
      for (std::size_t d = 1; d <= distances; ++d) between(n, (n + d) % nodes, each);
    }
    return static_cast<std::uint32_t>(nodes);
  }

 private:
  using Place = std::pair<int, std::uint32_t>;  ///< node and GPU
  /// From each member on a node to the one at the same place of another; where that has fewer, once more from its
  /// first.
  template <class Each>
  void between(std::size_t from, std::size_t to, Each& each) const {
    const std::size_t size = begins_[to + 1] - begins_[to];
    for (std::size_t i = begins_[from], place = 0; i < begins_[from + 1];
         ++i, place = place + 1 < size ? place + 1 : 0) {
      each(places_[i].second, places_[begins_[to] + place].second);
    }
  }
  static bool on_earlier_node(const Place& a, const Place& b) { return a.first < b.first; }

  std::vector<Place> places_;
  std::vector<std::size_t> begins_;  ///< of each node in places_, and one past the last
};

// The way over the switches follows from its first leaf and its last, as long as nothing is down and all ways between
// them are one.
template <class Each>
void LinkClasses::for_each_bundle(std::uint32_t state, std::uint32_t from_gpu, std::uint32_t to_gpu,
                                  std::vector<LinkId>& route, Each each) const {
  if (by_link() || !topology_->is_whole()) {
    find_route(state, from_gpu, to_gpu, route);
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
