// Hierarchical all_reduce: reduce_scatter inside each node, all_reduce of each GPU's part across the nodes, all_gather
// inside. The cards carry 2(N−1)/N of the buffer once, whatever the GPUs of a node, and the steps between nodes are
// N's.
//
//   t = 3 base + 2(p − 1)·hop + 2(N − 1)·network hop + S·2(p−1)/p / node bus + S/p·2(N−1)/N / NIC share
//
// Each of the three is a ring and a call of its own, after the one before.
//
// Source: horovod/horovod docs (HOROVOD_HIERARCHICAL_ALLREDUCE); Cho et al., BlueConnect, MLSys 2019.
// Limitation: the three parts do not overlap.
#include "sim/collective/counts.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) {
  return call.kind == CollectiveKind::all_reduce && call.nodes > 1 && call.ranks > call.nodes &&
         call.ranks % call.nodes == 0;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const Protocol& simple = k.protocols.back();
  const LinkLoad bytes = parts_load(call);
  const Seconds hop = (k.nvlink ? simple.ring_node_hop : simple.ring_pcie_hop) * k.latency_scale;
  return {3.0 * (simple.ring_base * k.latency_scale),
          2.0 * (local_ranks(call) - 1) * hop + ring_network_hops(call, site) * simple.ring_network_hop,
          bytes.node / k.node_bus + bytes.network / k.network_per_rank, simple.name};
}

/// Steps of rings side by side: member i of a ring sends to the next, after what it and that one before it sent.
struct Rings {
  int count, members;
  int (*rank)(int ring, int member, int count, int members);
};

void append_ring(const Rings& rings, int steps, Bytes each, std::vector<std::vector<std::uint32_t>>& ready,
                 std::vector<Transfer>& out) {
  for (int s = 0; s < steps; ++s) {
    std::vector<std::vector<std::uint32_t>> next = ready;
    for (int ring = 0; ring < rings.count; ++ring) {
      for (int m = 0; m < rings.members; ++m) {
        const int from = rings.rank(ring, m, rings.count, rings.members);
        const int to = rings.rank(ring, (m + 1) % rings.members, rings.count, rings.members);
        next[static_cast<std::size_t>(to)] = {static_cast<std::uint32_t>(out.size())};
        out.push_back({from, to, each, ready[static_cast<std::size_t>(from)]});
      }
    }
    ready = std::move(next);
  }
}

std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int p = local_ranks(call);
  const Rings inside{call.nodes, p, [](int ring, int member, int, int members) { return ring * members + member; }};
  const Rings across{p, call.nodes, [](int ring, int member, int count, int) { return member * count + ring; }};
  const Bytes part = call.bytes / static_cast<double>(p);
  std::vector<Transfer> out;
  std::vector<std::vector<std::uint32_t>> ready(static_cast<std::size_t>(call.ranks));
  append_ring(inside, p - 1, part, ready, out);
  append_ring(across, 2 * (call.nodes - 1), part / static_cast<double>(call.nodes), ready, out);
  append_ring(inside, p - 1, part, ready, out);
  return out;
}

int additions(const CollectiveCall& call) { return local_ranks(call) - 1 + call.nodes - 1; }

}  // namespace

LibraryRow hierarchical_row() {
  return {{"hierarchical",
           "t = 3 base + 2(p-1) hop + 2(N-1) network_hop + S 2(p-1)/p / node bus + S/p 2(N-1)/N / NIC share",
           "horovod/horovod HOROVOD_HIERARCHICAL_ALLREDUCE; Cho et al., BlueConnect, MLSys 2019", std::nullopt,
           supports, time, parts_load, transfers, ring_network_hops},
          additions};
}

}  // namespace orrery::sim
