// PAT: parallel aggregated trees, for one rank a node. In step j a rank passes on all shards that it has, 2^j of them.
//
//   t = base + ⌊log2 N⌋·network hop/3.5 + 2.8 µs·n + S·(n−1)/n / (0.75·NIC share)
//
// The hops are a tree's; the linear part is what each shard costs the host's proxy.
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc (the latency, and 0.75 of a ring's bandwidth); Bruck et al., IEEE TPDS
// 1997 (the order of messages).
// Limitations: where the network's messages are capped (NCCL_BUFFSIZE) more steps are needed than counted here.
#include <algorithm>

#include "sim/collective/collectives.hpp"
#include "sim/collective/counts.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) {
  return (call.kind == CollectiveKind::all_gather || call.kind == CollectiveKind::reduce_scatter) &&
         call.nodes == call.ranks && call.nodes > 1;
}

double network_hops(const CollectiveCall& call, const hardware::Site&) {
  constexpr double kAhead = 3.5;  // steps that are under way at once
  return floor_log2(call.ranks) / kAhead;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  constexpr double kShare = 0.75;
  const Protocol& simple = k.protocols.back();
  CollectiveCost cost;
  cost.base = Seconds{8.0e-6};
  cost.hops = network_hops(call, site) * simple.tree_network_hop + call.ranks * Seconds{2.8e-6};
  cost.wire = call.bytes * bus_factor(call.kind, call.ranks) / (k.network_per_rank * kShare);
  cost.protocol = simple.name;
  return cost;
}

LinkLoad load(const CollectiveCall& call) { return {Bytes{}, call.bytes * bus_factor(call.kind, call.ranks)}; }

// all_gather: to r + 2^j, upwards; reduce_scatter: the same the other way round.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks;
  std::vector<int> steps;
  for (int d = 1; d < n; d *= 2) steps.push_back(d);
  const bool gathers = call.kind == CollectiveKind::all_gather;
  if (!gathers) std::reverse(steps.begin(), steps.end());
  std::vector<Transfer> out;
  std::vector<std::vector<std::uint32_t>> arrived(static_cast<std::size_t>(n));
  for (const int d : steps) {
    const auto first = static_cast<std::uint32_t>(out.size());
    for (int r = 0; r < n; ++r) {
      const int to = gathers ? (r + d) % n : (r + n - d) % n;
      out.push_back(
          {r, to, call.bytes * (static_cast<double>(std::min(d, n - d)) / n), arrived[static_cast<std::size_t>(r)]});
    }
    for (int r = 0; r < n; ++r) {
      const auto index = first + static_cast<std::uint32_t>(r);
      arrived[static_cast<std::size_t>(out[index].destination)].push_back(index);
    }
  }
  return out;
}

}  // namespace

CollectiveRow pat_row() {
  return {"pat",
          "t = base + floor(log2 N) network_hop / 3.5 + 2.8 us n + S (n-1)/n / (0.75 NIC share); one rank a node",
          "NVIDIA/nccl 2.28.9 src/graph/tuning.cc; Bruck et al., IEEE TPDS 1997",
          hardware::NcclAlgorithm::pat,
          supports,
          time,
          load,
          transfers,
          network_hops};
}

}  // namespace orrery::sim
