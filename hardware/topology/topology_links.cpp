// Links between neighbours, of a route, and links that are narrowed or taken down. See topology.hpp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "hardware/topology/topology.hpp"

namespace orrery::hardware {

LinkId Topology::find_link(VertexId from, VertexId to) const {
  const auto begin = links_.begin() + first_link_[from.index()];
  const auto end = links_.begin() + first_link_[from.index() + 1];
  const auto found = std::lower_bound(begin, end, to, [](const Link& link, VertexId v) { return link.to < v; });
  if (found == end || found->to != to) return LinkId();
  return LinkId(static_cast<std::size_t>(found - links_.begin()));
}

BytesPerSecond Topology::bottleneck(const std::vector<LinkId>& route) const {
  BytesPerSecond least{std::numeric_limits<double>::infinity()};
  for (const LinkId id : route) least = min(least, link(id).bandwidth);
  return least;
}

Seconds Topology::latency(const std::vector<LinkId>& route) const {
  Seconds sum;
  for (const LinkId id : route) sum += link(id).latency;
  return sum;
}

void Topology::scale(LinkId id, double factor) {
  if (!(factor >= 0.0) || !std::isfinite(factor)) throw std::invalid_argument("a link is scaled by a number >= 0");
  Link& link = links_.at(id.index());
  const BytesPerSecond built = built_with_.try_emplace(id, link.bandwidth).first->second;
  link.bandwidth = built * factor;
  if (factor == 1.0) built_with_.erase(id);
  down_.clear();
  for (const auto& [changed, bandwidth] : built_with_) {
    if (is_up(changed)) continue;
    down_.push_back(changed);
    down_.push_back(reverse(changed));
  }
  std::sort(down_.begin(), down_.end());
}

}  // namespace orrery::hardware
