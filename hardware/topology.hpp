// The devices and cables of a cluster, frozen into arrays, and the way from one GPU to another.
//
// Built as a graph and checked (connected, no link without bandwidth), then frozen: vertices in the order
// nodes, leaves, spines, cores; links sorted by their start (compressed sparse rows). One cable is two links,
// one for each direction.
//
// Shape of a node: GPUs on an NVSwitch (where there is one) and on PCIe switches, which also hold the NICs and
// hang on the host. With an NVSwitch a PCIe switch serves one NIC and its GPUs; without one each GPU has a
// root port of its own (a PCIe switch with one GPU here).
// Shape of a fabric: leaves (tier 1), spines (tier 2) where there are several leaves, cores (tier 3) where
// there are several pods. In a rail-optimised fat tree NIC i of every node of a group is on the leaf of rail i;
// in a plain one all NICs of a node are on one leaf. A leaf has one uplink to each spine of its pod, a spine
// one to each core of its plane; oversubscription narrows the uplinks.
//
// Routes follow rules and are made on demand; nothing is stored per pair. Several spines (and cores) are equal:
// a hash of the two NICs picks one, as ECMP and adaptive routing of one flow do.
// Sources: Al-Fares et al., SIGCOMM 2008 (fat tree); NVIDIA DGX SuperPOD reference architecture (rails);
// NCCL 2.12 release notes (PXN: a message for another rail first goes to the GPU that sits on that rail).
//
// Limitations: one fabric plane; several parallel uplinks to one spine count as one wide link; no adaptive
// spreading of one flow over several spines.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/ids.hpp"

namespace orrery::hardware {

enum class VertexKind : std::uint8_t { gpu, nvswitch, pcie_switch, nic, host, network_switch };
enum class LinkClass : std::uint8_t { nvlink, pcie, network };

struct Vertex {
  VertexKind kind = VertexKind::gpu;
  std::uint8_t tier = 0;   ///< of a network switch: 1 leaf, 2 spine, 3 core
  std::int16_t rail = -1;  ///< of a NIC or leaf of a rail-optimised fabric
  NodeId node;             ///< none for network switches
};

struct Link {
  VertexId from, to;
  BytesPerSecond bandwidth;
  Seconds latency;
  LinkClass link_class = LinkClass::nvlink;
};

enum class CrossRail : std::uint8_t {
  pxn,     ///< over NVLink to the GPU on the receiver's rail, where there is an NVSwitch
  fabric,  ///< from the sender's own NIC through the spines
};

class Topology {
 public:
  /// Throws ConfigError when the cluster's description makes a disconnected graph or a link without bandwidth.
  explicit Topology(const Cluster& cluster, CrossRail cross_rail = CrossRail::pxn);

  [[nodiscard]] const std::vector<Vertex>& vertices() const { return vertices_; }
  [[nodiscard]] const std::vector<Link>& links() const { return links_; }
  [[nodiscard]] const Link& link(LinkId id) const { return links_[id.index()]; }
  [[nodiscard]] int gpu_count() const { return nodes_ * gpus_; }

  [[nodiscard]] VertexId gpu(RankId rank) const;
  [[nodiscard]] NodeId node_of(RankId rank) const;
  /// The NIC that serves a GPU. REQUIRES that the node has one.
  [[nodiscard]] VertexId nic(RankId rank) const;

  /// The links from GPU `a` to GPU `b` in order; empty if they are the same. The same pair always gives the
  /// same route, and the way back visits the same switches. REQUIRES both below gpu_count().
  [[nodiscard]] std::vector<LinkId> route(RankId a, RankId b) const;
  /// The same into `links`, which is cleared first: no allocation where it has room.
  void route(RankId a, RankId b, std::vector<LinkId>& links) const;

  /// The smallest bandwidth and the sum of latencies of a route; infinite and zero for an empty one.
  [[nodiscard]] BytesPerSecond bottleneck(const std::vector<LinkId>& route) const;
  [[nodiscard]] Seconds latency(const std::vector<LinkId>& route) const;

  /// The link between two neighbours; none if they are not.
  [[nodiscard]] LinkId find_link(VertexId from, VertexId to) const;

  [[nodiscard]] int leaf_count() const { return leaves_; }
  [[nodiscard]] int spine_count() const { return pods_ * spines_per_pod_; }
  [[nodiscard]] int core_count() const { return spines_per_pod_ * cores_per_plane_; }

 private:
  class Builder;

  [[nodiscard]] VertexId node_vertex(int node, int offset) const { return VertexId(node * node_size_ + offset); }
  [[nodiscard]] int pcie_of_gpu(int local) const { return local * pcie_switches_ / gpus_; }
  [[nodiscard]] int pcie_of_nic(int local) const { return local * pcie_switches_ / nics_; }
  [[nodiscard]] int nic_of_gpu(int local) const { return local * nics_ / gpus_; }
  [[nodiscard]] int leaf_of(int node, int nic) const;
  void step(VertexId to, VertexId& at, std::vector<LinkId>& links) const;
  void route_in_node(int node, int from, int to, VertexId& at, std::vector<LinkId>& links) const;
  void route_switches(int from_leaf, int to_leaf, std::uint64_t hash, VertexId& at, std::vector<LinkId>& links) const;

  // Counts that the routing rules use.
  int nodes_ = 0, gpus_ = 0, nics_ = 0, pcie_switches_ = 0;
  int node_size_ = 0;  ///< vertices of one node: GPUs, NVSwitch, PCIe switches, NICs, host
  int nvswitch_offset_ = -1, pcie_offset_ = 0, nic_offset_ = 0, host_offset_ = 0;
  bool rails_ = false, pxn_ = false;
  int nodes_per_leaf_ = 1, pod_leaves_ = 0, leaves_ = 0, pods_ = 0, spines_per_pod_ = 0, cores_per_plane_ = 0;
  int leaf_offset_ = 0, spine_offset_ = 0, core_offset_ = 0;

  std::vector<Vertex> vertices_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> first_link_;  ///< of each vertex, and one past the end
};

}  // namespace orrery::hardware
