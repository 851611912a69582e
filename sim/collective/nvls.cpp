// In-network reduction by the NVSwitch (NVLink SHARP, NCCL's NVLS), alone and under a tree over nodes.
//
// nvls, one node: each rank owns 1/n of the buffer, reads the switch's sum of it and writes the result to all
// through multicast, so that a link carries the buffer once per direction instead of 2(n−1)/n times.
//
//   all_reduce  t = hop + S·2(n−1)/n / B      all_gather, reduce_scatter  t = hop + S / (B/2·(n−1)/n)
//   B = bus bandwidth of 8 ranks × min(1, 3n/16) × (n−1)/n × 8/7   (NCCL finds fewer channels below 6 ranks)
//
// Where the fabric reduces too (nccl.collnet) nvls spans nodes, each card carrying its part once: 18 µs more.
//
// nvls_tree, several nodes: the same inside each node, and a double binary tree between nodes whose edges use
// the NICs of all local ranks: t = hop + 2⌊log2 N⌋·network hop + max(inside, S·v/NICs), v = 2, or 1 on two nodes;
// the bus bandwidth is also limited per channel.
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc (latency 25 µs, 20.9 µs per level; nvlsEfficiency 0.85 and
// 0.74); published 8 × H100 all_reduce 479.7 GB/s at 8 GiB, 4 × 8 H100 330.9 GB/s (Voltage Park).
// Limitations: the chunk pipeline makes 4 to 32 MiB slower than this form (fits know); no fp8 or int8 sums.
#include <algorithm>

#include "sim/collective/collectives.hpp"
#include "sim/collective/counts.hpp"

namespace orrery::sim {
namespace {

bool nvls_kind(CollectiveKind kind) {
  return kind == CollectiveKind::all_reduce || kind == CollectiveKind::all_gather ||
         kind == CollectiveKind::reduce_scatter;
}

bool nvls_supports(const CollectiveCall& call, const hardware::Site& site) {
  return site.node.in_network_reduction && (call.nodes <= 1 || site.nccl.collnet) &&
         ranks_per_node(call.ranks, call.nodes) <= site.gpus_per_node() && nvls_kind(call.kind);
}

BytesPerSecond all_reduce_bus(const CollectiveConstants& k, int ranks) {
  const double n = ranks;
  return k.nvls_bus * (std::min(1.0, 3.0 * n / 16.0) * ((n - 1.0) / n) * (kSwitchRanks / (kSwitchRanks - 1.0)));
}

Seconds inside_node(CollectiveKind kind, Bytes bytes, int ranks, const CollectiveConstants& k) {
  const BytesPerSecond bus = all_reduce_bus(k, ranks);
  if (kind == CollectiveKind::all_reduce) return bytes * bus_factor(kind, ranks) / bus;
  const double n = ranks;
  return bytes / (bus * (0.5 * (n - 1.0) / n));
}

// To the fabric's switches, which reduce.
double nvls_network_hops(const CollectiveCall& call, const hardware::Site&) { return call.nodes > 1 ? 1.0 : 0.0; }

CollectiveCost nvls_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  if (call.nodes <= 1) return {Seconds{}, k.nvls_hop, inside_node(call.kind, call.bytes, call.ranks, k), "Simple"};
  const int local = ranks_per_node(call.ranks, call.nodes);
  const Seconds network = call.bytes / (k.network_per_rank * static_cast<double>(local));
  constexpr Seconds kFabric{18e-6};
  return {Seconds{}, k.nvls_hop + nvls_network_hops(call, site) * kFabric,
          max(inside_node(call.kind, call.bytes, local, k), network), "Simple"};
}

// Every rank sends the buffer up once and receives it once; without a reduction one direction is a shard.
LinkLoad nvls_load(const CollectiveCall& call) {
  const int local = ranks_per_node(call.ranks, call.nodes);
  return {call.bytes, call.nodes > 1 ? call.bytes / static_cast<double>(local) : Bytes{},
          part_of(call.kind, call.ranks), part_of(call.kind, call.nodes)};
}

// Vertex n is the switch, with the fabric's behind it: it reduces what all ranks send and multicasts the result.
std::vector<Transfer> nvls_transfers(const CollectiveCall& call) {
  const int n = call.ranks;
  const Bytes shard = call.bytes / static_cast<double>(n);
  const Bytes in = call.kind == CollectiveKind::all_gather ? shard : call.bytes;
  const Bytes out_bytes = call.kind == CollectiveKind::reduce_scatter ? shard : call.bytes;
  std::vector<Transfer> out;
  std::vector<std::uint32_t> all;
  for (int r = 0; r < n; ++r) {
    all.push_back(static_cast<std::uint32_t>(r));
    out.push_back({r, n, in, {}});
  }
  for (int r = 0; r < n; ++r) out.push_back({n, r, out_bytes, all});
  return out;
}

bool tree_supports(const CollectiveCall& call, const hardware::Site& site) {
  return site.node.in_network_reduction && call.nodes > 1 && ranks_per_node(call.ranks, call.nodes) > 1 &&
         call.kind == CollectiveKind::all_reduce;
}

CollectiveCost tree_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const int local = ranks_per_node(call.ranks, call.nodes);
  const BytesPerSecond nics = k.network_per_rank * static_cast<double>(local);
  const Seconds network = call.bytes * (call.nodes == 2 ? 1.0 : 2.0) / nics;
  const Seconds node = inside_node(CollectiveKind::all_reduce, call.bytes, local, k);
  const Seconds channels = call.bytes * bus_factor(CollectiveKind::all_reduce, call.ranks) / k.nvls_tree_limit;
  return {Seconds{}, k.nvls_hop + tree_network_hops(call, site) * k.nvls_network_hop, max(max(network, node), channels),
          "Simple"};
}

LinkLoad tree_load(const CollectiveCall& call) {
  const int local = ranks_per_node(call.ranks, call.nodes);
  return {call.bytes,
          call.bytes * (call.nodes > 2 ? 2.0 : 1.0) / static_cast<double>(local),
          {},
          call.nodes > 2 ? all_but_one(call.nodes) : LinkLoad::Mean{}};
}

// The traffic between nodes is that of the tree; inside the nodes the switch replaces the chain.
std::vector<Transfer> tree_transfers(const CollectiveCall& call) { return tree_row().transfers(call); }

}  // namespace

CollectiveRow nvls_row() {
  return {"nvls",
          "t = hop + S 2(n-1)/n / B, B above the link rate: a link carries the buffer once per direction",
          "NVIDIA/nccl 2.28.9 src/graph/tuning.cc; 8 x H100 479.7 GB/s at 8 GiB (Voltage Park)",
          hardware::NcclAlgorithm::nvls,
          nvls_supports,
          nvls_time,
          nvls_load,
          nvls_transfers,
          nvls_network_hops};
}

CollectiveRow nvls_tree_row() {
  return {"nvls_tree",
          "t = hop + 2 floor(log2 N) network_hop + max(S 2(n-1)/n / B_nvls, 2 S / node's NICs)",
          "NVIDIA/nccl 2.28.9 src/graph/tuning.cc; 4 x 8 H100 330.9 GB/s (Voltage Park)",
          hardware::NcclAlgorithm::nvls_tree,
          tree_supports,
          tree_time,
          tree_load,
          tree_transfers,
          tree_network_hops};
}

}  // namespace orrery::sim
