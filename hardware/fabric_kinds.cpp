// The shapes that nodes can be joined in, and which clusters fit them. See cluster.hpp.
#include <algorithm>

#include <fmt/format.h>

#include "hardware/cluster.hpp"

namespace orrery::hardware {

namespace {

/// Groups of a dragonfly, or sites: each reaches every other by a link of its own.
std::string misfit_of_groups(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  int most_nics = 1;
  for (const NodeGroup& group : cluster.groups) most_nics = std::max(most_nics, group.node.nics);
  if (fabric.leaf_ports < most_nics) {
    return fmt::format("a {} of the fabric '{}' has {} ports: a node has {} cards",
                       fabric.kind == FabricKind::sites ? "site" : "router", fabric.name, fabric.leaf_ports, most_nics);
  }
  const int per_leaf = fabric.leaf_ports / most_nics;
  const int leaves = (cluster.node_count() + per_leaf - 1) / per_leaf;
  const int groups = (leaves + fabric.pod_leaves - 1) / std::max(1, fabric.pod_leaves);
  const int reached = fabric.pod_leaves * fabric.global_links;
  if (groups - 1 <= reached) return {};
  return fmt::format("{} nodes are {} {} of the fabric '{}': each must reach {} others, its global links reach {}",
                     cluster.node_count(), groups, fabric.kind == FabricKind::sites ? "sites" : "groups", fabric.name,
                     groups - 1, reached);
}

std::string misfit_of_torus(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  if (static_cast<int>(fabric.torus.size()) != fabric.axes) {
    return fmt::format("the torus '{}' has {} axes: torus: lists the chips along each, not {} figures", fabric.name,
                       fabric.axes, fabric.torus.size());
  }
  double chips = 1.0;  // six axes of ten million overflow an integer
  for (const int along : fabric.torus) chips *= along;
  if (chips == cluster.gpu_count()) return {};
  return fmt::format("the axes {} of the torus multiply to {:.0f} chips, and the nodes have {}",
                     fmt::join(fabric.torus, " x "), chips, cluster.gpu_count());
}

std::string misfit_of_planes(const Cluster& cluster) {
  for (const NodeGroup& group : cluster.groups) {
    const int ways = group.node.gpus * cluster.fabric.planes;
    if (group.node.nics == ways) continue;
    return fmt::format("the {} planes of the fabric '{}' need {} cards in a node of {} GPUs, a port each: '{}' has {}",
                       cluster.fabric.planes, cluster.fabric.name, ways, group.node.gpus, group.node.name,
                       group.node.nics);
  }
  return {};
}

}  // namespace

const std::vector<FabricKindRow>& fabric_kinds() {
  static const std::vector<FabricKindRow> rows = {
      {FabricKind::single_node, "single_node", "no network", "one chassis, or one NVLink domain"},
      {FabricKind::rail_fat_tree, "rail_fat_tree", "card i of every node on the leaf of rail i, spines, cores",
       "NVIDIA DGX SuperPOD reference architecture"},
      {FabricKind::fat_tree, "fat_tree", "all cards of a node on one leaf, spines, cores",
       "Al-Fares et al., SIGCOMM 2008"},
      {FabricKind::dual_plane, "dual_plane",
       "rails twice: a GPU's ports on leaves of two planes, of which a flow takes one by a hash",
       "Qian et al., Alibaba HPN, SIGCOMM 2024"},
      {FabricKind::dragonfly, "dragonfly",
       "routers of a group linked to each other, groups by global links: at most local, global, local",
       "Kim, Dally, Scott & Abts, ISCA 2008"},
      {FabricKind::sites, "sites", "one switch of full bisection at each site, a WAN link between each two of them",
       "Douillard et al., DiLoCo, arXiv 2311.08105 (what such links are used for)"},
      {FabricKind::torus, "torus", "each chip linked to its neighbours along every axis; rings where an axis is closed",
       "Jouppi et al., TPU v4, ISCA 2023"}};
  return rows;
}

// NVLinks end in a switch or in a bridge, links of a torus at a neighbour.
std::string Cluster::link_misfit() const {
  const bool torus = fabric.kind == FabricKind::torus;
  if (!torus && gpu_count() < 2) return {};
  for (const NodeGroup& group : groups) {
    const bool ici = group.gpu.generation.interconnect == Interconnect::ici;
    if (ici == torus) continue;
    if (torus) {
      return fmt::format("the fabric '{}' is a torus of chips that are linked to each other: '{}' has no such links",
                         fabric.name, group.gpu.name);
    }
    return fmt::format(
        "nothing but a torus joins the chips '{}', and the fabric '{}' is none: name a fabric of that "
        "kind (orrery list fabrics), and with torus: the chips along each axis",
        group.gpu.name, fabric.name);
  }
  return {};
}

std::string Cluster::misfit() const {
  if (std::string links = link_misfit(); !links.empty()) return links;
  if (fabric.kind == FabricKind::torus) return misfit_of_torus(*this);
  if (fabric.kind == FabricKind::dual_plane) return misfit_of_planes(*this);
  return is_direct(fabric.kind) && node_count() > 1 ? misfit_of_groups(*this) : std::string();
}

}  // namespace orrery::hardware
