// Routes of a torus: along one axis after the other. See topology.hpp.
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include <fmt/format.h>

#include "hardware/topology/topology.hpp"

namespace orrery::hardware {

// By the axes in `order`; a bit of `other_way` sends it the longer way around the ring of that place. Empty: a line has
// no longer way.
bool Topology::walk_torus(int from, int to, const std::vector<std::size_t>& order, std::uint32_t other_way,
                          std::vector<LinkId>& links) const {
  int at = from;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const TorusAxis& axis = torus_[order[i]];
    int shift = axis.shift(from, to);
    if (other_way >> i & 1u) {
      if (!axis.ring || shift == 0) return false;
      shift += shift > 0 ? -axis.chips : axis.chips;
    }
    for (const int step = shift > 0 ? 1 : -1; shift != 0; shift -= step) {
      const int next = axis.neighbour(at, step);
      links.push_back(find_link(leaf_vertex(at), leaf_vertex(next)));
      at = next;
    }
  }
  return true;
}

/// A chip's port; its router's link to the chip is the first there.
LinkId Topology::torus_port(int chip, bool out) const {
  const VertexId own = gpu(RankId(chip)), router = leaf_vertex(chip);
  return out ? find_link(own, router) : find_link(router, own);
}

void Topology::route_torus(int from, int to, std::vector<LinkId>& links) const {
  links.clear();
  if (from == to) return;
  std::vector<std::size_t> order(torus_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  links.push_back(torus_port(from, true));
  (void)walk_torus(from, to, order, 0, links);
  links.push_back(torus_port(to, false));
  if (!down_.empty() && first_down(links).valid()) detour_torus(from, to, links);
}

// Another order of the axes, then the longer way around rings, then by a neighbour's row.
void Topology::detour_torus(int from, int to, std::vector<LinkId>& links) const {
  const LinkId broken = first_down(links);
  const auto open = [&](int first, const std::vector<std::size_t>& order, std::uint32_t other_way) {
    links.assign(1, torus_port(from, true));
    if (first != from) links.push_back(find_link(leaf_vertex(from), leaf_vertex(first)));
    if (!walk_torus(first, to, order, other_way, links)) return false;
    links.push_back(torus_port(to, false));
    return !first_down(links).valid();
  };
  std::vector<int> starts{from};
  for (const TorusAxis& axis : torus_) {
    for (const int step : {1, -1}) {
      const int next = axis.chips > 1 ? axis.neighbour(from, step) : -1;
      if (next >= 0 && next != from) starts.push_back(next);
    }
  }
  for (const int first : starts) {
    for (std::uint32_t other_way = 0; other_way < 1u << torus_.size(); ++other_way) {
      std::vector<std::size_t> order(torus_.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      do {
        if (open(first, order, other_way)) return;
      } while (std::next_permutation(order.begin(), order.end()));
    }
  }
  const LinkId down = is_up(broken) ? reverse(broken) : broken;
  links.clear();
  throw NoRoute(fmt::format("no way is left from {} to {}: {} is down", name(gpu(RankId(from))), name(gpu(RankId(to))),
                            name(down)),
                down);
}

}  // namespace orrery::hardware
