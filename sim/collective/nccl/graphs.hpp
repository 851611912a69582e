// The channels that NCCL's graph search settles on, in closed form, for nodes whose GPUs are alike.
//
// The search lays as many rings (trees, stars of the switch) as the links carry, each at a speed from a table, and
// keeps the speed whose channels carry the most. Where all GPUs of a node see the same links that is arithmetic:
//
//   ring, one node           k = ⌊link / s⌋          every GPU sends s in each channel
//   ring, several nodes      (k − ⌊k / p⌋) s ≤ link  a channel ends at one of p GPUs, which sends to its card instead;
//                            k s ≤ link              where it must leave by the card that it came in by (PXN)
//   tree, k as the ring's    the largest s with ⌊link / s⌋ ≥ k (one node) or (k − ⌊k / p⌋) s ≤ link
//   in the switch            (k + 1) s ≤ link        a channel's head sends and receives twice
//   without NVLink           ⌊min(PCIe / (6/5 on Intel), between sockets) / s⌋
//
// Then few fast channels are split in two, and what stays below the links' rate is raised again. Found against the
// 37 graphs that NCCL 2.28.9's own search prints for ten systems on 1 to 128 nodes.
// Source: NVIDIA/nccl 2.28.9 src/graph/search.cc (ncclTopoCompute, ncclTopoDupChannels, ncclTopoSearchTryNvls).
// Bridges between pairs: a pair is a switch of two; more GPUs than a bridge joins meet over PCIe, which is then the
// slowest hop of every ring. Where the settings bring graphs of NCCL's own (NCCL_GRAPH_FILE) those stand in place of
// the search, on nodes with as many ranks as their channels visit.
// Limitations: cards shared across sockets are not searched.
#pragma once

#include "hardware/cluster.hpp"
#include "sim/collective/nccl/constants.hpp"

namespace orrery::sim::nccl {

/// What the search sees of a communicator's nodes, which are alike. Bandwidths in GB/s as NCCL reckons them.
struct Box {
  int capability = 90;  ///< compute capability of its GPUs
  int local = 8;        ///< ranks on a node
  int nodes = 1;
  double nvlink = 0.0;  ///< of a GPU to the switch; 0: none
  double pcie = 0.0;    ///< of a GPU
  double nic = 0.0;     ///< of a card, at most PCIe's
  int nics = 0;         ///< that the node's ranks have
  bool switch_reduces = false;
  bool unlike = false;  ///< its GPUs have several compute capabilities, of which `capability` is the least
  hardware::HostCpu cpu = hardware::HostCpu::intel_sapphire_rapids;
  bool two_sockets = false;  ///< its ranks are on two or more sockets
  const hardware::NcclSettings* settings = nullptr;

  [[nodiscard]] int ranks() const { return local * nodes; }
};

/// A communicator of `ranks` ranks on `nodes` nodes of the site.
[[nodiscard]] Box box_of(const hardware::Site& site, int ranks, int nodes);
/// The same of ranks of which some are not neighbours on their node: no bridge joins all of them.
[[nodiscard]] Box box_apart(const hardware::Site& site, int ranks, int nodes);

using Path = hardware::NcclPath;

enum class Pattern : std::uint8_t { balanced_tree = 1, split_tree = 2, tree = 3, ring = 4, nvls = 5, collnet = 6 };

struct Graph {
  int channels = 0;    ///< 0: there is none
  double intra = 0.0;  ///< GB/s of a channel inside the node
  double inter = 0.0;  ///< and between nodes
  Path type_intra = Path::nvlink, type_inter = Path::pix;
  Pattern pattern = Pattern::ring;
  bool same_channels = true;  ///< all take the same way
};

struct Graphs {
  Graph ring, tree, nvls, collnet_direct, collnet_chain;
  int channels = 0;  ///< of the communicator
};

[[nodiscard]] Graphs search(const Box& box);

/// Channels of the communicator: twice the lesser of rings and trees, within what the settings allow.
[[nodiscard]] int communicator_channels(const Box& box, const Graphs& graphs);

/// Channels of reduction in the switch.
[[nodiscard]] int nvls_channels(const Box& box);

}  // namespace orrery::sim::nccl
