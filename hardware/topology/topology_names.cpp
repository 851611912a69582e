// The names of devices and links, written and read. See topology.hpp.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/nearest_names.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

/// "node12" → {"node", 12}; -1 without a number.
std::pair<std::string_view, int> split_number(std::string_view word) {
  const std::size_t digits = word.find_first_of("0123456789");
  if (digits == std::string_view::npos) return {word, -1};
  int number = -1;
  const auto [end, error] = std::from_chars(word.data() + digits, word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) number = -1;
  return {word.substr(0, digits), number};
}

}  // namespace

std::string_view link_class_name(LinkClass link_class) {
  switch (link_class) {
    case LinkClass::nvlink:
      return "nvlink";
    case LinkClass::pcie:
      return "pcie";
    case LinkClass::nic:
      return "nic";
    case LinkClass::leaf:
      return "leaf";
    case LinkClass::spine:
      return "spine";
    case LinkClass::ici:
      break;
  }
  return "ici";
}

std::string Topology::name(VertexId id) const {
  const Vertex& vertex = vertices_[id.index()];
  const int index = static_cast<int>(id.value);
  if (vertex.kind == VertexKind::network_switch) {
    if (vertex.tier == 1) return fmt::format("{}{}", is_torus() ? "chip" : "leaf", index - leaf_offset_);
    return vertex.tier == 2 ? fmt::format("spine{}", index - spine_offset_)
                            : fmt::format("core{}", index - core_offset_);
  }
  const int node = static_cast<int>(vertex.node.value);
  const Shape& shape = shape_of_node(node);
  const int offset = index - static_cast<int>(node_vertex(node, 0).value);
  switch (vertex.kind) {
    case VertexKind::gpu:
      return fmt::format("node{}.gpu{}", node, offset);
    case VertexKind::nvswitch:
      return shape.is_switched() ? fmt::format("node{}.nvswitch", node)
                                 : fmt::format("node{}.bridge{}", node, offset - shape.nvswitch);
    case VertexKind::pcie_switch:
      return fmt::format("node{}.pcie{}", node, offset - shape.pcie);
    case VertexKind::nic:
      return fmt::format("node{}.nic{}", node, offset - shape.nic);
    default:
      return fmt::format("node{}.host", node);
  }
}

std::string Topology::name(LinkId id) const {
  const Link& link = this->link(id);
  // A link is named by its end further from the core; of a node that is the GPU or the NIC, then the PCIe switch.
  const auto depth = [this](VertexId vertex) {
    const Vertex& it = vertices_[vertex.index()];
    switch (it.kind) {
      case VertexKind::gpu:
      case VertexKind::nic:
        return 0;
      case VertexKind::pcie_switch:
        return 1;
      case VertexKind::nvswitch:
      case VertexKind::host:
        return 2;
      case VertexKind::network_switch:
        break;
    }
    return 2 + it.tier;
  };
  if (depth(link.from) == depth(link.to)) return fmt::format("{}.{}", name(link.from), name(link.to));
  const bool out = depth(link.from) < depth(link.to);
  const VertexId lower = out ? link.from : link.to, upper = out ? link.to : link.from;
  const VertexKind kind = vertices_[lower.index()].kind;
  const std::string device = name(lower);
  switch (link.link_class) {
    case LinkClass::nvlink:
      return device + (out ? ".nvlink_out" : ".nvlink_in");
    case LinkClass::pcie:
      if (kind == VertexKind::pcie_switch) return device + (out ? ".up" : ".down");
      return device + (out ? ".pcie_out" : ".pcie_in");
    case LinkClass::nic:
      if (kind == VertexKind::gpu) return device + (out ? ".ici_out" : ".ici_in");
      return device + (out ? ".out" : ".in");
    case LinkClass::leaf:
    case LinkClass::spine:
    case LinkClass::ici:
      break;
  }
  return fmt::format("{}.{}.{}", device, name(upper), out ? "up" : "down");
}

/// The links, both ways, of a range of vertices.
void Topology::links_at(int first, int count, std::vector<LinkId>& out) const {
  for (std::uint32_t id = first_link(first); id < first_link(first + count); ++id) {
    out.emplace_back(id);
    out.push_back(reverse(LinkId(id)));
  }
}

/// Where a link of that name would be, or something like it: with the nearest numbers that exist.
std::vector<LinkId> Topology::links_like(std::string_view text) const {
  const auto [word, number] = split_number(text.substr(0, text.find('.')));
  const auto nearest = [n = number](int count) { return std::clamp(n, 0, std::max(0, count - 1)); };
  std::vector<LinkId> out;
  const std::string_view router = is_torus() ? "chip" : "leaf";
  const bool any = word != "node" && word != router && word != "spine";
  if (word == "node" || any) {
    const int node = nearest(nodes_);
    links_at(static_cast<int>(node_vertex(node, 0).value), shape_of_node(node).vertices, out);
  }
  if ((word == router || any) && leaves_ > 0) links_at(leaf_offset_ + nearest(leaves_), 1, out);
  if ((word == "spine" || any) && spine_count() > 0) links_at(spine_offset_ + nearest(spine_count()), 1, out);
  return out;
}

LinkId Topology::find_link(std::string_view text) const {
  std::vector<std::string> names;
  for (const LinkId id : links_like(text)) {
    std::string candidate = name(id);
    if (candidate == text) return id;
    names.push_back(std::move(candidate));
  }
  std::string message = fmt::format("there is no link '{}'", text);
  const std::vector<std::string> near = nearest_names(text, names);
  if (!near.empty()) message += fmt::format("; did you mean {}?", fmt::join(near, ", "));
  throw ConfigError(message);
}

}  // namespace orrery::hardware
