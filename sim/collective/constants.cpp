// Where the constants of the collective algorithms come from. See constants.hpp.
#include "sim/collective/constants.hpp"

#include <algorithm>
#include <array>

#include "sim/collective/exchange_bound.hpp"
#include "sim/collective/nccl/constants.hpp"

namespace orrery::sim {
namespace {

using hardware::NcclAlgorithm;
using hardware::NcclProtocol;
using nccl::Hop;

// Of the newest version's figures: how long something takes doesn't hang on which version chooses it.
const nccl::Constants& figures() { return nccl::constants(hardware::NcclVersion::v2_30); }

// Latencies of the tuner. Ring efficiency of LL128: 0.92, and across nodes 8 channels × 36.7 GB/s of 8 × 48 (Hopper) or
// 20 of 24 (Ampere): 0.8 where nobody asked the tuner (Choice::channel_share). Tree: LL 1/3.8; LL128 120/128 of Simple.
// A ring's step pays the host's network overhead where it spans nodes, of Simple three times.
Protocol protocol_of(NcclProtocol protocol, double overhead_us) {
  const auto p = static_cast<std::size_t>(protocol);
  const auto base = [&](NcclAlgorithm a) { return Seconds{figures().base_us[static_cast<std::size_t>(a)][p] * 1e-6}; };
  const auto hop = [&](NcclAlgorithm a, Hop over) {
    return Seconds{figures().hop_us[static_cast<std::size_t>(over)][static_cast<std::size_t>(a)][p] * 1e-6};
  };
  constexpr double kRing[] = {0.5, 0.92, 1.0}, kRingNetwork[] = {0.5, 0.8, 1.0};
  constexpr double kTreeNetwork[] = {1 / 3.8, 120.0 / 128.0, 1.0}, kOverheads[] = {1.0, 1.0, 3.0};
  constexpr auto kR = NcclAlgorithm::ring, kT = NcclAlgorithm::tree;
  return {hardware::name(protocol),
          base(kR),
          base(kT),
          hop(kR, Hop::nvlink),
          hop(kR, Hop::pcie),
          hop(kR, Hop::network),
          hop(kT, Hop::nvlink),
          hop(kT, Hop::pcie),
          hop(kT, Hop::network),
          Seconds{kOverheads[p] * overhead_us * 1e-6},
          kRing[p],
          kRingNetwork[p],
          kTreeNetwork[p],
          protocol == NcclProtocol::ll};
}

std::span<const Protocol> protocols(hardware::HostCpu cpu) {
  using All = std::array<Protocol, 3>;
  const auto with = [](hardware::HostCpu host) {
    const double us = nccl::network_overhead_us(host);
    return All{protocol_of(NcclProtocol::ll, us), protocol_of(NcclProtocol::ll128, us),
               protocol_of(NcclProtocol::simple, us)};
  };
  static const All kAmd = with(hardware::HostCpu::amd), kOther = with(hardware::HostCpu::intel_sapphire_rapids);
  return cpu == hardware::HostCpu::amd ? kAmd : kOther;
}

bool has_nvlink(const hardware::Site& site) { return site.node.nvswitch && site.gpu.nvlink_bandwidth.value() > 0.0; }

// The share of NCCL's link rate that large collectives reach. Top bus bandwidths over 0.80 or 0.824 of line
// rate, ring: A100 all_reduce 222 of 240 GB/s, H100 reduce_scatter 336 of 371, H200 337 (nccl-tests, 512 MiB).
constexpr double kSustained = 0.92;

// NICs: 4 × 8 H100 at 400 Gb/s all_reduce 330.9 GB/s, all_gather 323.5 (Voltage Park), 32 nodes 340
// (NVIDIA/nccl#1218), each of 400 GB/s line rate: 0.81 to 0.85.
constexpr double kNicSustained = 0.85;

// PCIe: bus bandwidth of 2, 4 and 8 RTX PRO 6000 on Gen5 x16 (64 GB/s): 39, 26, 25 GB/s (nccl-tests).
double pcie_share(int ranks) { return ranks <= 2 ? 0.60 : 0.40; }

// nccl 2.28.9 trees: bus bandwidth of Simple over that of the ring across nodes, A100 16 × 8 0.74 (per-channel
// limit 17.8 GB/s), H100 4 × 8 0.64 (0.85 for the TREE pattern, limit 36 GB/s): between the two.
constexpr double kTreeEfficiency = 0.70;

/// What of a card's line rate its transport sustains.
double sustained(const hardware::Site& site) {
  return site.fabric.transport_share > 0.0 ? site.fabric.transport_share : kNicSustained;
}

}  // namespace

BytesPerSecond global_bandwidth(const hardware::Site& site) {
  const int per_group = std::max(1, site.nodes_per_pod());
  const int others = std::max(1, (site.nodes + per_group - 1) / per_group - 1);
  const int links = site.fabric.pod_leaves * site.fabric.global_links;
  return site.fabric.global_bandwidth * static_cast<double>(std::max(1, links / others));
}

double oversubscription(const hardware::Site& site, int ranks, int nodes) {
  const hardware::Fabric& fabric = site.fabric;
  if (nodes <= 1) return 1.0;
  double slowdown = 1.0;
  // A group of whole nodes is laid out in the order of the nodes: its rings cross an up-link once per leaf. A
  // group with fewer ranks per node is one of several that cross at the same time.
  if (nodes > site.nodes_per_leaf() && ranks_per_node(ranks, nodes) < site.gpus_per_node()) {
    slowdown *= fabric.oversubscription;
  }
  // Above the pods every group is slowed by the whole ratio, as if all of its traffic crossed the core. That is the
  // careful side: rings in the order of the pods would cross it once per pod, but trees and flows that hash onto the
  // same core link do not. Exchanges are counted (exchange_bound.hpp).
  if (site.nodes_per_pod() > 0 && nodes > site.nodes_per_pod()) slowdown *= fabric.core_oversubscription;
  return slowdown;
}

CollectiveConstants timing_constants(const hardware::Site& site, int ranks, int nodes, bool side_by_side) {
  const hardware::Generation& gen = site.gpu.generation;
  const std::size_t generation = nccl::generation_index(gen.compute_capability);
  constexpr double kGiga = 1e9;
  CollectiveConstants out;
  out.protocols = protocols(site.node.cpu);
  const BytesPerSecond nvlink = site.nvlink_among(ranks_per_node(ranks, nodes), side_by_side);
  out.nvlink = nvlink.value() > 0.0;
  out.latency_scale = out.nvlink ? gen.latency_scale : 1.0;
  out.node_bus = out.nvlink ? nvlink * (gen.link_efficiency * kSustained)
                            : min(site.node.pcie_bandwidth, site.gpu.pcie_bandwidth) * pcie_share(ranks);
  out.network_per_rank = site.network_bandwidth_per_gpu() * (sustained(site) / oversubscription(site, ranks, nodes));
  out.ll_node_limit = BytesPerSecond{figures().ll_bus[generation][0] * kGiga};
  out.ll_network_limit = BytesPerSecond{figures().ll_bus[0][nodes <= 2 ? 1 : 2] * kGiga};
  out.tree_efficiency = nodes <= 1 ? 0.92 : kTreeEfficiency;
  constexpr double kNvlsTreeChannels = 8.0;
  const double channel = figures().nvls_tree_channel[generation][nodes <= 2 ? 1 : 2];
  out.nvls_tree_limit = BytesPerSecond{kNvlsTreeChannels * channel * kGiga};
  out.nvls_bus = site.gpu.nvlink_bandwidth * gen.nvls_sustained;
  out.nvls_hop = Seconds{25.0e-6};
  out.nvls_network_hop = Seconds{20.9e-6};
  // Send/recv has no model in NCCL. Measured all_to_all of H100: 7.0 µs for 4, 7.5 µs for 8 ranks at small
  // sizes (nccl-tests): 0.125 µs a peer above LL's base. A channel takes 8 messages at once (device.h) and a
  // node of 400 Gb/s NICs uses 16 channels.
  out.exchange_base = Seconds{6.6e-6};
  out.exchange_peer = Seconds{0.125e-6};
  out.exchange_network_hop = Seconds{14.0e-6};
  out.exchange_per_rank =
      site.network_bandwidth_per_gpu() * (sustained(site) / exchange_bound(ranks, nodes, site).slowdown());
  if (site.is_torus()) {
    out.node_bus = out.network_per_rank = out.exchange_per_rank =
        site.network_bandwidth_per_gpu() * gen.link_efficiency;
  }
  // A ring in the order of the nodes crosses each border once for each rank of a node.
  if (hardware::is_direct(site.fabric.kind) && site.nodes_per_pod() > 0 && nodes > site.nodes_per_pod()) {
    const double sharing = ranks_per_node(ranks, nodes);
    out.network_per_rank = min(out.network_per_rank, global_bandwidth(site) * (sustained(site) / sharing));
  }
  return out;
}

Seconds border_latency(const hardware::Site& site, CollectiveKind kind, int nodes) {
  const int per_group = site.nodes_per_pod();
  if (!hardware::is_direct(site.fabric.kind) || per_group < 1 || nodes <= per_group) return {};
  const double groups = (nodes + per_group - 1) / per_group;
  switch (kind) {
    case CollectiveKind::all_reduce:
      return 2.0 * groups * site.fabric.global_latency;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
      return groups * site.fabric.global_latency;
    case CollectiveKind::all_to_all:
      return site.fabric.global_latency;
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce:
      return (groups - 1.0) * site.fabric.global_latency;
  }
  return {};
}

BytesPerSecond node_bus_limit(const hardware::Gpu& gpu, CollectiveKind kind, int ranks) {
  if (gpu.nvlink_bandwidth.value() <= 0.0) return gpu.pcie_bandwidth;
  const hardware::Generation& gen = gpu.generation;
  const bool in_switch = kind == CollectiveKind::all_reduce && ranks > 4 && gen.nvls_limit > 0.0;
  return gpu.nvlink_bandwidth * (in_switch ? std::max(gen.nvls_limit, gen.link_efficiency) : gen.link_efficiency);
}

LinkConstants message_constants(const hardware::Site& site, bool same_node) {
  if (site.is_torus()) {
    return {site.fabric.switch_latency + site.fabric.cable_latency + site.fabric.transport_latency,
            site.torus_link() * site.gpu.generation.link_efficiency,
            "one hop to a neighbour over one link of the torus: the lesser of fabric and chip (profiles)"};
  }
  if (!same_node) {
    // One pair of H100 on two DGX nodes, send_recv of 1 to 17 MB: 14 µs + bytes / 36 GB/s over 400 Gb/s NICs
    // (microsoft/vidur data/, h100_dgx): one message does not fill such a NIC, a slower NIC limits first.
    // Of several planes it takes one.
    const BytesPerSecond nic = site.network_bandwidth_per_gpu() * (sustained(site) / site.fabric.planes);
    return {Seconds{14.0e-6} + site.fabric.switch_latency + site.fabric.transport_latency,
            min(nic, BytesPerSecond{36.0e9}),
            "14 us and 36 GB/s of one H100 pair (microsoft/vidur h100_dgx send_recv), at most what the NICs sustain"};
  }
  if (!has_nvlink(site)) {
    return {Seconds{14.1e-6}, site.node_bandwidth_per_gpu() * pcie_share(2),
            "NCCL Simple base 8.4 us + PCIe hop 5.7 us; 0.6 of PCIe (nccl-tests, 2 RTX PRO 6000)"};
  }
  // Send_recv of 67 MB: 348 GB/s (h100_dgx) and 286 GB/s (h100_pairwise_nvlink) of 450 line rate; 10 µs at 1 MB.
  return {Seconds{8.4e-6}, site.node_bandwidth_per_gpu() * 0.70,
          "NCCL Simple base 8.4 us; 0.70 of line rate: 348 and 286 of 450 GB/s (microsoft/vidur send_recv, H100)"};
}

}  // namespace orrery::sim
