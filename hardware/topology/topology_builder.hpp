// Lays the arrays of a topology out vertex by vertex. A part of topology.cpp (what is counted beforehand) and
// topology_layout.cpp (vertices and links in their order).
#pragma once

#include <cstddef>
#include <vector>

#include "hardware/topology/topology.hpp"

namespace orrery::hardware {

class Topology::Builder {
 public:
  Builder(Topology& topology, const Cluster& cluster)
      : t_(topology), groups_(cluster.groups), fabric_(cluster.fabric), nccl_(cluster.nccl) {}

  void build();

 private:
  /// What the links of one kind have in common.
  struct Wire {
    BytesPerSecond bandwidth;
    Seconds latency;
    LinkClass link_class = LinkClass::nvlink;
  };

  void count();
  void count_node(const NodeGroup& group, Shape& shape) const;
  /// A router for each chip, all of one pod.
  void count_torus();
  void count_fabric(int most_nics);
  /// Where a node's links stand among its own, in the order in which add_node lays them.
  void number_links(Shape& s) const;
  [[nodiscard]] std::size_t count_links() const;
  /// Of a GPU; 0 where the node has no bridges.
  [[nodiscard]] static BytesPerSecond bridge_rate(const NodeGroup& group);

  void add_vertex(VertexKind kind, NodeId node, int tier = 0, int rail = -1);
  void link_to(int vertex, const Wire& wire);
  void add_node(std::size_t group, int index);
  /// The node before once more, one further on; its cards may be on another leaf.
  void repeat_node(const Shape& s, int index);
  [[nodiscard]] Wire leaf_spine() const;
  [[nodiscard]] Wire spine_core() const;
  [[nodiscard]] Seconds hop() const { return fabric_.switch_latency + fabric_.cable_latency; }
  void add_leaf(int leaf);
  /// The links of a router to the others of its group, and of its part of the groups, in their order.
  void add_direct(int router, int group);
  void add_spine(int spine);
  void add_core(int core);
  /// Of a chip to its router, which is a part of it: as wide as all of its links.
  [[nodiscard]] Wire torus_port(int chip) const;
  /// To the chip itself, then to its neighbours in the order of their numbers: the narrower end decides. Where a ring
  /// of two has two cables between them, they are one link.
  void add_router(int chip);
  /// As the chip of that number sees the cluster.
  [[nodiscard]] Site site_of(int chip) const;

  Topology& t_;
  const std::vector<NodeGroup>& groups_;
  const Fabric& fabric_;
  const NcclSettings& nccl_;
};

}  // namespace orrery::hardware
