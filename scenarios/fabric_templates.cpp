#include "scenarios/fabric_templates.hpp"

#include <string_view>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

using hardware::FabricKind;

/// What the kinds do not share.
struct KindWords {
  std::string_view title;
  std::string_view cluster;  ///< that names it
  int max_nodes;
  std::string_view keys;
};

constexpr std::string_view kLeaves = R"yaml(  link_bandwidth: 400 Gb/s  # of a port
  switch_latency: 150 ns    # one switch, port to port
  cable_latency: 100 ns     # 5 ns a metre
  leaf_ports: 32            # of a leaf switch, towards nodes
  pod_leaves: 32            # leaves under one set of spines; more of them talk over the core
  oversubscription: 1       # ports down / ports up of a leaf: 2 halves what crosses it
  core_oversubscription: 1  # the same of a pod
  # transport_share: 0.979  # neither InfiniBand nor RoCE (EFA, ...): what of a card's rate it sustains,
  # transport_latency: 65 us  # and what a hop between nodes takes beyond them; fit both on your nccl-tests
)yaml";

constexpr std::string_view kPlanes = R"yaml(  link_bandwidth: 200 Gb/s  # of a port: a GPU has one in each plane
  switch_latency: 650 ns    # one switch, port to port
  cable_latency: 100 ns     # 5 ns a metre
  planes: 2                 # fabrics side by side; nodes have so many cards for each GPU
  leaf_ports: 128           # of a leaf switch, towards nodes: one port of each node
  pod_leaves: 240           # leaves under one set of spines, of all rails and planes
  oversubscription: 1       # ports down / ports up of a leaf: 2 halves what crosses it
  core_oversubscription: 1  # the same of a pod
  # transport_share: 0.979  # neither InfiniBand nor RoCE (EFA, ...): what of a card's rate it sustains,
  # transport_latency: 65 us  # and what a hop between nodes takes beyond them; fit both on your nccl-tests
)yaml";

constexpr std::string_view kDragonfly =
    R"yaml(  link_bandwidth: 200 Gb/s  # of a port, to cards and to the routers of the group
  switch_latency: 130 ns    # one router, port to port
  cable_latency: 100 ns     # 5 ns a metre
  leaf_ports: 10            # of a router, towards nodes (p)
  group_routers: 20         # of a group, each linked to every other (a)
  global_links: 10          # of a router, to other groups (h): at most a x h + 1 groups, which share them evenly
  global_bandwidth: 200 Gb/s  # of one of them
  global_latency: 500 ns    # its cable: 5 ns a metre
  # transport_share: 0.979  # neither InfiniBand nor RoCE: what of a card's rate it sustains,
  # transport_latency: 65 us  # and what a hop between nodes takes beyond them
)yaml";

constexpr std::string_view kSites =
    R"yaml(  link_bandwidth: 400 Gb/s  # of a port inside a site, which counts as one switch
  switch_latency: 450 ns    # from card to card inside a site
  cable_latency: 100 ns     # 5 ns a metre
  leaf_ports: 1024          # of a site, towards nodes
  global_links: 2           # of a site, to all others together
  global_bandwidth: 400 Gb/s  # of one of them
  global_latency: 500 us    # 5 us a kilometre of fibre
  # transport_share: 0.979  # neither InfiniBand nor RoCE: what of a card's rate it sustains,
  # transport_latency: 65 us  # and what a hop between nodes takes beyond them
)yaml";

constexpr std::string_view kTorus =
    R"yaml(  link_bandwidth: 800 Gb/s  # of one link, each way; a chip's own ports may be narrower
  switch_latency: 1 us      # a hop from chip to chip
  cable_latency: 0 us       # where it is no part of the hop's figure
  axes: 3                   # cluster: {torus: [...]} says how many chips a slice has along each
  ring_multiple: 4          # an axis of a multiple of so many chips is closed to a ring; 0: none is
)yaml";

KindWords kind_words(FabricKind kind) {
  switch (kind) {
    case FabricKind::single_node:
      return {"No network", "{node: dgx_h100, fabric: ./my_fabric.yaml}", 1, ""};
    case FabricKind::rail_fat_tree:
      return {"My InfiniBand", "{node: dgx_h100, nodes: 64, fabric: ./my_fabric.yaml}", 1024, kLeaves};
    case FabricKind::fat_tree:
      return {"My Ethernet", "{node: dgx_h100, nodes: 64, fabric: ./my_fabric.yaml}", 1024, kLeaves};
    case FabricKind::dual_plane:
      return {"My two planes", "{node: hgx_h800_dual_port, nodes: 64, fabric: ./my_fabric.yaml}", 1920, kPlanes};
    case FabricKind::dragonfly:
      return {"My dragonfly", "{node: dgx_a100, nodes: 64, fabric: ./my_fabric.yaml}", 4020, kDragonfly};
    case FabricKind::sites:
      return {"My two data centres", "{node: dgx_h100, nodes: 256, fabric: ./my_fabric.yaml}", 256, kSites};
    case FabricKind::torus:
      break;
  }
  return {"My slice of chips", "{node: tpu_v5p_host, nodes: 16, fabric: ./my_fabric.yaml, torus: [4, 4, 4]}", 2240,
          kTorus};
}

}  // namespace

std::string fabric_template(FabricKind kind) {
  const KindWords words = kind_words(kind);
  std::string kinds, name;
  for (const hardware::FabricKindRow& row : hardware::fabric_kinds()) {
    kinds += fmt::format("  # {:14} {}\n", row.name, row.equation);
    if (row.kind == kind) name = row.name;
  }
  return fmt::format(
      "# A fabric of your own. Save it as my_fabric.yaml and name it in a scenario:\n#   cluster: {}\n"
      "# Of another kind: orrery new fabric KIND\ntitle: \"{}\"\n\nfabric:\n{}  kind: {}\n"
      "  max_nodes: {}\n{}\nsources:\n  default: \"the plan of our network\"\n",
      words.cluster, words.title, kinds, name, words.max_nodes, words.keys);
}

}  // namespace orrery::scenarios
