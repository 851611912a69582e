// The devices and cables of a cluster in frozen arrays, and the way from one GPU to another.
//
// Vertices stand in the order nodes, leaves, spines, cores; links sorted by their start, then their end (compressed
// sparse rows). One cable is two links, one for each direction. Built at once in that order and checked: every
// device reaches every other, no link is without bandwidth.
//
// Shape of a node: GPUs on an NVSwitch (where there is one), or pairs of them on NVLink bridges (each laid as a switch
// of two), and on PCIe switches, which also hold the NICs and hang on the host. With an NVSwitch a PCIe switch serves
// one NIC and its GPUs; without one each GPU has a root port of its own (a PCIe switch with one GPU here). Shape of a
// fabric: leaves (tier 1), spines (tier 2) where there are several leaves, cores (tier 3) where there are several pods.
// In a rail-optimised fat tree NIC i of every node of a group is on the leaf of rail i; in a plain one all NICs of a
// node are on one leaf. A leaf has one uplink to each spine of its pod, a spine one to each core of its plane;
// oversubscription narrows the uplinks.
//
// Names of links, by the device further from the core: node3.gpu2.nvlink_out (and _in, as the GPU sees it),
// node3.gpu2.pcie_out, node0.nic5.pcie_in, node0.pcie1.up (to the host; .down from it), node0.nic5.out (to its leaf),
// leaf2.spine1.up, spine0.core1.down, leaf3.leaf5 (from router 3 to router 5 of a dragonfly). Devices are numbered from
// 0, GPUs and NICs in their node, switches in the tier.
//
// Of two planes each GPU has a card in each, and each rail its leaves in each; a hash of the two GPUs picks one. In a
// dragonfly leaves are routers and pods groups: routers of a group are linked to each other, and each two groups by as
// many cables as the global ports of a group are for each other one. All routers of a group are there, with nodes or
// without. Cable k to the d-th group ahead of g takes port k (g − 1) + d of its group, and ports are dealt to the
// routers in their order, so that the cables of two groups end on routers far apart (Hastings et al., CLUSTER 2015:
// relative arrangement). A route is at most a local link, a global one and a local one. Which of the cables it takes a
// hash of the two cards says where flows are spread by one, so that the way back is the same; else they are dealt out
// to the sender's cards in turn, as adaptive routing fills them. Where a cable is down it goes by another one, by
// another router or, between groups, by a third group (Valiant). Sites are groups of one router, which stands for a
// site's own switches.
//
// On a torus (hardware/torus.hpp) every chip has a router of its own, a leaf, and routers of neighbours are linked:
// chip0.chip1 leads from the first to the second, node0.gpu0.ici_out from a chip to its router. A route goes along the
// first axis, then the second, and so on, the shorter way around rings (dimension order: Dally & Towles, Principles and
// Practices of Interconnection Networks, 2004, §8.4), so that the way back visits other chips. Where a cable is down it
// takes the axes in another order, or the longer way around a ring, or begins with a neighbour's row.
//
// Routes follow rules and are made on demand; nothing is stored per pair. Several spines (and cores) are equal:
// a hash of the two NICs picks one, as ECMP and adaptive routing of one flow do. A cable of which a direction is down
// carries no route. Routes that don't need it stay as they are; the others take another spine, another GPU's NIC
// (PXN) or, inside a node, PCIe in place of NVLink, in this order; where nothing is left NoRoute names the link.
// Sources: Al-Fares et al., SIGCOMM 2008 (fat tree); NVIDIA DGX SuperPOD reference architecture (rails);
// NCCL 2.12 release notes (PXN: a message for another rail first goes to the GPU that sits on that rail);
// Kim, Dally, Scott & Abts, ISCA 2008 (dragonfly); Qian et al., SIGCOMM 2024 (two planes).
//
// Cost: 2,048 nodes of 8 GPUs 4 ms and 8 MB; a route through the spines about 50 ns.
// Limitations: planes share the spines of their pod; no adaptive routing over longer ways; several parallel uplinks to
// one spine count as one wide link; no adaptive spreading of one flow over several spines; the nodes of a rail fabric
// have equally many NICs.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/ids.hpp"
#include "hardware/torus.hpp"

namespace orrery::hardware {

enum class VertexKind : std::uint8_t { gpu, nvswitch, pcie_switch, nic, host, network_switch };
/// By the two ends: GPU and NVSwitch; anything on PCIe; NIC, or chip of a torus, and leaf; leaf and spine; spine and
/// core; routers of two chips.
enum class LinkClass : std::uint8_t { nvlink, pcie, nic, leaf, spine, ici };
/// "nvlink", "pcie", "nic", "leaf", "spine", "ici".
[[nodiscard]] std::string_view link_class_name(LinkClass link_class);

struct Vertex {
  VertexKind kind = VertexKind::gpu;
  std::uint8_t tier = 0;   ///< of a network switch: 1 leaf, 2 spine, 3 core
  std::int16_t rail = -1;  ///< of a NIC or leaf of a rail-optimised fabric
  NodeId node;             ///< none for network switches
};

struct Link {
  VertexId from, to;
  BytesPerSecond bandwidth;  ///< 0 while it is down
  Seconds latency;
  LinkClass link_class = LinkClass::nvlink;
};

enum class CrossRail : std::uint8_t {
  pxn,     ///< over NVLink to the GPU on the receiver's rail, where there is an NVSwitch
  fabric,  ///< from the sender's own NIC through the spines
};

/// No way from one GPU to another is left. The message names a link that is down on the way that they would take.
class NoRoute : public std::runtime_error {
 public:
  NoRoute(const std::string& message, LinkId down) : std::runtime_error(message), link(down) {}
  LinkId link;
};

class Topology {
 public:
  /// Throws ConfigError when the cluster's description makes a disconnected graph or a link without bandwidth.
  explicit Topology(const Cluster& cluster, CrossRail cross_rail = CrossRail::pxn);

  [[nodiscard]] const std::vector<Vertex>& vertices() const { return vertices_; }
  [[nodiscard]] const std::vector<Link>& links() const { return links_; }
  [[nodiscard]] const Link& link(LinkId id) const { return links_[id.index()]; }
  [[nodiscard]] std::string_view link_class_name(LinkId id) const {
    return hardware::link_class_name(link(id).link_class);
  }
  [[nodiscard]] int gpu_count() const { return gpus_; }
  [[nodiscard]] int node_count() const { return nodes_; }

  [[nodiscard]] VertexId gpu(RankId rank) const;
  [[nodiscard]] NodeId node_of(RankId rank) const;
  /// The NIC that serves a GPU. REQUIRES that the node has one.
  [[nodiscard]] VertexId nic(RankId rank) const;

  /// The links from GPU `a` to GPU `b` in order; empty if they are the same. The same pair always gives the
  /// same route, and the way back visits the same switches (but on a torus). REQUIRES both below gpu_count(). Throws
  /// NoRoute.
  [[nodiscard]] std::vector<LinkId> route(RankId a, RankId b) const;
  /// The same into `links`, which is cleared first: no allocation where it has room.
  void route(RankId a, RankId b, std::vector<LinkId>& links) const;

  /// The switches nearest to the cards by which the usual route between GPUs of two nodes goes.
  struct Leaves {
    int from = 0, to = 0;  ///< numbered from 0; the same: nothing above them is used
  };
  /// What route() crosses above the cards, without making the route. REQUIRES is_whole() and different nodes.
  [[nodiscard]] Leaves leaves_between(RankId a, RankId b) const;
  /// Of two leaves of one pod no route uses the cores.
  [[nodiscard]] int pod_of_leaf(int leaf) const { return leaf / pod_leaves_; }
  [[nodiscard]] int first_leaf_of_pod(int pod) const { return pod * pod_leaves_; }
  [[nodiscard]] VertexId leaf_vertex(int leaf) const { return VertexId(leaf_offset_ + leaf); }
  /// The links that begin at switches, which are the last: the first of them, or how many links there are.
  [[nodiscard]] LinkId first_switch_link() const { return LinkId(first_link(leaf_offset_)); }
  /// Leaves are linked to each other: each of these links is one of its own.
  [[nodiscard]] bool is_direct() const { return direct_; }
  [[nodiscard]] bool is_torus() const { return !torus_.empty(); }
  /// No cable is down.
  [[nodiscard]] bool is_whole() const { return down_.empty(); }

  /// The link's bandwidth becomes `factor` times what it was built with, 0 to take it down and 1 to bring it back.
  /// Throws std::invalid_argument on a negative or infinite factor.
  void scale(LinkId id, double factor);
  /// Takes it down.
  void remove(LinkId id) { scale(id, 0.0); }
  [[nodiscard]] bool is_up(LinkId id) const { return link(id).bandwidth.value() > 0.0; }

  /// The smallest bandwidth and the sum of latencies of a route; infinite and zero for an empty one.
  [[nodiscard]] BytesPerSecond bottleneck(const std::vector<LinkId>& route) const;
  [[nodiscard]] Seconds latency(const std::vector<LinkId>& route) const;

  /// The link between two neighbours; none if they are not.
  [[nodiscard]] LinkId find_link(VertexId from, VertexId to) const;
  /// The link of that name. Throws ConfigError, with the nearest names, if there is none.
  [[nodiscard]] LinkId find_link(std::string_view name) const;
  [[nodiscard]] std::string name(LinkId id) const;
  [[nodiscard]] std::string name(VertexId id) const;

  [[nodiscard]] int leaf_count() const { return leaves_; }
  [[nodiscard]] int spine_count() const { return pods_ * spines_per_pod_; }
  [[nodiscard]] int core_count() const { return spines_per_pod_ * cores_per_plane_; }

 private:
  class Builder;
  class Walk;

  /// Nodes alike: how many devices, where the node's vertices and links begin, and where each kind stands there.
  struct Shape {
    int first_node = 0, nodes = 0;
    int gpus = 0, nics = 0, pcie_switches = 0, vertices = 0;
    int first_gpu = 0, first_nic = 0, first_vertex = 0, first_link = 0;  ///< of the first node, cluster-wide
    int nvswitch = -1, pcie = 0, nic = 0, host = 0;                      ///< offsets of vertices in a node
    int joined = 0;   ///< GPUs side by side that one NVSwitch, or one bridge, joins; 0: none
    int bridges = 0;  ///< how many of them: one NVSwitch, or bridges one behind the other from nvswitch on
    int links = 0;    ///< of one node; offsets of them below
    struct GpuLinks {
      int nvlink_out = -1, nvlink_in = -1, pcie_out = 0, pcie_in = 0, pcie_switch = 0, nic = -1, ici_out = -1;
    };
    struct NicLinks {
      int pcie_out = 0, pcie_in = 0, out = -1, pcie_switch = 0;
    };
    struct HostLinks {
      int up = 0, down = 0;
    };
    /// NVLink leads from one GPU to the other.
    [[nodiscard]] bool by_nvlink(int a, int b) const {
      return joined > 0 && a / joined == b / joined && a / joined < bridges;
    }
    [[nodiscard]] bool is_switched() const { return joined > 0 && joined == gpus; }

    std::vector<GpuLinks> gpu_links;
    std::vector<NicLinks> nic_links;
    std::vector<HostLinks> host_links;
  };

  /// Throws ConfigError where devices are not joined, or a link has no bandwidth.
  void require_joined(const std::vector<NodeGroup>& groups, const Fabric& fabric) const;
  [[nodiscard]] const Shape& shape_of_node(int node) const;
  [[nodiscard]] const Shape& shape_of_gpu(int gpu) const;
  [[nodiscard]] int first_gpu_of(int node) const;
  [[nodiscard]] VertexId node_vertex(int node, int offset) const;
  [[nodiscard]] int leaf_of(int node, int nic) const;
  [[nodiscard]] int leaf_of_group(int group, int nic) const { return rails_ > 0 ? group * rails_ + nic : group; }
  [[nodiscard]] int leaf_port(int group, int node, int nic) const;
  [[nodiscard]] std::uint32_t first_link(int vertex) const { return first_link_[static_cast<std::size_t>(vertex)]; }

  [[nodiscard]] LinkId reverse(LinkId id) const { return find_link(link(id).to, link(id).from); }
  void links_at(int first, int count, std::vector<LinkId>& out) const;
  [[nodiscard]] std::vector<LinkId> links_like(std::string_view text) const;

  struct Ends;
  struct Choice;
  [[nodiscard]] Ends ends_of(RankId a, RankId b) const;
  [[nodiscard]] Choice usual_choice(const Ends& ends) const;
  [[nodiscard]] Choice usual_cards(const Ends& ends) const;
  void choose_switches(const Ends& ends, Choice& choice) const;
  void walk(const Ends& ends, const Choice& choice, std::vector<LinkId>& links) const;
  void walk_switches(int from_leaf, int to_leaf, const Choice& choice, Walk& way) const;
  void walk_direct(int from_leaf, int to_leaf, const Choice& choice, Walk& way) const;
  /// The router of a group where one of its cables to another ends.
  [[nodiscard]] int gateway(int group, int other, int cable) const;
  void route_torus(int from, int to, std::vector<LinkId>& links) const;
  [[nodiscard]] bool walk_torus(int from, int to, const std::vector<std::size_t>& order, std::uint32_t other_way,
                                std::vector<LinkId>& links) const;
  void detour_torus(int from, int to, std::vector<LinkId>& links) const;
  [[nodiscard]] LinkId torus_port(int chip, bool out) const;
  void detour(const Ends& ends, std::vector<LinkId>& links) const;
  [[nodiscard]] bool detour_direct(const Ends& ends, Choice choice, std::vector<LinkId>& links) const;
  /// Another way between the switches at the ends of a route. False: none is left.
  [[nodiscard]] bool replace_switches(std::vector<LinkId>& links) const;
  [[nodiscard]] bool detour_by_switches(const Ends& ends, Choice choice, std::vector<LinkId>& links) const;
  [[nodiscard]] bool detour_by_cards(const Ends& ends, std::vector<LinkId>& links) const;
  [[nodiscard]] LinkId first_down(const std::vector<LinkId>& links) const;

  // Counts that the routing rules use.
  int nodes_ = 0, gpus_ = 0;
  int rails_ = 0;  ///< of a rail-optimised fabric, else 0
  bool pxn_ = false;
  bool direct_ = false;
  int cables_ = 1;        ///< between two groups of a dragonfly, or sites
  int group_cables_ = 1;  ///< that a group has for all others
  bool by_hash_ = false;  ///< FlowSpread::hash
  int planes_ = 1;        ///< cards of a GPU, each in another plane
  std::uint64_t hash_seed_ = 0;
  std::vector<TorusAxis> torus_;  ///< empty where there is none
  int nodes_per_leaf_ = 1, pod_leaves_ = 0, leaves_ = 0, pods_ = 0, spines_per_pod_ = 0, cores_per_plane_ = 0;
  int leaf_offset_ = 0, spine_offset_ = 0, core_offset_ = 0;

  std::vector<Shape> shapes_;
  std::vector<Vertex> vertices_;
  std::vector<Link> links_;
  std::vector<std::uint32_t> first_link_;        ///< of each vertex, and one past the end
  std::map<LinkId, BytesPerSecond> built_with_;  ///< bandwidth of links that were scaled
  std::vector<LinkId> down_;                     ///< and what goes back over the same cables; sorted
};

}  // namespace orrery::hardware
