#include "sim/collective/libraries.hpp"

#include <algorithm>
#include <array>

#include "sim/collective/counts.hpp"
#include "sim/collective/symmetric.hpp"

namespace orrery::sim {
namespace {

// Copies over PCIe: NCCL reckons 24 of the 32 GB/s of Gen4 x16 and 48 of 64 (nccl src/graph/topo.cc).
constexpr double kLinkShare = 0.75;

// Fire-Flyer AI-HPC (arXiv 2408.14158): 8.1 GB/s on two nodes, 24 reads and writes of each byte, of 409.6 GB/s.
constexpr double kMemoryShare = 0.475;

}  // namespace

std::span<const LibraryRow> library_rows() {
  static const std::array<LibraryRow, 10> kRows{
      hfreduce_row(), hfreduce_nvlink_row(), hierarchical_row(), halving_doubling_row(), bidirectional_ring_row(),
      gloo_row(),     torus_row(),           symmetric_ll_row(), symmetric_row(),        symmetric_multicast_row()};
  return kRows;
}

const LibraryRow* other_library(const CollectiveRow& row) {
  if (row.nccl) return nullptr;
  for (const LibraryRow& library : library_rows()) {
    if (library.name == row.name) return &library;
  }
  return nullptr;
}

const CollectiveRow* named_beside_nccl(const hardware::NcclSettings& settings) {
  if (settings.algorithms.text.empty()) return nullptr;
  for (const CollectiveRow& row : collective_algorithms()) {
    if (!row.nccl && row.name == settings.algorithms.text) return &row;
  }
  return nullptr;
}

const CollectiveRow* in_place_of_nccl(const CollectiveCall& call, const hardware::Site& site) {
  const CollectiveRow* told = named_beside_nccl(site.nccl);
  if (site.is_torus()) {
    static const CollectiveRow& torus = *std::find_if(collective_algorithms().begin(), collective_algorithms().end(),
                                                      [](const CollectiveRow& row) { return row.name == "torus"; });
    return &torus;
  }
  if (told != nullptr && other_library(*told) != nullptr && told->supports(call, site)) return told;
  if (!site.nccl.symmetric || call.ranks < 2) return nullptr;
  const std::optional<SymmetricKernel> kernel = symmetric_kernel(call, site);
  return kernel ? kernel->row : nullptr;
}

LinkLoad parts_load(const CollectiveCall& call) {
  const double p = local_ranks(call), n = call.nodes;
  return {call.bytes * (2.0 * (p - 1.0) / p), call.bytes * (2.0 * (n - 1.0) / n / p)};
}

HostRates host_rates(const CollectiveCall& call, const hardware::Site& site) {
  const CollectiveConstants k = timing_constants(site, call.ranks, call.nodes, call.side_by_side);
  const hardware::Node& node = site.node;
  return {min(node.pcie_bandwidth, site.gpu.pcie_bandwidth) * kLinkShare, node.host_memory_bandwidth * kMemoryShare,
          k.network_per_rank * static_cast<double>(site.gpus_per_node())};
}

}  // namespace orrery::sim
