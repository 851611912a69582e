// The messages of a communicator over the nodes that it covers. A part of links.cpp and links_parting.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/links/links.hpp"

namespace orrery::sim {

// From each member to the one at the same place of the next node, in a ring over the nodes.
template <class Each>
std::uint32_t LinkClasses::for_each_message(const std::vector<std::uint32_t>& members, const Placement& placement,
                                            Each each) const {
  std::vector<std::pair<int, std::uint32_t>> places;  // node and GPU
  places.reserve(members.size());
  for (const std::uint32_t member : members) places.emplace_back(placement.node(member), placement.gpu(member));
  std::sort(places.begin(), places.end());
  std::vector<std::vector<std::uint32_t>> nodes;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (i == 0 || places[i].first != places[i - 1].first) nodes.emplace_back();
    nodes.back().push_back(places[i].second);
  }
  for (std::size_t n = 0; nodes.size() > 1 && n < nodes.size(); ++n) {
    const std::vector<std::uint32_t>& next = nodes[(n + 1) % nodes.size()];
    for (std::size_t i = 0; i < nodes[n].size(); ++i) each(nodes[n][i], next[i % next.size()]);
  }
  return static_cast<std::uint32_t>(nodes.size());
}

}  // namespace orrery::sim
