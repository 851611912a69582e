// Counts devices, wires them in the arrays' order and checks the result. See topology.hpp; routes are made in
// topology_routes.cpp, names in topology_names.cpp; what single links are asked for is in topology_links.cpp.
#include "hardware/topology/topology.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "hardware/config/config.hpp"

namespace orrery::hardware {
namespace {

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

/// The first of `items` on switch `i` of `n`, where item k is on switch k·n/items.
constexpr int first_of(int i, int items, int n) { return ceil_div(i * items, n); }

/// What the links of one kind have in common.
struct Wire {
  BytesPerSecond bandwidth;
  Seconds latency;
  LinkClass link_class = LinkClass::nvlink;
};

}  // namespace

/// Lays the arrays out vertex by vertex.
class Topology::Builder {
 public:
  Builder(Topology& topology, const std::vector<NodeGroup>& groups, const Fabric& fabric)
      : t_(topology), groups_(groups), fabric_(fabric) {}

  void build() {
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

 private:
  void count() {
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
    if (t_.nodes_ > 1) count_fabric(most_nics);
    t_.spine_offset_ = t_.leaf_offset_ + t_.leaves_;
    t_.core_offset_ = t_.spine_offset_ + t_.pods_ * t_.spines_per_pod_;
    int first_link = 0;
    for (Shape& shape : t_.shapes_) {
      number_links(shape);
      shape.first_link = first_link;
      first_link += shape.nodes * shape.links;
    }
  }

  static BytesPerSecond bridge_rate(const NodeGroup& group) {  // of a GPU; 0 where the node has no bridges
    if (group.node.nvswitch || group.node.nvlink_mesh.empty()) return {};
    return group.node.mesh_bandwidth.value() > 0.0 ? group.node.mesh_bandwidth : group.gpu.nvlink_bandwidth;
  }

  static void count_node(const NodeGroup& group, Shape& shape) {
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

  void count_fabric(int most_nics) {
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
    if (t_.leaves_ < 2) return;
    t_.pods_ = ceil_div(t_.leaves_, t_.pod_leaves_);
    if (t_.direct_) return;
    t_.spines_per_pod_ = fabric_.leaf_ports;
    if (t_.pods_ > 1) t_.cores_per_plane_ = std::min(fabric_.pod_leaves, fabric_.leaf_ports);
  }

  /// Where a node's links stand among its own, in the order in which add_node lays them.
  void number_links(Shape& s) const {
    const bool on_fabric = t_.leaves_ > 0;
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

  [[nodiscard]] std::size_t count_links() const {
    std::size_t count = 0, nics = 0;
    for (const Shape& shape : t_.shapes_) {
      count += static_cast<std::size_t>(shape.nodes) * static_cast<std::size_t>(shape.links);
      nics += static_cast<std::size_t>(shape.nodes) * static_cast<std::size_t>(shape.nics);
    }
    if (t_.leaves_ == 0) return count;
    if (t_.direct_) {
      return count + nics + static_cast<std::size_t>(t_.leaves_) * static_cast<std::size_t>(t_.pod_leaves_ + t_.pods_);
    }
    const int switches = t_.leaves_ * t_.spines_per_pod_ + t_.spine_count() * t_.cores_per_plane_;
    return count + nics + 2 * static_cast<std::size_t>(switches);
  }

  void add_vertex(VertexKind kind, NodeId node, int tier = 0, int rail = -1) {
    t_.first_link_.push_back(static_cast<std::uint32_t>(t_.links_.size()));
    t_.vertices_.push_back({kind, static_cast<std::uint8_t>(tier), static_cast<std::int16_t>(rail), node});
  }

  void link_to(int vertex, const Wire& wire) {
    const VertexId from(t_.vertices_.size() - 1);
    t_.links_.push_back({from, VertexId(vertex), wire.bandwidth, wire.latency, wire.link_class});
  }

  void add_node(std::size_t group, int index) {
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
      if (t_.leaves_ > 0) link_to(t_.leaf_offset_ + t_.leaf_of(index, i), out);
    }
    add_vertex(VertexKind::host, id);
    for (int p = 0; p < s.pcie_switches; ++p) link_to(first + s.pcie + p, slot);
  }

  /// The node before once more, one further on; its cards may be on another leaf.
  void repeat_node(const Shape& s, int index) {
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
    for (int i = 0; i < s.nics; ++i) {
      const int out = s.nic_links[static_cast<std::size_t>(i)].out;
      t_.links_[link + static_cast<std::size_t>(out)].to = VertexId(t_.leaf_offset_ + t_.leaf_of(index, i));
    }
  }

  // A leaf has as many uplinks as downlinks; oversubscription makes them narrower. A spine's uplinks carry
  // what its downlinks carry, over fewer (or as many) cores.
  [[nodiscard]] Wire leaf_spine() const {
    return {fabric_.link_bandwidth / fabric_.oversubscription, hop(), LinkClass::leaf};
  }
  [[nodiscard]] Wire spine_core() const {
    const double share = static_cast<double>(t_.pod_leaves_) / t_.cores_per_plane_;
    return {leaf_spine().bandwidth * (share / fabric_.core_oversubscription), hop(), LinkClass::spine};
  }
  [[nodiscard]] Seconds hop() const { return fabric_.switch_latency + fabric_.cable_latency; }

  void add_leaf(int leaf) {
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

  /// The links of a router to the others of its group, and of its part of the groups, in their order.
  void add_direct(int router, int group) {
    const int first = t_.first_leaf_of_pod(group), size = t_.routers_of(group), others = t_.pods_ - 1;
    const int parallel = others > 0 ? std::max(1, t_.pod_leaves_ * fabric_.global_links / others) : 1;
    const Wire local{fabric_.link_bandwidth, hop(), LinkClass::leaf};
    const Wire global{fabric_.global_bandwidth * static_cast<double>(parallel),
                      fabric_.switch_latency + fabric_.global_latency, LinkClass::spine};
    for (int other = 0; other < t_.pods_; ++other) {
      if (other == group) {
        for (int i = first; i < first + size; ++i) {
          if (i != router) link_to(t_.leaf_offset_ + i, local);
        }
      } else if (t_.gateway(group, other) == router) {
        link_to(t_.leaf_offset_ + t_.gateway(other, group), global);
      }
    }
  }

  void add_spine(int spine) {
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

  void add_core(int core) {
    add_vertex(VertexKind::network_switch, NodeId(), 3);
    const int plane = core / t_.cores_per_plane_;
    for (int pod = 0; pod < t_.pods_; ++pod) {
      link_to(t_.spine_offset_ + pod * t_.spines_per_pod_ + plane, spine_core());
    }
  }

  Topology& t_;
  const std::vector<NodeGroup>& groups_;
  const Fabric& fabric_;
};

Topology::Topology(const Cluster& cluster, CrossRail cross_rail) {
  Builder(*this, cluster.groups, cluster.fabric).build();
  hash_seed_ = cluster.network.hash_seed;
  pxn_ = rails_ > 0 && cross_rail == CrossRail::pxn && cluster.nccl.pxn;
}

}  // namespace orrery::hardware
