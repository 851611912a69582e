// Ring: every rank passes chunks of S/n to its right neighbour.
//
// all_reduce takes 2(n−1) steps (reduce-scatter, then all-gather), all_gather and reduce_scatter n−1, and
// broadcast passes the buffer down a chain of n−1 hops in a pipeline, reduce up it. With n ranks on N nodes, k = 2(N−1)
// (N−1) of the steps' latencies are network hops.
//
//   t = base + (steps − k)·node hop + k·network hop + S·f/B,   f = 2(n−1)/n or (n−1)/n or 1
//   B = min(node bus, network share of a node's ranks) × protocol efficiency; the cheapest protocol counts
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc; Thakur, Rabenseifner & Gropp 2005 §4 (bandwidth term).
// Limitations: NCCL's corrections for few chunks per channel are not modelled; all channels share one rate.
#include <algorithm>
#include <cstddef>

#include "sim/collective/collectives.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) { return call.kind != CollectiveKind::all_to_all; }

int steps(CollectiveKind kind, int ranks) { return kind == CollectiveKind::all_reduce ? 2 * (ranks - 1) : ranks - 1; }

BytesPerSecond bus_bandwidth(const CollectiveCall& call, const CollectiveConstants& k, const Protocol& protocol) {
  if (call.nodes <= 1) {
    const BytesPerSecond bus = k.node_bus * protocol.ring_efficiency;
    return protocol.low_latency ? min(bus, k.ll_node_limit) : bus;
  }
  // All rings enter and leave a node through the NICs of the group's ranks there.
  const int local = ranks_per_node(call.ranks, call.nodes);
  const BytesPerSecond network = k.network_per_rank * static_cast<double>(local);
  const BytesPerSecond bus = (local > 1 ? min(k.node_bus, network) : network) * protocol.ring_network_efficiency;
  return protocol.low_latency ? min(bus, k.ll_network_limit) : bus;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const bool one_node = call.nodes <= 1;
  const double all = steps(call.kind, call.ranks), across = ring_network_hops(call, site);
  CollectiveCost best;
  for (const Protocol& protocol : k.protocols) {
    Seconds hop = (k.nvlink ? protocol.ring_node_hop : protocol.ring_pcie_hop) * k.latency_scale;
    if (!one_node) hop = max(hop, protocol.least_ring_step);
    const CollectiveCost cost{
        protocol.ring_base * k.latency_scale, (all - across) * hop + across * protocol.ring_network_hop,
        call.bytes * bus_factor(call.kind, call.ranks) / bus_bandwidth(call, k, protocol), protocol.name};
    if (best.protocol.empty() || cost.total() < best.total()) best = cost;
  }
  return best;
}

// The rings of all channels share a node's NICs: each rank's share carries its part of what leaves the node. A ring
// closes over all ranks, and leaves each node from another rank in another channel; a chain ends before its root.
LinkLoad load(const CollectiveCall& call) {
  const Bytes sent = call.bytes * bus_factor(call.kind, call.ranks);
  const int local = ranks_per_node(call.ranks, call.nodes);
  LinkLoad out{local > 1 ? sent : Bytes{}, call.nodes > 1 ? sent / static_cast<double>(local) : Bytes{}};
  if (call.nodes > 1 || has_root(call.kind)) out.node_mean = all_but_one(local);
  if (has_root(call.kind)) out.network_mean = all_but_one(call.nodes);
  return out;
}

// Step s, rank r: r sends the chunk that it received in step s−1. Broadcast and reduce are chains without chunks.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks;
  std::vector<Transfer> out;
  if (has_root(call.kind)) {
    const bool up = call.kind == CollectiveKind::reduce;  // to rank 0
    for (int r = 0; r + 1 < n; ++r) {
      out.push_back(up ? Transfer{n - 1 - r, n - 2 - r, call.bytes, {}} : Transfer{r, r + 1, call.bytes, {}});
      if (r > 0) out.back().after.push_back(static_cast<std::uint32_t>(r - 1));
    }
    return out;
  }
  const int count = steps(call.kind, n);
  out.reserve(static_cast<std::size_t>(count) * static_cast<std::size_t>(n));
  for (int s = 0; s < count; ++s) {
    for (int r = 0; r < n; ++r) {
      Transfer transfer{r, (r + 1) % n, call.bytes / static_cast<double>(n), {}};
      if (s > 0) {
        const int before = (s - 1) * n;
        transfer.after = {static_cast<std::uint32_t>(before + (r + n - 1) % n), static_cast<std::uint32_t>(before + r)};
      }
      out.push_back(std::move(transfer));
    }
  }
  return out;
}

}  // namespace

double ring_network_hops(const CollectiveCall& call, const hardware::Site&) {
  return call.nodes <= 1 ? 0.0 : steps(call.kind, call.nodes);
}

CollectiveRow ring_row() {
  return {"ring",
          "t = base + (steps - k) hop + k network_hop + S f / min(node bus, node's NICs); steps 2(n-1) or n-1",
          "NVIDIA/nccl 2.28.9 src/graph/tuning.cc; Thakur et al., IJHPCA 2005",
          hardware::NcclAlgorithm::ring,
          supports,
          time,
          load,
          transfers,
          ring_network_hops};
}

}  // namespace orrery::sim
