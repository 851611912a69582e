// Bidirectional ring: every rank passes chunks of S/n on to both neighbours, so that none has more than half of the
// ring to go. The bytes are a ring's; the steps are half as many.
//
//   t = base + w((h − x)·hop + x·network hop) + S·f/B,  h = ⌈(n−1)/2⌉, x = ⌈h/p⌉ on several nodes
//   w = 2 passes of an all_reduce, 1 of the others; B = min(node bus, network share of a node's ranks)
//
// Source: Chan et al., Concurrency and Computation 2007 (bucket algorithms); Thakur et al., IJHPCA 2005 §4.
// Limitation: both ways share a GPU's links to a switch, so that they bring no bandwidth as a torus' own links do.
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

bool supports(const CollectiveCall& call, const hardware::Site&) {
  return call.kind == CollectiveKind::all_reduce || call.kind == CollectiveKind::all_gather ||
         call.kind == CollectiveKind::reduce_scatter;
}

int passes(CollectiveKind kind) { return kind == CollectiveKind::all_reduce ? 2 : 1; }
int steps(int ranks) { return ranks / 2; }  // ⌈(n − 1)/2⌉

double network_hops(const CollectiveCall& call, const hardware::Site&) {
  const int local = ranks_per_node(call.ranks, call.nodes);
  return call.nodes > 1 ? passes(call.kind) * ((steps(call.ranks) + local - 1) / local) : 0.0;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const Protocol& simple = k.protocols.back();
  const int local = ranks_per_node(call.ranks, call.nodes);
  const double all = passes(call.kind) * steps(call.ranks), across = network_hops(call, site);
  Seconds hop = (k.nvlink ? simple.ring_node_hop : simple.ring_pcie_hop) * k.latency_scale;
  BytesPerSecond bus = k.node_bus;
  if (call.nodes > 1) {
    hop = max(hop, simple.least_ring_step);
    const BytesPerSecond network = k.network_per_rank * static_cast<double>(local);
    bus = local > 1 ? min(bus, network) : network;
  }
  return {simple.ring_base * k.latency_scale, (all - across) * hop + across * simple.ring_network_hop,
          call.bytes * bus_factor(call.kind, call.ranks) / bus, simple.name};
}

LinkLoad load(const CollectiveCall& call) {
  const Bytes sent = call.bytes * bus_factor(call.kind, call.ranks);
  const int local = ranks_per_node(call.ranks, call.nodes);
  LinkLoad out{local > 1 ? sent : Bytes{}, call.nodes > 1 ? sent / static_cast<double>(local) : Bytes{}};
  if (call.nodes > 1) out.node_mean = all_but_one(local);
  return out;
}

// To the right h times, to the left one step less where n is even. The second pass starts with what both ways brought.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks, right = steps(n), left = n - 1 - right;
  const Bytes chunk = call.bytes / static_cast<double>(n);
  std::vector<Transfer> out;
  std::vector<std::vector<std::uint32_t>> whole(static_cast<std::size_t>(n));
  for (int pass = 0; pass < passes(call.kind); ++pass) {
    std::vector<std::vector<std::uint32_t>> from_left = whole, from_right = whole;
    for (int s = 0; s < right; ++s) {
      auto next_left = from_left, next_right = from_right;
      const auto send = [&](int from, int to, const auto& ready, auto& got) {
        got[static_cast<std::size_t>(to)] = {static_cast<std::uint32_t>(out.size())};
        out.push_back({from, to, chunk, ready[static_cast<std::size_t>(from)]});
      };
      for (int r = 0; r < n; ++r) send(r, (r + 1) % n, from_left, next_left);
      for (int r = 0; s < left && r < n; ++r) send(r, (r + n - 1) % n, from_right, next_right);
      from_left = std::move(next_left), from_right = std::move(next_right);
    }
    for (std::size_t r = 0; r < whole.size(); ++r) {
      whole[r] = from_left[r];
      if (left > 0) whole[r].insert(whole[r].end(), from_right[r].begin(), from_right[r].end());
    }
  }
  return out;
}

// Along the longer way, and one where the two ways meet.
int additions(const CollectiveCall& call) { return call.ranks < 3 ? call.ranks - 1 : steps(call.ranks) + 1; }

}  // namespace

LibraryRow bidirectional_ring_row() {
  return {{"bidirectional_ring",
           "t = base + w((h - x) hop + x network_hop) + S f / min(node bus, node's NICs), h = ceil((n-1)/2), w passes",
           "Chan et al., Concurrency and Computation 2007; Thakur et al., IJHPCA 2005", std::nullopt, supports, time,
           load, transfers, network_hops},
          additions};
}

}  // namespace orrery::sim
