// Reduction in the network's switches (SHARP), NCCL's CollNet: where the cluster says that its fabric has it
// (nccl.collnet). A card carries its part of the buffer once per direction, whatever the number of nodes.
//
//   direct  all GPUs of a node reduce-scatter among themselves, each gives its part to the fabric, then all-gather
//           t = 2(hop + 0.4 µs·(p−1)) + network hop + max(S·2(p−1)/p / node bus, S / node's NICs)
//   chain   one after the other in a node, the last gives the sum to the fabric
//           t = 2(p−1)·hop + network hop + max(2S / node bus, S / node's NICs)
//
// all_gather and reduce_scatter (direct only) do one half. Hops 3.7 and 2.8 µs, network 31 and 30 µs.
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc; Graham et al., COM-HPC 2016 (SHARP).
// Limitations: no published figure that it was checked against; the switches' buffers never run out.
#include <algorithm>

#include "sim/collective/collectives.hpp"
#include "sim/collective/counts.hpp"

namespace orrery::sim {
namespace {

bool reduces(const CollectiveCall& call) { return call.kind == CollectiveKind::all_reduce; }
bool gathers(const CollectiveCall& call) {
  return call.kind == CollectiveKind::all_gather || call.kind == CollectiveKind::reduce_scatter;
}

bool chain_supports(const CollectiveCall& call, const hardware::Site& site) {
  return site.nccl.collnet && call.nodes > 1 && reduces(call);
}
bool direct_supports(const CollectiveCall& call, const hardware::Site& site) {
  return site.nccl.collnet && call.nodes > 1 && site.has_nvlink() && (reduces(call) || gathers(call));
}

LinkLoad chain_load(const CollectiveCall& call) {
  const int local = local_ranks(call);
  return {local > 1 ? call.bytes * 2.0 : Bytes{}, call.bytes / static_cast<double>(local), all_but_one(local)};
}
LinkLoad direct_load(const CollectiveCall& call) {
  const double local = local_ranks(call);
  return {call.bytes * ((reduces(call) ? 2.0 : 1.0) * (local - 1.0) / local),
          call.bytes / local,
          {},
          part_of(call.kind, call.nodes)};
}

Seconds wire(const LinkLoad& load, const CollectiveConstants& k) {
  const Seconds network = load.network / k.network_per_rank;
  return load.node > Bytes{} ? max(load.node / k.node_bus, network) : network;
}

/// To the switches and back is one.
double network_hops(const CollectiveCall&, const hardware::Site&) { return 1.0; }

CollectiveCost chain_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const Seconds inside = 2.0 * (local_ranks(call) - 1) * Seconds{2.8e-6};
  const Seconds hops = inside + network_hops(call, site) * Seconds{30e-6};
  return {Seconds{}, hops, wire(chain_load(call), k), "Simple"};
}
CollectiveCost direct_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const int others = local_ranks(call) - 1;
  const Seconds inside = 2.0 * (std::min(1, others) * Seconds{3.7e-6} + others * Seconds{0.4e-6});
  const Seconds hops = inside + network_hops(call, site) * Seconds{31e-6};
  return {Seconds{}, hops, wire(direct_load(call), k), "Simple"};
}

using Waits = std::vector<std::vector<std::uint32_t>>;

/// One message, after which its receiver has something to wait for.
void send(std::vector<Transfer>& out, int from, int to, Bytes bytes, const Waits& ready, Waits& got) {
  got[static_cast<std::size_t>(to)].push_back(static_cast<std::uint32_t>(out.size()));
  out.push_back({from, to, bytes, ready[static_cast<std::size_t>(from)]});
}

/// What ranks and the fabric (vertex n) wait for after a phase: all that reached them in it, else what they had.
Waits next(const Waits& before, const Waits& got) {
  Waits out = before;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!got[i].empty()) out[i].insert(out[i].end(), got[i].begin(), got[i].end());
  }
  return out;
}

std::vector<Transfer> chain_transfers(const CollectiveCall& call) {
  const int n = call.ranks, local = local_ranks(call);
  std::vector<Transfer> out;
  Waits ready(static_cast<std::size_t>(n) + 1);
  const auto phase = [&](const auto& sends) {
    Waits got(ready.size());
    sends(got);
    ready = next(ready, got);
  };
  for (int place = local - 1; place > 0; --place) {
    phase([&](Waits& got) {
      for (int r = place; r < n; r += local) send(out, r, r - 1, call.bytes, ready, got);
    });
  }
  phase([&](Waits& got) {
    for (int head = 0; head < n; head += local) send(out, head, n, call.bytes, ready, got);
  });
  phase([&](Waits& got) {
    for (int head = 0; head < n; head += local) send(out, n, head, call.bytes, ready, got);
  });
  for (int place = 1; place < local; ++place) {
    phase([&](Waits& got) {
      for (int r = place; r < n; r += local) send(out, r - 1, r, call.bytes, ready, got);
    });
  }
  return out;
}

std::vector<Transfer> direct_transfers(const CollectiveCall& call) {
  const int n = call.ranks, local = local_ranks(call);
  const Bytes part = call.bytes / static_cast<double>(local), shard = call.bytes / static_cast<double>(n);
  std::vector<Transfer> out;
  Waits ready(static_cast<std::size_t>(n) + 1);
  const auto among = [&] {  // each part to (or from) the GPU of the node whose card carries it
    Waits got(ready.size());
    for (int r = 0; r < n; ++r) {
      for (int other = r / local * local; other < std::min(n, (r / local + 1) * local); ++other) {
        if (other != r) send(out, r, other, part, ready, got);
      }
    }
    ready = next(ready, got);
  };
  const auto fabric = [&](Bytes up, Bytes down) {
    Waits got(ready.size());
    for (int r = 0; r < n; ++r) send(out, r, n, up, ready, got);
    ready = next(ready, got);
    Waits back(ready.size());
    for (int r = 0; r < n; ++r) send(out, n, r, down, ready, back);
    ready = next(ready, back);
  };
  if (call.kind != CollectiveKind::all_gather && local > 1) among();
  fabric(call.kind == CollectiveKind::all_gather ? shard : part,
         call.kind == CollectiveKind::reduce_scatter ? shard : part);
  if (call.kind != CollectiveKind::reduce_scatter && local > 1) among();
  return out;
}

constexpr std::string_view kSource = "NVIDIA/nccl 2.28.9 src/graph/tuning.cc; Graham et al., COM-HPC 2016 (SHARP)";

}  // namespace

CollectiveRow collnet_direct_row() {
  return {"collnet_direct",
          "t = 2 (hop + 0.4 us (p-1)) + network_hop + max(S 2(p-1)/p / node bus, S / node's NICs); needs nccl.collnet",
          kSource,
          hardware::NcclAlgorithm::collnet_direct,
          direct_supports,
          direct_time,
          direct_load,
          direct_transfers,
          network_hops};
}

CollectiveRow collnet_chain_row() {
  return {"collnet_chain", "t = 2(p-1) hop + network_hop + max(2 S / node bus, S / node's NICs); needs nccl.collnet",
          kSource,         hardware::NcclAlgorithm::collnet_chain,
          chain_supports,  chain_time,
          chain_load,      chain_transfers,
          network_hops};
}

}  // namespace orrery::sim
