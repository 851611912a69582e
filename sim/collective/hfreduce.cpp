// HFReduce: all_reduce on the cores of the hosts, for servers whose GPUs meet over PCIe.
//
// The GPUs copy their buffers into the host's memory, the cores add them, the nodes' sums go through a double binary
// tree from memory to memory, and the GPUs copy the result back. With a bridge between each pair of GPUs
// ("hfreduce_nvlink") a pair adds its buffers first, each GPU copies half of the sum, and the halves come back the same
// way.
//
//   t = base + S/B + (2L + 1)·c/B + 2L·network hop,  L = ⌊log2 N⌋, c = min(S, 4 MiB)
//   B = min(PCIe, host memory / m, node's NICs / v, bridges),  v = 2, or 1 on two nodes
//   m = 2q + 3, and 5 more on several nodes: of each byte q copies in, q reads and a write to add them, two reads by
//   the copies back (one a socket), and 2 reads, 2 writes and a read of the tree; q = p buffers of a node, p/2 of pairs
//
// The stages work on chunks at the same time, so that the slowest counts and each level of the tree adds one chunk.
//
// Source: Fire-Flyer AI-HPC, arXiv 2408.14158 (24 operations for 8 GPUs; 8.1 GB/s on two nodes, which the share of the
// memory's rate is of); Sanders, Speck & Träff, Parallel Computing 2009 (double tree).
// Limitations: the paper has no size of a chunk: 4 MiB, as NCCL's buffers, is assumed. Cores keep up with the memory.
#include <algorithm>

#include "sim/collective/counts.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

constexpr Bytes kChunk{4194304.0};

bool is_host_sum(const CollectiveCall& call, const hardware::Site& site) {
  return call.kind == CollectiveKind::all_reduce && !site.has_nvlink() && site.node.host_memory_bandwidth.value() > 0.0;
}
bool supports(const CollectiveCall& call, const hardware::Site& site) { return is_host_sum(call, site); }
bool pairs_support(const CollectiveCall& call, const hardware::Site& site) {
  return is_host_sum(call, site) && call.side_by_side && local_ranks(call) % 2 == 0 &&
         site.nvlink_among(2).value() > 0.0;
}

/// Reads and writes of the host's memory for each byte of the buffer, where GPUs put `buffers` of them there.
double operations(double buffers, int nodes) { return 2.0 * buffers + (nodes > 1 ? 8.0 : 3.0); }
/// Times that a node's cards carry the buffer, each way.
double volume(int nodes) { return nodes > 2 ? 2.0 : nodes - 1.0; }

CollectiveCost in_chunks(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k,
                         double buffers, BytesPerSecond bridges) {
  const Protocol& simple = k.protocols.back();
  const HostRates host = host_rates(call, site);
  // A GPU copies its part of what its node copies.
  BytesPerSecond rate = min(host.link * (local_ranks(call) / buffers), host.memory / operations(buffers, call.nodes));
  if (call.nodes > 1) rate = min(rate, host.network / volume(call.nodes));
  if (bridges.value() > 0.0) rate = min(rate, bridges);
  const double hops = tree_network_hops(call, site);
  return {simple.tree_base, (hops + 1.0) * (min(call.bytes, kChunk) / rate) + hops * simple.tree_network_hop,
          call.bytes / rate, "host"};
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  return in_chunks(call, site, k, local_ranks(call), {});
}
CollectiveCost pairs_time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  // Half of the buffer to the neighbour before, half after, on the bridge's own two ways at NCCL's rate of a link.
  const BytesPerSecond bridges = site.nvlink_among(2) * site.gpu.generation.link_efficiency;
  return in_chunks(call, site, k, local_ranks(call) / 2.0, bridges);
}

LinkLoad load_of(const CollectiveCall& call, double buffers) {
  const double local = local_ranks(call);
  // A tree over N nodes has N − 1 edges; two nodes load theirs alike.
  return {call.bytes * (buffers / local),
          call.bytes * (volume(call.nodes) / local),
          {},
          call.nodes > 2 ? all_but_one(call.nodes) : LinkLoad::Mean{}};
}
LinkLoad load(const CollectiveCall& call) { return load_of(call, local_ranks(call)); }
LinkLoad pairs_load(const CollectiveCall& call) { return load_of(call, local_ranks(call) / 2.0); }

Bytes in_host_of(const CollectiveCall& call, double buffers) {
  return call.bytes * (operations(buffers, call.nodes) / local_ranks(call));
}
Bytes in_host(const CollectiveCall& call) { return in_host_of(call, local_ranks(call)); }
Bytes pairs_in_host(const CollectiveCall& call) { return in_host_of(call, local_ranks(call) / 2.0); }

/// To the host of the node, the tree among the hosts (numbers n to n + N − 1), and back.
std::vector<Transfer> through_hosts(const CollectiveCall& call, Bytes each, std::vector<Transfer> out) {
  const int n = call.ranks, local = local_ranks(call);
  const std::vector<Transfer> before = out;  // what a GPU waits for: the messages that reached it
  std::vector<std::vector<std::uint32_t>> at_host(static_cast<std::size_t>(call.nodes));
  for (int r = 0; r < n; ++r) {
    Transfer copy{r, n + r / local, each, {}};
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i].destination == r) copy.after.push_back(static_cast<std::uint32_t>(i));
    }
    at_host[static_cast<std::size_t>(r / local)].push_back(static_cast<std::uint32_t>(out.size()));
    out.push_back(std::move(copy));
  }
  std::vector<std::vector<std::uint32_t>> whole = at_host;
  if (call.nodes > 1) {
    const auto first = static_cast<std::uint32_t>(out.size());
    for (Transfer hop : tree_row().transfers({call.kind, call.bytes, call.nodes, call.nodes})) {
      for (std::uint32_t& index : hop.after) index += first;
      const auto& own = at_host[static_cast<std::size_t>(hop.source)];
      hop.after.insert(hop.after.end(), own.begin(), own.end());
      whole[static_cast<std::size_t>(hop.destination)].push_back(static_cast<std::uint32_t>(out.size()));
      hop.source += n, hop.destination += n;
      out.push_back(std::move(hop));
    }
  }
  for (int r = 0; r < n; ++r) out.push_back({n + r / local, r, each, whole[static_cast<std::size_t>(r / local)]});
  return out;
}

std::vector<Transfer> transfers(const CollectiveCall& call) { return through_hosts(call, call.bytes, {}); }

std::vector<Transfer> pairs_transfers(const CollectiveCall& call) {
  const Bytes half = call.bytes / 2.0;
  std::vector<Transfer> sums;
  for (int r = 0; r < call.ranks; ++r) sums.push_back({r, r ^ 1, half, {}});
  std::vector<Transfer> out = through_hosts(call, half, std::move(sums));
  const auto first = static_cast<std::uint32_t>(out.size()) - static_cast<std::uint32_t>(call.ranks);
  for (int r = 0; r < call.ranks; ++r) out.push_back({r, r ^ 1, half, {first + static_cast<std::uint32_t>(r)}});
  return out;
}

// The cores add a node's buffers one after the other, the tree one on each level.
int additions(const CollectiveCall& call) { return local_ranks(call) - 1 + ceil_log2(call.nodes); }
int pairs_additions(const CollectiveCall& call) { return local_ranks(call) / 2 + ceil_log2(call.nodes); }

constexpr std::string_view kSource =
    "Fire-Flyer AI-HPC, arXiv 2408.14158; Sanders, Speck & Traff, Parallel Computing 2009";

}  // namespace

LibraryRow hfreduce_row() {
  return {{"hfreduce",
           "t = base + S/B + (2L + 1) 4 MiB/B + 2L network_hop, L = floor(log2 N), B = min(PCIe, host memory / (2p + "
           "8), NICs / 2)",
           kSource, std::nullopt, supports, time, load, transfers, tree_network_hops},
          additions,
          in_host};
}

LibraryRow hfreduce_nvlink_row() {
  return {{"hfreduce_nvlink",
           "as hfreduce after each pair has added over its bridge: B = min(2 PCIe, host memory / (p + 8), NICs / 2)",
           kSource, std::nullopt, pairs_support, pairs_time, pairs_load, pairs_transfers, tree_network_hops},
          pairs_additions,
          pairs_in_host};
}

}  // namespace orrery::sim
