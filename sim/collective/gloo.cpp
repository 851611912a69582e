// Gloo-like all_reduce: every rank copies its buffer to the host, a ring of the processes passes chunks over TCP, and
// the result is copied back, one after the other.
//
//   t = base + 2(n − 1)·25 µs + 2 S/host link + S·2(n−1)/n / B
//   B = min(host memory / (5.5 p), node's NICs): the kernel reads and writes what is sent, and again what is
//   received, and a half of it is added (two reads and a write)
//
// Source: pytorch/gloo gloo/allreduce.cc (a ring of chunks over buffers in the host's memory), gloo/transport/tcp.
// Limitations: 25 µs of a message over TCP is an estimate; cores and sockets keep up with the memory. On a node with
// NVLink the two copies count on that in place of PCIe where several operations share a link.
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

constexpr Seconds kMessage{25e-6};
constexpr double kOperations = 2.0 + 2.0 + 1.5;  // of a byte that goes round the ring

bool supports(const CollectiveCall& call, const hardware::Site& site) {
  return call.kind == CollectiveKind::all_reduce && site.node.host_memory_bandwidth.value() > 0.0;
}

LinkLoad load(const CollectiveCall& call) {
  const double local = ranks_per_node(call.ranks, call.nodes);
  return {call.bytes, call.nodes > 1 ? call.bytes * bus_factor(call.kind, call.ranks) / local : Bytes{}};
}

Bytes in_host(const CollectiveCall& call) {
  return call.bytes * (2.0 + bus_factor(call.kind, call.ranks) * kOperations);
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants& k) {
  const HostRates host = host_rates(call, site);
  BytesPerSecond rate = host.memory / (kOperations * ranks_per_node(call.ranks, call.nodes));
  // The ring enters and leaves a node once.
  if (call.nodes > 1) rate = min(rate, host.network);
  // A message takes as long to a neighbour on its node as to one of another.
  return {k.protocols.back().ring_base, 2.0 * (call.ranks - 1) * kMessage,
          call.bytes * 2.0 / host.link + call.bytes * bus_factor(call.kind, call.ranks) / rate, "host"};
}

// The process of rank r is number n + r.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  const int n = call.ranks;
  std::vector<Transfer> out;
  for (int r = 0; r < n; ++r) out.push_back({r, n + r, call.bytes, {}});
  const auto first = static_cast<std::uint32_t>(n);
  std::vector<std::uint32_t> last(static_cast<std::size_t>(n));
  for (Transfer hop : ring_row().transfers(call)) {
    for (std::uint32_t& index : hop.after) index += first;
    hop.after.push_back(static_cast<std::uint32_t>(hop.source));  // its own copy, which it adds
    last[static_cast<std::size_t>(hop.destination)] = static_cast<std::uint32_t>(out.size());
    hop.source += n, hop.destination += n;
    out.push_back(std::move(hop));
  }
  for (int r = 0; r < n; ++r) out.push_back({n + r, r, call.bytes, {last[static_cast<std::size_t>(r)]}});
  return out;
}

int additions(const CollectiveCall& call) { return call.ranks - 1; }

}  // namespace

LibraryRow gloo_row() {
  return {{"gloo", "t = base + 2(n-1) 25 us + 2 S / host link + S 2(n-1)/n / min(host memory / (5.5 p), node's NICs)",
           "pytorch/gloo gloo/allreduce.cc, gloo/transport/tcp", std::nullopt, supports, time, load, transfers,
           ring_network_hops},
          additions,
          in_host};
}

}  // namespace orrery::sim
