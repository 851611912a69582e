// Pairwise exchange: all_to_all as n−1 messages of S/n from every rank, one peer after the other.
//
//   t = base + (n−1)·peer + rounds·network hop + max(S·(p−1)/n / node bus, S·(n−p)/n / network share of a rank)
//
// with p ranks per node and rounds = ⌈(n−p)/concurrent messages⌉. Messages inside the node and between nodes
// flow at the same time, so that the slower of the two counts; over-subscribed switches take their part of a rank's
// share (exchange_bound.hpp).
//
// Source: NVIDIA/nccl 2.28.9 src/init.cc:893-960 (schedule), device.h (8 messages a channel); nccl-tests
// alltoall for base and peer. Limitations: equal message sizes; no incast loss in the fabric.
#include <algorithm>

#include "sim/collective/collectives.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) { return call.kind == CollectiveKind::all_to_all; }

/// Rounds of peers on other nodes: their messages go at once.
double network_hops(const CollectiveCall& call, const hardware::Site&) {
  constexpr int kAtOnce = 128;
  return (call.ranks - ranks_per_node(call.ranks, call.nodes) + kAtOnce - 1) / kAtOnce;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const double n = call.ranks;
  const int local = ranks_per_node(call.ranks, call.nodes);
  const int remote = call.ranks - local;
  CollectiveCost cost;
  cost.base = k.exchange_base * k.latency_scale;
  cost.hops = (n - 1.0) * k.exchange_peer;
  cost.wire = call.bytes * (static_cast<double>(local - 1) / n) / k.node_bus;
  if (remote > 0) {
    cost.hops += network_hops(call, site) * k.exchange_network_hop;
    cost.wire = max(cost.wire, call.bytes * (static_cast<double>(remote) / n) / k.exchange_per_rank);
  }
  return cost;
}

LinkLoad load(const CollectiveCall& call) {
  const double n = call.ranks;
  const int local = ranks_per_node(call.ranks, call.nodes);
  return {call.bytes * (static_cast<double>(local - 1) / n),
          call.bytes * (static_cast<double>(call.ranks - local) / n)};
}

// Round s: rank r sends to r + s and receives from r − s.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks;
  std::vector<Transfer> out;
  out.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(n - 1));
  for (int s = 1; s < n; ++s) {
    for (int r = 0; r < n; ++r) {
      out.push_back({r, (r + s) % n, call.bytes / static_cast<double>(n), {}});
      if (s > 1) out.back().after.push_back(static_cast<std::uint32_t>((s - 2) * n + r));
    }
  }
  return out;
}

}  // namespace

CollectiveRow pairwise_row() {
  return {"pairwise",
          "t = base + (n-1) peer + rounds network_hop + max(S (p-1)/n / node bus, S (n-p)/n / NIC share)",
          "NVIDIA/nccl 2.28.9 src/init.cc:893-960; nccl-tests alltoall",
          std::nullopt,
          supports,
          time,
          load,
          transfers,
          network_hops};
}

}  // namespace orrery::sim
