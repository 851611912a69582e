#include "hardware/topology.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/connected_components.hpp>
#include <fmt/format.h>

#include "hardware/config.hpp"

namespace orrery::hardware {
namespace {

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

/// Both directions of a connection. Latency may differ: a switch or a NIC charges what it sends.
struct Cable {
  BytesPerSecond bandwidth;
  Seconds forth, back;
  LinkClass link_class = LinkClass::nvlink;
};

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, Vertex, Cable>;

/// splitmix64 (Steele et al., OOPSLA 2014): spreads neighbouring pairs over the spines.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// The same for both directions, so that an answer takes the way of its question.
std::uint64_t pair_hash(VertexId a, VertexId b) {
  const auto [low, high] = std::minmax(a.value, b.value);
  return mix(static_cast<std::uint64_t>(low) << 32 | high);
}

}  // namespace

/// Counts, wires, checks and freezes.
class Topology::Builder {
 public:
  Builder(Topology& topology, const Cluster& cluster) : t_(topology), cluster_(cluster) {}

  void build() {
    count();
    for (int node = 0; node < t_.nodes_; ++node) add_node(node);
    if (t_.leaves_ > 0) {
      add_switches();
      connect_nics();
      connect_switches();
    }
    check();
    freeze();
  }

 private:
  void count() {
    const Node& node = cluster_.node;
    t_.nodes_ = cluster_.nodes;
    t_.gpus_ = node.gpus;
    t_.nics_ = node.nics;
    const bool has_nvswitch = node.nvswitch && cluster_.gpu.nvlink_bandwidth.value() > 0.0;
    t_.pcie_switches_ = has_nvswitch && node.nics > 0 ? std::min(node.nics, node.gpus) : node.gpus;
    int size = t_.gpus_;
    t_.nvswitch_offset_ = has_nvswitch ? size++ : -1;
    t_.pcie_offset_ = std::exchange(size, size + t_.pcie_switches_);
    t_.nic_offset_ = std::exchange(size, size + t_.nics_);
    t_.host_offset_ = size++;
    t_.node_size_ = size;
    t_.leaf_offset_ = t_.nodes_ * size;
    if (t_.nodes_ > 1) count_fabric();
    t_.spine_offset_ = t_.leaf_offset_ + t_.leaves_;
    t_.core_offset_ = t_.spine_offset_ + t_.pods_ * t_.spines_per_pod_;
  }

  void count_fabric() {
    const Fabric& fabric = cluster_.fabric;
    if (fabric.kind == FabricKind::single_node || fabric.leaf_ports < 1 || fabric.pod_leaves < 1) {
      throw ConfigError(fmt::format("the fabric '{}' can't join {} nodes", fabric.name, t_.nodes_));
    }
    t_.rails_ = fabric.kind == FabricKind::rail_fat_tree;
    t_.pod_leaves_ = fabric.pod_leaves;
    // A plain leaf takes whole nodes, so that all cards of a node are on it.
    const int nodes_per_leaf = t_.rails_ ? fabric.leaf_ports : std::max(1, fabric.leaf_ports / std::max(1, t_.nics_));
    t_.leaves_ = ceil_div(t_.nodes_, nodes_per_leaf) * (t_.rails_ ? t_.nics_ : 1);
    t_.nodes_per_leaf_ = nodes_per_leaf;
    if (t_.leaves_ < 2) return;
    t_.pods_ = ceil_div(t_.leaves_, t_.pod_leaves_);
    t_.spines_per_pod_ = fabric.leaf_ports;
    if (t_.pods_ > 1) t_.cores_per_plane_ = std::min(fabric.pod_leaves, fabric.leaf_ports);
  }

  void add_vertex(VertexKind kind, NodeId node, int tier = 0, int rail = -1) {
    boost::add_vertex(Vertex{kind, static_cast<std::uint8_t>(tier), static_cast<std::int16_t>(rail), node}, graph_);
  }

  void connect(VertexId a, VertexId b, const Cable& cable) { boost::add_edge(a.index(), b.index(), cable, graph_); }

  void add_node(int index) {
    const NodeId id(index);
    for (int i = 0; i < t_.gpus_; ++i) add_vertex(VertexKind::gpu, id);
    if (t_.nvswitch_offset_ >= 0) add_vertex(VertexKind::nvswitch, id);
    for (int i = 0; i < t_.pcie_switches_; ++i) add_vertex(VertexKind::pcie_switch, id);
    for (int i = 0; i < t_.nics_; ++i) add_vertex(VertexKind::nic, id, 0, t_.rails_ ? i : -1);
    add_vertex(VertexKind::host, id);

    const Gpu& gpu = cluster_.gpu;
    const auto at = [&](int offset) { return t_.node_vertex(index, offset); };
    // A hop through the NVSwitch is two links: each carries half of its latency. The same for PCIe.
    const Cable nvlink{gpu.nvlink_bandwidth, gpu.nvlink_latency / 2, gpu.nvlink_latency / 2, LinkClass::nvlink};
    const BytesPerSecond slot = min(cluster_.node.pcie_bandwidth, gpu.pcie_bandwidth);
    const Cable gpu_slot{slot, gpu.pcie_latency / 2, gpu.pcie_latency / 2, LinkClass::pcie};
    const Cable node_slot{cluster_.node.pcie_bandwidth, gpu.pcie_latency / 2, gpu.pcie_latency / 2, LinkClass::pcie};
    for (int i = 0; i < t_.gpus_; ++i) {
      if (t_.nvswitch_offset_ >= 0) connect(at(i), at(t_.nvswitch_offset_), nvlink);
      connect(at(i), at(t_.pcie_offset_ + t_.pcie_of_gpu(i)), gpu_slot);
    }
    for (int i = 0; i < t_.nics_; ++i)
      connect(at(t_.nic_offset_ + i), at(t_.pcie_offset_ + t_.pcie_of_nic(i)), node_slot);
    for (int i = 0; i < t_.pcie_switches_; ++i) connect(at(t_.pcie_offset_ + i), at(t_.host_offset_), node_slot);
  }

  void add_switches() {
    for (int i = 0; i < t_.leaves_; ++i) {
      add_vertex(VertexKind::network_switch, NodeId(), 1, t_.rails_ ? i % t_.nics_ : -1);
    }
    for (int i = 0; i < t_.pods_ * t_.spines_per_pod_; ++i) add_vertex(VertexKind::network_switch, NodeId(), 2);
    for (int i = 0; i < t_.spines_per_pod_ * t_.cores_per_plane_; ++i) {
      add_vertex(VertexKind::network_switch, NodeId(), 3);
    }
  }

  void connect_nics() {
    const Fabric& fabric = cluster_.fabric;
    const Cable port{min(cluster_.node.nic_bandwidth, fabric.link_bandwidth),
                     cluster_.node.nic_latency + fabric.cable_latency, fabric.switch_latency + fabric.cable_latency,
                     LinkClass::network};
    for (int node = 0; node < t_.nodes_; ++node) {
      for (int i = 0; i < t_.nics_; ++i) {
        connect(t_.node_vertex(node, t_.nic_offset_ + i), VertexId(t_.leaf_offset_ + t_.leaf_of(node, i)), port);
      }
    }
  }

  void connect_switches() {
    const Fabric& fabric = cluster_.fabric;
    const Seconds hop = fabric.switch_latency + fabric.cable_latency;
    // A leaf has as many uplinks as downlinks; oversubscription makes them narrower. A spine's uplinks carry
    // what its downlinks carry, over fewer (or as many) cores.
    const BytesPerSecond uplink = fabric.link_bandwidth / fabric.oversubscription;
    const Cable leaf_spine{uplink, hop, hop, LinkClass::network};
    for (int leaf = 0; leaf < t_.leaves_ && t_.pods_ > 0; ++leaf) {
      const int pod = leaf / t_.pod_leaves_;
      for (int plane = 0; plane < t_.spines_per_pod_; ++plane) {
        connect(VertexId(t_.leaf_offset_ + leaf), VertexId(t_.spine_offset_ + pod * t_.spines_per_pod_ + plane),
                leaf_spine);
      }
    }
    if (t_.cores_per_plane_ == 0) return;
    const double share = static_cast<double>(t_.pod_leaves_) / t_.cores_per_plane_;
    const Cable spine_core{uplink * (share / fabric.core_oversubscription), hop, hop, LinkClass::network};
    for (int spine = 0; spine < t_.pods_ * t_.spines_per_pod_; ++spine) {
      const int plane = spine % t_.spines_per_pod_;
      for (int core = 0; core < t_.cores_per_plane_; ++core) {
        connect(VertexId(t_.spine_offset_ + spine), VertexId(t_.core_offset_ + plane * t_.cores_per_plane_ + core),
                spine_core);
      }
    }
  }

  void check() const {
    const auto [begin, end] = boost::edges(graph_);
    for (auto edge = begin; edge != end; ++edge) {
      const Cable& cable = graph_[*edge];
      if (cable.bandwidth.value() > 0.0 && std::isfinite(cable.bandwidth.value())) continue;
      throw ConfigError(fmt::format("the node '{}' on the fabric '{}' has a link without bandwidth", cluster_.node.name,
                                    cluster_.fabric.name));
    }
    std::vector<int> component(boost::num_vertices(graph_));
    const int parts = boost::connected_components(graph_, component.data());
    if (parts != 1) {
      throw ConfigError(fmt::format("{} nodes '{}' on the fabric '{}' fall into {} parts that no link joins",
                                    cluster_.nodes, cluster_.node.name, cluster_.fabric.name, parts));
    }
  }

  void freeze() {
    const std::size_t count = boost::num_vertices(graph_);
    t_.vertices_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) t_.vertices_.push_back(graph_[i]);
    t_.links_.reserve(2 * boost::num_edges(graph_));
    const auto [begin, end] = boost::edges(graph_);
    for (auto edge = begin; edge != end; ++edge) {
      const Cable& cable = graph_[*edge];
      const VertexId a(boost::source(*edge, graph_)), b(boost::target(*edge, graph_));
      t_.links_.push_back({a, b, cable.bandwidth, cable.forth, cable.link_class});
      t_.links_.push_back({b, a, cable.bandwidth, cable.back, cable.link_class});
    }
    std::sort(t_.links_.begin(), t_.links_.end(),
              [](const Link& x, const Link& y) { return std::pair(x.from, x.to) < std::pair(y.from, y.to); });
    t_.first_link_.assign(count + 1, 0);
    for (const Link& link : t_.links_) ++t_.first_link_[link.from.index() + 1];
    for (std::size_t i = 0; i < count; ++i) t_.first_link_[i + 1] += t_.first_link_[i];
  }

  Topology& t_;
  const Cluster& cluster_;
  Graph graph_;
};

Topology::Topology(const Cluster& cluster, CrossRail cross_rail) {
  Builder(*this, cluster).build();
  pxn_ = rails_ && cross_rail == CrossRail::pxn && nvswitch_offset_ >= 0;
}

VertexId Topology::gpu(RankId rank) const {
  const int index = static_cast<int>(rank.value);
  return node_vertex(index / gpus_, index % gpus_);
}

NodeId Topology::node_of(RankId rank) const { return NodeId(static_cast<int>(rank.value) / gpus_); }

VertexId Topology::nic(RankId rank) const {
  assert(nics_ > 0 && "a node without NICs has no NIC for a GPU");
  const int index = static_cast<int>(rank.value);
  return node_vertex(index / gpus_, nic_offset_ + nic_of_gpu(index % gpus_));
}

int Topology::leaf_of(int node, int nic) const {
  const int group = node / nodes_per_leaf_;
  return rails_ ? group * nics_ + nic : group;
}

LinkId Topology::find_link(VertexId from, VertexId to) const {
  const auto begin = links_.begin() + first_link_[from.index()];
  const auto end = links_.begin() + first_link_[from.index() + 1];
  const auto found = std::lower_bound(begin, end, to, [](const Link& link, VertexId v) { return link.to < v; });
  if (found == end || found->to != to) return LinkId();
  return LinkId(static_cast<std::size_t>(found - links_.begin()));
}

void Topology::step(VertexId to, VertexId& at, std::vector<LinkId>& links) const {
  const LinkId link = find_link(at, to);
  assert(link.valid() && "a routing rule stepped between two devices that no link joins");
  links.push_back(link);
  at = to;
}

void Topology::route_in_node(int node, int from, int to, VertexId& at, std::vector<LinkId>& links) const {
  if (from == to) return;
  if (nvswitch_offset_ >= 0) {
    step(node_vertex(node, nvswitch_offset_), at, links);
  } else {
    const int first = pcie_of_gpu(from), last = pcie_of_gpu(to);
    step(node_vertex(node, pcie_offset_ + first), at, links);
    if (first != last) {
      step(node_vertex(node, host_offset_), at, links);
      step(node_vertex(node, pcie_offset_ + last), at, links);
    }
  }
  step(node_vertex(node, to), at, links);
}

void Topology::route_switches(int from_leaf, int to_leaf, std::uint64_t hash, VertexId& at,
                              std::vector<LinkId>& links) const {
  step(VertexId(leaf_offset_ + from_leaf), at, links);
  if (from_leaf == to_leaf) return;
  const int plane = static_cast<int>(hash % static_cast<std::uint64_t>(spines_per_pod_));
  const int from_pod = from_leaf / pod_leaves_, to_pod = to_leaf / pod_leaves_;
  step(VertexId(spine_offset_ + from_pod * spines_per_pod_ + plane), at, links);
  if (from_pod != to_pod) {
    const int core = static_cast<int>((hash >> 32) % static_cast<std::uint64_t>(cores_per_plane_));
    step(VertexId(core_offset_ + plane * cores_per_plane_ + core), at, links);
    step(VertexId(spine_offset_ + to_pod * spines_per_pod_ + plane), at, links);
  }
  step(VertexId(leaf_offset_ + to_leaf), at, links);
}

std::vector<LinkId> Topology::route(RankId a, RankId b) const {
  std::vector<LinkId> links;
  route(a, b, links);
  return links;
}

void Topology::route(RankId a, RankId b, std::vector<LinkId>& links) const {
  links.clear();
  const int count = gpu_count();
  assert(static_cast<int>(a.value) < count && static_cast<int>(b.value) < count && "a rank beyond the cluster");
  static_cast<void>(count);
  const int from_node = static_cast<int>(a.value) / gpus_, to_node = static_cast<int>(b.value) / gpus_;
  int from = static_cast<int>(a.value) % gpus_;
  const int to = static_cast<int>(b.value) % gpus_;
  VertexId at = node_vertex(from_node, from);
  if (from_node == to_node) {
    route_in_node(from_node, from, to, at, links);
    return;
  }
  const int to_nic = nic_of_gpu(to);
  if (pxn_ && nic_of_gpu(from) != to_nic) {
    // The GPU with the receiver's number sits on the receiver's rail.
    route_in_node(from_node, from, to, at, links);
    from = to;
  }
  const int from_nic = nic_of_gpu(from);
  const auto pass_pcie = [&](int node, int first, int last) {
    step(node_vertex(node, pcie_offset_ + first), at, links);
    if (first == last) return;
    step(node_vertex(node, host_offset_), at, links);
    step(node_vertex(node, pcie_offset_ + last), at, links);
  };
  pass_pcie(from_node, pcie_of_gpu(from), pcie_of_nic(from_nic));
  const VertexId first = node_vertex(from_node, nic_offset_ + from_nic);
  const VertexId last = node_vertex(to_node, nic_offset_ + to_nic);
  step(first, at, links);
  route_switches(leaf_of(from_node, from_nic), leaf_of(to_node, to_nic), pair_hash(first, last), at, links);
  step(last, at, links);
  pass_pcie(to_node, pcie_of_nic(to_nic), pcie_of_gpu(to));
  step(node_vertex(to_node, to), at, links);
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

}  // namespace orrery::hardware
