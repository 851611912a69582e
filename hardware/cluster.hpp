// A cluster: groups of nodes on one fabric, alike within a group.
//
// Node and Fabric are values read from YAML; Cluster joins them with node counts. Bandwidths are per direction. Nodes
// and GPUs are numbered through the groups in their order. Whoever prices asks the Site of the group that the GPU at
// hand belongs to, never the cluster; a `Topology` (topology.hpp) is built only where routes matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/gpu.hpp"
#include "hardware/nccl.hpp"
#include "hardware/network_settings.hpp"
#include "hardware/units.hpp"

namespace orrery::hardware {

/// The domain in which GPUs reach each other without a network card.
struct Node {
  std::string name;  ///< "dgx_h100"
  std::string title;
  int gpus = 0;
  std::string gpu;                    ///< contract name of its GPU
  bool nvswitch = false;              ///< every GPU reaches every other at full NVLink rate
  bool in_network_reduction = false;  ///< NVLink SHARP (NVLS)
  /// NVLinks of a GPU to the others of 2, 3, ... GPUs side by side, where cables join pairs and no switch makes all
  /// groups alike; the last holds for larger groups. Bridges between pairs: 1, 0. Empty: a switch, or no NVLink.
  std::vector<int> nvlink_mesh;
  BytesPerSecond mesh_bandwidth;  ///< of a GPU over all links of the mesh; 0: its NVLink rate
  int nics = 0;
  BytesPerSecond nic_bandwidth;  ///< line rate of one NIC
  Seconds nic_latency;
  BytesPerSecond pcie_bandwidth;  ///< GPU to NIC or host
  BytesPerSecond host_memory_bandwidth;
  Bytes host_memory;
  HostCpu cpu = HostCpu::intel_sapphire_rapids;
  int sockets = 2;
  std::map<std::string, std::string> sources;
};

enum class FabricKind : std::uint8_t { single_node, rail_fat_tree, fat_tree, dual_plane, dragonfly, sites, torus };

/// Card i of every node of a group is on the leaf of rail i.
[[nodiscard]] constexpr bool has_rails(FabricKind kind) {
  return kind == FabricKind::rail_fat_tree || kind == FabricKind::dual_plane;
}
/// Leaves are linked to each other, without spines above them.
[[nodiscard]] constexpr bool is_direct(FabricKind kind) {
  return kind == FabricKind::dragonfly || kind == FabricKind::sites;
}

/// A row of fabric_kinds(): a shape that nodes can be joined in.
struct FabricKindRow {
  FabricKind kind = FabricKind::single_node;
  std::string_view name, equation, source;
};
[[nodiscard]] const std::vector<FabricKindRow>& fabric_kinds();

/// How nodes are joined.
struct Fabric {
  std::string name;  ///< "rail_fat_tree_ndr"
  std::string title;
  FabricKind kind = FabricKind::single_node;
  BytesPerSecond link_bandwidth;  ///< switch port
  Seconds switch_latency;         ///< port to port
  Seconds cable_latency;
  int leaf_ports = 0;                  ///< NIC ports below one leaf; of one rail where the fabric has rails
  int pod_leaves = 0;                  ///< leaves that one group of spines joins; more leaves need a core tier
  double oversubscription = 1.0;       ///< leaf downlink over uplink bandwidth, ≥ 1
  double core_oversubscription = 1.0;  ///< the same of a spine, above the pods, ≥ 1
  int max_nodes = 0;                   ///< what the fabric can hold; 1 for single_node
  /// A transport other than InfiniBand's verbs, which NCCL's figures are of: what of a card's line rate it sustains
  /// (0: as these), and what each hop between nodes takes beyond theirs.
  double transport_share = 0.0;
  Seconds transport_latency;
  int planes = 1;  ///< fabrics side by side: a GPU's cards are dealt to them; above 1 of dual_plane
  /// Of a dragonfly, whose leaves are its routers and whose pods are its groups, and of sites, each of which is a pod
  /// of one leaf: the links from each to others far away.
  int global_links = 0;
  BytesPerSecond global_bandwidth;  ///< of each of them
  Seconds global_latency;
  int axes = 0;            ///< of a torus, whose chips are linked to each other; link_bandwidth is that of a link
  int ring_multiple = 0;   ///< an axis is closed to a ring where its chips are a multiple of so many; 0: none is
  std::vector<int> torus;  ///< chips along each axis, the first the fastest: what the cluster says of its slice

  /// An axis of a torus with so many chips is a ring, not a line.
  [[nodiscard]] bool closes(int chips) const { return chips > 1 && ring_multiple > 0 && chips % ring_multiple == 0; }
  std::map<std::string, std::string> sources;
};

/// Nodes that are alike.
struct NodeGroup {
  Node node;
  Gpu gpu;
  int count = 0;

  [[nodiscard]] int gpu_count() const { return count * node.gpus; }
};

/// What runs on either takes as long on the other: the same kinds, with the same figures.
[[nodiscard]] bool is_alike(const NodeGroup& a, const NodeGroup& b);

/// A cluster as GPUs of one group see it: as if all its nodes were of their kind. What is priced between unlike nodes
/// takes as long as among the slowest of them. Refers to the cluster, which must outlive it.
struct Site {
  const Gpu& gpu;
  const Node& node;
  const Fabric& fabric;
  int nodes;                 ///< of the whole cluster
  const NcclSettings& nccl;  ///< Cluster::nccl

  [[nodiscard]] int gpus_per_node() const { return node.gpus; }

  /// What one GPU can put on the network, per direction: its share of the NICs, at most its PCIe rate; of a chip of a
  /// torus all of its links.
  [[nodiscard]] BytesPerSecond network_bandwidth_per_gpu() const;
  /// Bandwidth between two GPUs of a node: NVLink, else PCIe; of a chip of a torus all of its links.
  [[nodiscard]] BytesPerSecond node_bandwidth_per_gpu() const;
  /// Whether GPUs of a node reach each other over NVLink and its switch.
  [[nodiscard]] bool has_nvlink() const { return node.nvswitch && gpu.nvlink_bandwidth.value() > 0.0; }
  /// NVLink rate of a GPU to the others of a group of `ranks` on its node; 0: they meet over PCIe. `side_by_side`: they
  /// are neighbours, so that a bridge joins them where it can.
  [[nodiscard]] BytesPerSecond nvlink_among(int ranks, bool side_by_side = true) const;
  /// Chips are linked to each other, without cards or switches.
  [[nodiscard]] bool is_torus() const { return fabric.kind == FabricKind::torus; }
  /// Its library is none of NCCL's: chips that link each other have collectives of their own.
  [[nodiscard]] bool has_ici() const { return gpu.generation.interconnect == Interconnect::ici; }
  /// Line rate of one link of a torus, one way: what the fabric's cable and the chip's port (its rate over two ports of
  /// each axis) both carry. REQUIRES is_torus().
  [[nodiscard]] BytesPerSecond torus_link() const;
  /// Links of a chip to its neighbours in the slice: two of an axis, one where it has two chips and is no ring. Chips
  /// at the ends of a line have one less. REQUIRES is_torus().
  [[nodiscard]] int torus_ports() const;
  /// Nodes below one leaf (rail fabrics: one set of leaves), at least 1; 0 where the fabric has no leaves.
  [[nodiscard]] int nodes_per_leaf() const;
  /// Nodes that reach each other without the core tier, at least 1; 0 where the fabric has no pods.
  [[nodiscard]] int nodes_per_pod() const;
};

struct Cluster {
  std::vector<NodeGroup> groups;  ///< at least one, each with a node at least
  Fabric fabric;
  /// What NCCL is told. Where it offers none of the algorithms that it is told to use for a call it chooses as ever.
  NcclSettings nccl;
  NetworkSettings network;

  /// What keeps the fabric from joining the nodes, in a sentence: chips whose links are no torus's on one, and the
  /// other way round, NICs that rails or planes don't divide, more groups
  /// of a dragonfly (or sites) than their global links reach, an axis too many or too few, axes that don't multiply to
  /// the GPUs. Empty: nothing.
  [[nodiscard]] std::string misfit() const;
  /// Of that, what is wrong with the links: chips that are linked to each other and no torus, or the other way round.
  [[nodiscard]] std::string link_misfit() const;
  /// Links beyond those of a node are described: the fabric's switches, or a torus.
  [[nodiscard]] bool has_fabric_links() const;
  [[nodiscard]] int node_count() const;
  [[nodiscard]] int gpu_count() const;
  /// The group of a node, or of a GPU, of that number in the cluster. REQUIRES that it is there.
  [[nodiscard]] std::size_t group_of_node(int node) const;
  [[nodiscard]] std::size_t group_of_gpu(std::uint32_t gpu) const;
  [[nodiscard]] Site site(std::size_t group) const;
  /// "h100_sxm", or "h100_sxm + a100_sxm_80gb": each kind once.
  [[nodiscard]] std::string gpu_names() const;
};

/// Gives the GPU another NVLink rate than its profile's. Measured collectives ("nccl/...", "custom_allreduce/...")
/// keep their launch and protocol times; their bandwidths keep their share of the link, so they are multiplied by the
/// same factor, which the fits then carry as the coefficient "link_scale". Between no link and a link no share carries
/// over: those fits go. The same rate changes nothing.
void set_nvlink_bandwidth(Gpu& gpu, BytesPerSecond rate);

/// The same for GPU memory. The rate is a variable of the kernel fits' equations, so they stay as they are; their
/// source says that they were measured at another rate.
void set_memory_bandwidth(Gpu& gpu, BytesPerSecond rate);

/// Takes the measured collectives ("nccl/...", "custom_allreduce/...") away: the GPUs are linked otherwise than
/// measured.
void drop_collective_fits(Gpu& gpu);

}  // namespace orrery::hardware
