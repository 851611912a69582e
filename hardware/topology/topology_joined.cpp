// Whether every device reaches every other, and every link has bandwidth. See topology.hpp.
#include <cmath>
#include <numeric>
#include <vector>

#include <boost/pending/disjoint_sets.hpp>
#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {

// A node that repeats the first of its group is as connected as that one, and counts as one device.
void Topology::require_joined(const std::vector<NodeGroup>& groups, const Fabric& fabric) const {
  std::vector<std::uint32_t> parent(vertices_.size());
  std::vector<std::uint8_t> rank(vertices_.size(), 0);
  std::iota(parent.begin(), parent.end(), 0u);
  boost::disjoint_sets<std::uint8_t*, std::uint32_t*, boost::find_with_path_halving> parts(rank.data(), parent.data());
  std::size_t count = vertices_.size();
  const auto device = [this](VertexId v) {
    const NodeId node = vertices_[v.index()].node;
    if (!node.valid()) return v.value;
    const int index = static_cast<int>(node.value);
    return shape_of_node(index).first_node == index ? v.value : node_vertex(index, 0).value;
  };
  const auto join = [&](std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t id = first; id < end; ++id) {
      const Link& link = links_[id];
      if (!(link.bandwidth.value() > 0.0) || !std::isfinite(link.bandwidth.value())) {
        throw ConfigError(fmt::format("the node '{}' on the fabric '{}' has a link without bandwidth",
                                      groups.front().node.name, fabric.name));
      }
      if (link.to < link.from && !vertices_[link.to.index()].node.valid()) continue;  // the way up said so
      const std::uint32_t a = parts.find_set(device(link.from)), b = parts.find_set(device(link.to));
      if (a == b) continue;
      parts.link(a, b);
      --count;
    }
  };
  for (const Shape& shape : shapes_) {
    if (shape.nodes == 0) continue;
    join(static_cast<std::uint32_t>(shape.first_link), static_cast<std::uint32_t>(shape.first_link + shape.links));
    count -= static_cast<std::size_t>(shape.nodes - 1) * static_cast<std::size_t>(shape.vertices - 1);
  }
  join(first_switch_link().value, static_cast<std::uint32_t>(links_.size()));
  if (count == 1) return;
  throw ConfigError(fmt::format("{} nodes '{}' on the fabric '{}' fall into {} parts that no link joins", nodes_,
                                groups.front().node.name, fabric.name, count));
}

}  // namespace orrery::hardware
