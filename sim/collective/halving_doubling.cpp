// Halving and doubling (Rabenseifner): all_reduce in 2 log2 n steps that move no more than a ring's.
//
// In step j of the first half a rank exchanges half of what it still holds with the rank 2^j away, S/2, S/4, …, until
// it holds the sum of S/n; the second half goes back. The nearest come first, so that the large halves stay in the
// node.
//
//   t = base + 2(log2 p·hop + log2 N·network hop) + 2(S(p−1)/p / node bus + S/p·(N−1)/N / NIC share)
//
// Source: Rabenseifner, ICCS 2004; Thakur, Rabenseifner & Gropp, IJHPCA 2005 §4.
// Limitations: powers of two of ranks and nodes; a switch gives each pair its whole rate at every distance.
#include <bit>

#include "sim/collective/counts.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

bool is_power(int x) { return std::has_single_bit(static_cast<unsigned>(x)); }

bool supports(const CollectiveCall& call, const hardware::Site&) {
  return call.kind == CollectiveKind::all_reduce && is_power(call.ranks) && is_power(call.nodes);
}

double network_hops(const CollectiveCall& call, const hardware::Site&) { return 2.0 * floor_log2(call.nodes); }

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const Protocol& simple = k.protocols.back();
  const LinkLoad bytes = parts_load(call);
  const Seconds hop = (k.nvlink ? simple.ring_node_hop : simple.ring_pcie_hop) * k.latency_scale;
  const int inside = floor_log2(local_ranks(call));
  const double across = network_hops(call, site);
  CollectiveCost cost{simple.ring_base * k.latency_scale, 2.0 * inside * hop + across * simple.ring_network_hop,
                      Seconds{}, simple.name};
  if (inside > 0) cost.wire += bytes.node / k.node_bus;
  if (across > 0.0) cost.wire += bytes.network / k.network_per_rank;
  return cost;
}

std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks, steps = floor_log2(n);
  std::vector<Transfer> out;
  for (int s = 0; s < 2 * steps; ++s) {
    const int j = s < steps ? s : 2 * steps - 1 - s;
    for (int r = 0; r < n; ++r) {
      Transfer transfer{r, r ^ (1 << j), call.bytes / static_cast<double>(2 << j), {}};
      if (s > 0) {  // after what its partner of the step before and it itself sent
        const int before = (s - 1) * n, last = s <= steps ? s - 1 : 2 * steps - s;
        transfer.after = {static_cast<std::uint32_t>(before + (r ^ (1 << last))),
                          static_cast<std::uint32_t>(before + r)};
      }
      out.push_back(std::move(transfer));
    }
  }
  return out;
}

int additions(const CollectiveCall& call) { return floor_log2(call.ranks); }

}  // namespace

LibraryRow halving_doubling_row() {
  return {
      {"halving_doubling",
       "t = base + 2(log2 p hop + log2 N network_hop) + 2(S (p-1)/p / node bus + S/p (N-1)/N / NIC share); powers of 2",
       "Rabenseifner, ICCS 2004; Thakur et al., IJHPCA 2005", std::nullopt, supports, time, parts_load, transfers,
       network_hops},
      additions};
}

}  // namespace orrery::sim
