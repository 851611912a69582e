// Double binary tree over nodes, a chain inside each node: all_reduce up and down, broadcast down only.
//
// Each of two trees carries half of the buffer; a node that is inner in one is a leaf of the other. A NIC
// then sends at most 2S per all_reduce (S on two nodes, where both trees are one edge), and the latency
// grows with log2 N instead of N.
//
//   all_reduce  t = base + 2((n/N − 1)·node hop + ⌊log2 N⌋·network hop) + S·v/B,  v = 2, or 1 on two nodes
//   broadcast   t = base +    (n/N − 1)·node hop + ⌈log2 N⌉·network hop  + S/B
//   B = tree efficiency × min(node bus, network share of a node's ranks); inside a node v = 2 (chain)
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc and trees.cc; Sanders, Speck & Träff, Parallel Computing
// 2009 (double tree). NCCL uses it for all_reduce only.
// Limitations: NCCL's correction factors by size (treeCorrectionFactor) are not modelled.
#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/collective/collectives.hpp"
#include "sim/collective/counts.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) {
  return call.kind == CollectiveKind::all_reduce || call.kind == CollectiveKind::broadcast;
}

// Seconds to put the buffer on the busiest link.
Seconds wire_time(const CollectiveCall& call, const CollectiveConstants& k, const Protocol& protocol) {
  const bool reduce = call.kind == CollectiveKind::all_reduce;
  const int local = ranks_per_node(call.ranks, call.nodes);
  const double volume = reduce ? 2.0 : 1.0;
  const double payload = k.tree_efficiency * protocol.tree_network_efficiency;
  Seconds node, network;
  if (local > 1) node = call.bytes * volume / (k.node_bus * payload);
  if (call.nodes > 1) {
    const BytesPerSecond nics = k.network_per_rank * (static_cast<double>(local) * payload);
    network = call.bytes * (reduce && call.nodes == 2 ? 1.0 : volume) / nics;
  }
  const Seconds time = max(node, network);
  if (!protocol.low_latency) return time;
  const BytesPerSecond limit = call.nodes > 1 ? k.ll_network_limit : k.ll_node_limit;
  return max(time, call.bytes * volume / limit);
}

int passes(CollectiveKind kind) { return kind == CollectiveKind::all_reduce ? 2 : 1; }

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const double chain = passes(call.kind) * (ranks_per_node(call.ranks, call.nodes) - 1);
  CollectiveCost best;
  for (const Protocol& protocol : k.protocols) {
    const Seconds hop = (k.nvlink ? protocol.tree_node_hop : protocol.tree_pcie_hop) * k.latency_scale;
    const CollectiveCost cost{protocol.tree_base * k.latency_scale,
                              chain * hop + tree_network_hops(call, site) * protocol.tree_network_hop,
                              wire_time(call, k, protocol), protocol.name};
    if (best.protocol.empty() || cost.total() < best.total()) best = cost;
  }
  return best;
}

// Chains start at different ranks in different channels, so that all NICs of a node share its traffic. Of N nodes a
// tree has N − 1 edges; two nodes are one in each tree, which both of them load alike.
LinkLoad load(const CollectiveCall& call) {
  const bool reduce = call.kind == CollectiveKind::all_reduce;
  const int local = ranks_per_node(call.ranks, call.nodes);
  LinkLoad out;
  const bool exchange = reduce && call.nodes == 2;
  if (local > 1) out.node = call.bytes * (reduce ? 2.0 : 1.0);
  if (call.nodes > 1) out.network = call.bytes * (reduce && !exchange ? 2.0 : 1.0) / static_cast<double>(local);
  out.node_mean = all_but_one(local);
  if (!exchange) out.network_mean = all_but_one(call.nodes);
  return out;
}

/// Parent of node i in one of the two trees over N nodes, −1 for the root. The first is NCCL's binary tree: a
/// node's level is its lowest set bit; the second is mirrored (N even) or shifted by one (N odd).
int first_tree_parent(int i, int nodes) {
  if (i == 0) return -1;
  const int bit = i & -i;
  int up = (i ^ bit) | (bit << 1);
  if (up >= nodes) up = i ^ bit;
  return up;
}
int parent(int tree, int i, int nodes) {
  if (tree == 0) return first_tree_parent(i, nodes);
  if (nodes % 2 == 0) {
    const int up = first_tree_parent(nodes - 1 - i, nodes);
    return up < 0 ? -1 : nodes - 1 - up;
  }
  const int up = first_tree_parent((i + nodes - 1) % nodes, nodes);
  return up < 0 ? -1 : (up + 1) % nodes;
}

/// One tree over all ranks: the heads of the nodes form the tree, the rest of each node hangs below as a chain.
std::vector<int> rank_parents(int tree, const CollectiveCall& call) {
  const int local = ranks_per_node(call.ranks, call.nodes);
  std::vector<int> parents(static_cast<std::size_t>(call.ranks), -1);
  for (int r = 0; r < call.ranks; ++r) {
    const int node = r / local;
    const int up = parent(tree, node, call.nodes);
    parents[static_cast<std::size_t>(r)] = r % local > 0 ? r - 1 : (up < 0 ? -1 : up * local);
  }
  return parents;
}

/// Appends the messages of one tree, each rank's children before it on the way up and after it on the way down.
void append_tree(const std::vector<int>& parents, Bytes bytes, bool up, std::vector<Transfer>& out) {
  const std::size_t n = parents.size();
  std::vector<std::pair<int, int>> by_depth;  // (depth, rank)
  for (std::size_t r = 0; r < n; ++r) {
    int depth = 0;
    for (int p = parents[r]; p >= 0; p = parents[static_cast<std::size_t>(p)]) ++depth;
    by_depth.emplace_back(depth, static_cast<int>(r));
  }
  std::sort(by_depth.begin(), by_depth.end());
  std::vector<std::vector<std::uint32_t>> arrived(n);  // what reached a rank from below
  if (up) {
    for (auto it = by_depth.rbegin(); it != by_depth.rend(); ++it) {
      const int r = it->second, p = parents[static_cast<std::size_t>(r)];
      if (p < 0) continue;
      arrived[static_cast<std::size_t>(p)].push_back(static_cast<std::uint32_t>(out.size()));
      out.push_back({r, p, bytes, arrived[static_cast<std::size_t>(r)]});
    }
  }
  std::vector<std::vector<std::uint32_t>> ready(n);  // what a rank waits for before it passes the result down
  for (const auto& [depth, r] : by_depth) {
    const auto rank = static_cast<std::size_t>(r);
    const int p = parents[rank];
    if (p < 0) {
      ready[rank] = arrived[rank];
      continue;
    }
    ready[rank] = {static_cast<std::uint32_t>(out.size())};
    out.push_back({p, r, bytes, ready[static_cast<std::size_t>(p)]});
  }
}

// A broadcast needs one root, so that it uses one tree with the whole buffer.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  std::vector<Transfer> out;
  if (call.kind == CollectiveKind::broadcast) {
    append_tree(rank_parents(0, call), call.bytes, false, out);
    return out;
  }
  for (int tree = 0; tree < 2; ++tree) append_tree(rank_parents(tree, call), call.bytes / 2.0, true, out);
  return out;
}

}  // namespace

double tree_network_hops(const CollectiveCall& call, const hardware::Site&) {
  return call.kind == CollectiveKind::all_reduce ? 2.0 * floor_log2(call.nodes) : ceil_log2(call.nodes);
}

CollectiveRow tree_row() {
  return {"tree",
          "t = base + 2((n/N - 1) hop + floor(log2 N) network_hop) + 2 S / (efficiency x min(node bus, node's NICs))",
          "NVIDIA/nccl 2.28.9 src/graph/tuning.cc, trees.cc; Sanders, Speck & Traff, Parallel Computing 2009",
          hardware::NcclAlgorithm::tree,
          supports,
          time,
          load,
          transfers,
          tree_network_hops};
}

}  // namespace orrery::sim
