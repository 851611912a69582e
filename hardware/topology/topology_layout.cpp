// Lays vertices and links out in the arrays' order. See topology_builder.hpp.
#include <algorithm>
#include <map>

#include "hardware/topology/topology_builder.hpp"

namespace orrery::hardware {
namespace {

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

/// The first of `items` on switch `i` of `n`, where item k is on switch k·n/items.
constexpr int first_of(int i, int items, int n) { return ceil_div(i * items, n); }

}  // namespace

void Topology::Builder::add_vertex(VertexKind kind, NodeId node, int tier, int rail) {
  t_.first_link_.push_back(static_cast<std::uint32_t>(t_.links_.size()));
  t_.vertices_.push_back({kind, static_cast<std::uint8_t>(tier), static_cast<std::int16_t>(rail), node});
}

void Topology::Builder::link_to(int vertex, const Wire& wire) {
  const VertexId from(t_.vertices_.size() - 1);
  t_.links_.push_back({from, VertexId(vertex), wire.bandwidth, wire.latency, wire.link_class});
}

void Topology::Builder::add_node(std::size_t group, int index) {
  const NodeId id(index);
  const Node& node = groups_[group].node;
  const Gpu& gpu = groups_[group].gpu;
  const Shape& s = t_.shapes_[group];
  const int first = s.first_vertex + (index - s.first_node) * s.vertices;
  // A hop through the NVSwitch is two links: each carries half of its latency. The same for PCIe.
  const Wire nvlink{s.is_switched() ? gpu.nvlink_bandwidth : bridge_rate(groups_[group]), gpu.nvlink_latency / 2,
                    LinkClass::nvlink};
  const Wire gpu_slot{min(node.pcie_bandwidth, gpu.pcie_bandwidth), gpu.pcie_latency / 2, LinkClass::pcie};
  const Wire slot{node.pcie_bandwidth, gpu.pcie_latency / 2, LinkClass::pcie};
  const Wire out{min(node.nic_bandwidth, fabric_.link_bandwidth), node.nic_latency + fabric_.cable_latency,
                 LinkClass::nic};
  for (int i = 0; i < s.gpus; ++i) {
    add_vertex(VertexKind::gpu, id);
    if (i < s.joined * s.bridges) link_to(first + s.nvswitch + i / s.joined, nvlink);
    link_to(first + s.pcie + s.gpu_links[static_cast<std::size_t>(i)].pcie_switch, gpu_slot);
    if (t_.is_torus()) link_to(t_.leaf_offset_ + t_.first_gpu_of(index) + i, torus_port(t_.first_gpu_of(index) + i));
  }
  for (int bridge = 0; bridge < s.bridges; ++bridge) {
    add_vertex(VertexKind::nvswitch, id);
    for (int i = bridge * s.joined; i < (bridge + 1) * s.joined; ++i) link_to(first + i, nvlink);
  }
  for (int p = 0; p < s.pcie_switches; ++p) {
    add_vertex(VertexKind::pcie_switch, id);
    const auto begins = [&](int n) { return first_of(p, n, s.pcie_switches); };
    const auto ends = [&](int n) { return first_of(p + 1, n, s.pcie_switches); };
    for (int i = begins(s.gpus); i < ends(s.gpus); ++i) link_to(first + i, gpu_slot);
    for (int i = begins(s.nics); i < ends(s.nics); ++i) link_to(first + s.nic + i, slot);
    link_to(first + s.host, slot);
  }
  for (int i = 0; i < s.nics; ++i) {
    add_vertex(VertexKind::nic, id, 0, t_.rails_ > 0 ? i : -1);
    link_to(first + s.pcie + s.nic_links[static_cast<std::size_t>(i)].pcie_switch, slot);
    if (t_.leaves_ > 0 && !t_.is_torus()) link_to(t_.leaf_offset_ + t_.leaf_of(index, i), out);
  }
  add_vertex(VertexKind::host, id);
  for (int p = 0; p < s.pcie_switches; ++p) link_to(first + s.pcie + p, slot);
}

void Topology::Builder::repeat_node(const Shape& s, int index) {
  const std::size_t vertex = t_.vertices_.size(), link = t_.links_.size();
  const auto vertices = static_cast<std::size_t>(s.vertices), links = static_cast<std::size_t>(s.links);
  t_.vertices_.resize(vertex + vertices);
  for (std::size_t i = vertex; i < vertex + vertices; ++i) {
    t_.vertices_[i] = t_.vertices_[i - vertices];
    t_.vertices_[i].node = NodeId(index);
    t_.first_link_.push_back(t_.first_link_[i - vertices] + static_cast<std::uint32_t>(links));
  }
  t_.links_.resize(link + links);
  for (std::size_t i = link; i < link + links; ++i) {
    Link& next = t_.links_[i];
    next = t_.links_[i - links];
    next.from.value += static_cast<std::uint32_t>(vertices);
    next.to.value += static_cast<std::uint32_t>(vertices);
  }
  if (t_.leaves_ == 0) return;
  if (t_.is_torus()) {
    for (int i = 0; i < s.gpus; ++i) {
      const int out = s.gpu_links[static_cast<std::size_t>(i)].ici_out;
      t_.links_[link + static_cast<std::size_t>(out)].to = VertexId(t_.leaf_offset_ + t_.first_gpu_of(index) + i);
    }
    return;
  }
  for (int i = 0; i < s.nics; ++i) {
    const int out = s.nic_links[static_cast<std::size_t>(i)].out;
    t_.links_[link + static_cast<std::size_t>(out)].to = VertexId(t_.leaf_offset_ + t_.leaf_of(index, i));
  }
}

// A leaf has as many uplinks as downlinks; oversubscription makes them narrower. A spine's uplinks carry
// what its downlinks carry, over fewer (or as many) cores.
Topology::Builder::Wire Topology::Builder::leaf_spine() const {
  return {fabric_.link_bandwidth / fabric_.oversubscription, hop(), LinkClass::leaf};
}

Topology::Builder::Wire Topology::Builder::spine_core() const {
  const double share = static_cast<double>(t_.pod_leaves_) / t_.cores_per_plane_;
  return {leaf_spine().bandwidth * (share / fabric_.core_oversubscription), hop(), LinkClass::spine};
}

Site Topology::Builder::site_of(int chip) const {
  const NodeGroup& group = groups_[static_cast<std::size_t>(&t_.shape_of_gpu(chip) - t_.shapes_.data())];
  return {group.gpu, group.node, fabric_, t_.nodes_, nccl_};
}

Topology::Builder::Wire Topology::Builder::torus_port(int chip) const {
  return {site_of(chip).network_bandwidth_per_gpu(), Seconds{}, LinkClass::nic};
}

void Topology::Builder::add_router(int chip) {
  add_vertex(VertexKind::network_switch, NodeId(), 1);
  link_to(static_cast<int>(t_.gpu(RankId(chip)).value), torus_port(chip));
  std::map<int, int> cables;
  for (const TorusAxis& axis : t_.torus_) {
    for (const int step : {1, -1}) {
      const int next = axis.chips > 1 ? axis.neighbour(chip, step) : -1;
      if (next >= 0) ++cables[next];
    }
  }
  const BytesPerSecond own = site_of(chip).torus_link();
  for (const auto& [next, count] : cables) {
    const BytesPerSecond cable = min(own, site_of(next).torus_link());
    link_to(t_.leaf_offset_ + next, {cable * static_cast<double>(count), hop(), LinkClass::ici});
  }
}

void Topology::Builder::add_leaf(int leaf) {
  if (t_.is_torus()) return add_router(leaf);
  const int rail = t_.rails_ > 0 ? leaf % t_.rails_ : -1;
  add_vertex(VertexKind::network_switch, NodeId(), 1, rail);
  const int first = leaf / std::max(1, t_.rails_) * t_.nodes_per_leaf_;
  for (int node = first; node < std::min(first + t_.nodes_per_leaf_, t_.nodes_); ++node) {
    const Shape& shape = t_.shape_of_node(node);
    const Node& described = groups_[static_cast<std::size_t>(&shape - t_.shapes_.data())].node;
    const Wire in{min(described.nic_bandwidth, fabric_.link_bandwidth), hop(), LinkClass::nic};
    for (int i = std::max(0, rail); i < (rail < 0 ? shape.nics : rail + 1); ++i) {
      link_to(static_cast<int>(t_.node_vertex(node, shape.nic + i).value), in);
    }
  }
  if (t_.pods_ == 0) return;
  const int pod = leaf / t_.pod_leaves_;
  if (t_.direct_) return add_direct(leaf, pod);
  for (int i = 0; i < t_.spines_per_pod_; ++i) {
    link_to(t_.spine_offset_ + pod * t_.spines_per_pod_ + i, leaf_spine());
  }
}

// Cables that end on the same two routers are one link.
void Topology::Builder::add_direct(int router, int group) {
  const int first = t_.first_leaf_of_pod(group);
  const Wire local{fabric_.link_bandwidth, hop(), LinkClass::leaf};
  std::map<int, Wire> wires;
  for (int other = 0; other < t_.pods_; ++other) {
    for (int cable = 0; other != group && cable < t_.cables_; ++cable) {
      if (t_.gateway(group, other, cable) != router) continue;
      Wire& wire = wires[t_.gateway(other, group, cable)];
      wire = {wire.bandwidth + fabric_.global_bandwidth, fabric_.switch_latency + fabric_.global_latency,
              LinkClass::spine};
    }
  }
  for (int i = first; i < first + t_.pod_leaves_; ++i) {
    if (i != router) wires[i] = local;
  }
  for (const auto& [next, wire] : wires) link_to(t_.leaf_offset_ + next, wire);
}

void Topology::Builder::add_spine(int spine) {
  add_vertex(VertexKind::network_switch, NodeId(), 2);
  const int pod = spine / t_.spines_per_pod_, plane = spine % t_.spines_per_pod_;
  const int first = pod * t_.pod_leaves_;
  for (int leaf = first; leaf < std::min(first + t_.pod_leaves_, t_.leaves_); ++leaf) {
    link_to(t_.leaf_offset_ + leaf, leaf_spine());
  }
  for (int i = 0; i < t_.cores_per_plane_; ++i) {
    link_to(t_.core_offset_ + plane * t_.cores_per_plane_ + i, spine_core());
  }
}

void Topology::Builder::add_core(int core) {
  add_vertex(VertexKind::network_switch, NodeId(), 3);
  const int plane = core / t_.cores_per_plane_;
  for (int pod = 0; pod < t_.pods_; ++pod) {
    link_to(t_.spine_offset_ + pod * t_.spines_per_pod_ + plane, spine_core());
  }
}

}  // namespace orrery::hardware
