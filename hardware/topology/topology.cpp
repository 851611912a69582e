// Counts devices and links before they are laid out. See topology.hpp and topology_builder.hpp; routes are made in
// topology_routes.cpp, names in topology_names.cpp; what single links are asked for is in topology_links.cpp.
#include "hardware/topology/topology.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/topology/topology_builder.hpp"

namespace orrery::hardware {
namespace {

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

}  // namespace

void Topology::Builder::build() {
  if (groups_.empty()) throw ConfigError("a cluster needs nodes");
  count();
  t_.vertices_.reserve(static_cast<std::size_t>(t_.core_offset_ + t_.core_count()));
  t_.links_.reserve(count_links());
  t_.first_link_.reserve(t_.vertices_.capacity() + 1);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Shape& shape = t_.shapes_[g];
    if (shape.nodes > 0) add_node(g, shape.first_node);
    for (int i = 1; i < shape.nodes; ++i) repeat_node(shape, shape.first_node + i);
  }
  for (int leaf = 0; leaf < t_.leaves_; ++leaf) add_leaf(leaf);
  for (int spine = 0; spine < t_.spine_count(); ++spine) add_spine(spine);
  for (int core = 0; core < t_.core_count(); ++core) add_core(core);
  t_.first_link_.push_back(static_cast<std::uint32_t>(t_.links_.size()));
  t_.require_joined(groups_, fabric_);
}

void Topology::Builder::count() {
  int most_nics = 0, first_vertex = 0, first_nic = 0;
  for (const NodeGroup& group : groups_) {
    Shape shape;
    shape.first_node = t_.nodes_;
    shape.first_gpu = t_.gpus_;
    shape.first_nic = first_nic;
    shape.first_vertex = first_vertex;
    count_node(group, shape);
    t_.nodes_ += shape.nodes;
    t_.gpus_ += shape.nodes * shape.gpus;
    first_nic += shape.nodes * shape.nics;
    first_vertex += shape.nodes * shape.vertices;
    most_nics = std::max(most_nics, shape.nics);
    t_.shapes_.push_back(std::move(shape));
  }
  t_.leaf_offset_ = first_vertex;
  if (fabric_.kind == FabricKind::torus) {
    count_torus();
  } else if (t_.nodes_ > 1) {
    count_fabric(most_nics);
  }
  t_.spine_offset_ = t_.leaf_offset_ + t_.leaves_;
  t_.core_offset_ = t_.spine_offset_ + t_.pods_ * t_.spines_per_pod_;
  int first_link = 0;
  for (Shape& shape : t_.shapes_) {
    number_links(shape);
    shape.first_link = first_link;
    first_link += shape.nodes * shape.links;
  }
}

BytesPerSecond Topology::Builder::bridge_rate(const NodeGroup& group) {
  if (group.node.nvswitch || group.node.nvlink_mesh.empty()) return {};
  return group.node.mesh_bandwidth.value() > 0.0 ? group.node.mesh_bandwidth : group.gpu.nvlink_bandwidth;
}

void Topology::Builder::count_node(const NodeGroup& group, Shape& shape) const {
  const Node& node = group.node;
  shape.nodes = group.count;
  shape.gpus = node.gpus;
  shape.nics = node.nics;
  const bool has_nvswitch = node.nvswitch && group.gpu.nvlink_bandwidth.value() > 0.0;
  shape.pcie_switches = has_nvswitch && node.nics > 0 ? std::min(node.nics, node.gpus) : node.gpus;
  int size = shape.gpus;
  // Groups of 2, 3, ... have links until the bridge ends.
  const auto longer = std::count_if(node.nvlink_mesh.begin(), node.nvlink_mesh.end(), [](int n) { return n > 0; });
  shape.joined = has_nvswitch ? shape.gpus : bridge_rate(group).value() > 0.0 ? 1 + static_cast<int>(longer) : 0;
  if (shape.joined == 1 && !has_nvswitch) shape.joined = 0;
  shape.bridges = shape.joined > 0 ? shape.gpus / shape.joined : 0;
  shape.nvswitch = shape.bridges > 0 ? std::exchange(size, size + shape.bridges) : -1;
  shape.pcie = std::exchange(size, size + shape.pcie_switches);
  shape.nic = std::exchange(size, size + shape.nics);
  shape.host = size++;
  shape.vertices = size;
}

void Topology::Builder::count_torus() {
  t_.torus_ = torus_axes(fabric_);
  t_.direct_ = true;
  t_.leaves_ = t_.pod_leaves_ = t_.gpus_;
  t_.pods_ = 1;
}

void Topology::Builder::count_fabric(int most_nics) {
  if (fabric_.kind == FabricKind::single_node || fabric_.leaf_ports < 1 || fabric_.pod_leaves < 1) {
    throw ConfigError(fmt::format("the fabric '{}' can't join {} nodes", fabric_.name, t_.nodes_));
  }
  const bool rails = has_rails(fabric_.kind);
  for (std::size_t g = 0; rails && g < groups_.size(); ++g) {
    if (groups_[g].node.nics == most_nics) continue;
    throw ConfigError(
        fmt::format("the rails of the fabric '{}' need equally many NICs in every node, but '{}' has {} "
                    "and others have {}",
                    fabric_.name, groups_[g].node.name, groups_[g].node.nics, most_nics));
  }
  t_.rails_ = rails ? most_nics : 0;
  t_.planes_ = fabric_.planes;
  t_.direct_ = hardware::is_direct(fabric_.kind);
  t_.pod_leaves_ = fabric_.pod_leaves;
  // A plain leaf takes whole nodes, so that all cards of a node are on it.
  t_.nodes_per_leaf_ = rails ? fabric_.leaf_ports : std::max(1, fabric_.leaf_ports / std::max(1, most_nics));
  t_.leaves_ = ceil_div(t_.nodes_, t_.nodes_per_leaf_) * (rails ? most_nics : 1);
  if (t_.leaves_ < 2 && !t_.direct_) return;
  t_.pods_ = ceil_div(t_.leaves_, t_.pod_leaves_);
  if (t_.direct_) {
    // A group is built as a whole: cables end on its routers whether these have nodes or not.
    t_.leaves_ = t_.pods_ * t_.pod_leaves_;
    t_.group_cables_ = fabric_.pod_leaves * fabric_.global_links;
    t_.cables_ = t_.pods_ > 1 ? std::max(1, t_.group_cables_ / (t_.pods_ - 1)) : 1;
    return;
  }
  t_.spines_per_pod_ = fabric_.leaf_ports;
  if (t_.pods_ > 1) t_.cores_per_plane_ = std::min(fabric_.pod_leaves, fabric_.leaf_ports);
}

void Topology::Builder::number_links(Shape& s) const {
  const bool on_fabric = t_.leaves_ > 0 && !t_.is_torus();
  const auto on_nvlink = static_cast<std::size_t>(s.joined * s.bridges);
  const auto gpus = static_cast<std::size_t>(s.gpus), nics = static_cast<std::size_t>(s.nics);
  s.gpu_links.resize(gpus);
  s.nic_links.resize(nics);
  s.host_links.resize(static_cast<std::size_t>(s.pcie_switches));
  int next = 0;
  for (std::size_t i = 0; i < gpus; ++i) {
    s.gpu_links[i].pcie_switch = static_cast<int>(i) * s.pcie_switches / s.gpus;
    if (s.nics > 0) s.gpu_links[i].nic = static_cast<int>(i) * s.nics / s.gpus;
    if (i < on_nvlink) s.gpu_links[i].nvlink_out = next++;
    s.gpu_links[i].pcie_out = next++;
    if (t_.is_torus()) s.gpu_links[i].ici_out = next++;
  }
  for (std::size_t i = 0; i < on_nvlink; ++i) s.gpu_links[i].nvlink_in = next++;
  for (std::size_t i = 0; i < nics; ++i) s.nic_links[i].pcie_switch = static_cast<int>(i) * s.pcie_switches / s.nics;
  for (int p = 0; p < s.pcie_switches; ++p) {
    for (Shape::GpuLinks& gpu : s.gpu_links) {
      if (gpu.pcie_switch == p) gpu.pcie_in = next++;
    }
    for (Shape::NicLinks& nic : s.nic_links) {
      if (nic.pcie_switch == p) nic.pcie_in = next++;
    }
    s.host_links[static_cast<std::size_t>(p)].up = next++;
  }
  for (Shape::NicLinks& nic : s.nic_links) {
    nic.pcie_out = next++;
    if (on_fabric) nic.out = next++;
  }
  for (Shape::HostLinks& host : s.host_links) host.down = next++;
  s.links = next;
}

std::size_t Topology::Builder::count_links() const {
  std::size_t count = 0, nics = 0;
  for (const Shape& shape : t_.shapes_) {
    count += static_cast<std::size_t>(shape.nodes) * static_cast<std::size_t>(shape.links);
    nics += static_cast<std::size_t>(shape.nodes) * static_cast<std::size_t>(shape.nics);
  }
  if (t_.leaves_ == 0) return count;
  if (t_.is_torus()) return count + static_cast<std::size_t>(t_.gpus_) * (1 + 2 * t_.torus_.size());
  if (t_.direct_) {
    return count + nics + static_cast<std::size_t>(t_.leaves_) * static_cast<std::size_t>(t_.pod_leaves_ + t_.pods_);
  }
  const int switches = t_.leaves_ * t_.spines_per_pod_ + t_.spine_count() * t_.cores_per_plane_;
  return count + nics + 2 * static_cast<std::size_t>(switches);
}

Topology::Topology(const Cluster& cluster, CrossRail cross_rail) {
  if (const std::string misfit = cluster.misfit(); cluster.fabric.kind == FabricKind::torus && !misfit.empty()) {
    throw ConfigError(misfit);
  }
  Builder(*this, cluster).build();
  hash_seed_ = cluster.network.hash_seed;
  by_hash_ = cluster.network.spread == FlowSpread::hash;
  pxn_ = rails_ > 0 && cross_rail == CrossRail::pxn && cluster.nccl.pxn;
}

}  // namespace orrery::hardware
