// NCCL's own constants, by version: what it reckons an algorithm and protocol with before it chooses.
//
// They say what NCCL chooses, not how long it takes: timing is the business of sim/collective/constants.hpp.
// Source: NVIDIA/nccl 2.28.9 and 2.30.7, src/graph/tuning.cc (tables of the tuner), topo.h (links between sockets),
// search.cc (speeds that the graph search tries).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "hardware/nccl.hpp"

namespace orrery::sim::nccl {

using hardware::kNcclAlgorithms;
using hardware::kNcclProtocols;
using hardware::NcclAlgorithm;
using hardware::NcclFunction;
using hardware::NcclProtocol;
using hardware::NcclVersion;

/// A value for each algorithm and protocol.
using Cells = std::array<std::array<double, kNcclProtocols>, kNcclAlgorithms>;
/// GB/s for each generation (Volta, Ampere, Hopper, Blackwell) on one, two and more nodes.
using Caps = std::array<std::array<double, 3>, 4>;

/// What a hop goes over.
enum class Hop : std::uint8_t { nvlink, pcie, network };

struct Constants {
  Cells base_us;                ///< launch and set-up
  std::array<Cells, 3> hop_us;  ///< by Hop
  Caps ll_bus;              ///< bus bandwidth of LL in all; on several nodes the row follows the host: 1 AMD, else 0
  Caps ring_ll128_channel;  ///< of a channel, as the others below
  Caps tree_ll128_channel;
  Caps tree_channel;
  Caps nvls_tree_channel;
  std::array<double, 4> nvls_efficiency;
  /// Share of a tree's bandwidth that is left at 64 B · 2^k, by protocol.
  std::array<std::array<double, 24>, kNcclProtocols> tree_correction;
  int tree_corrections = 23;                  ///< how many of them hold
  bool corrects_blackwell_nvls_tree = false;  ///< the same for NVLSTree on Blackwell, on x86 hosts
  bool ll128_of_unlike = false;               ///< LL128 also between unlike GPUs, all of Hopper or later
};

[[nodiscard]] const Constants& constants(NcclVersion version);

/// 0 Volta, 1 Ampere, 2 Hopper, 3 Blackwell.
[[nodiscard]] std::size_t generation_index(int compute_capability);

/// GB/s of one channel that the search tries, downwards.
[[nodiscard]] std::span<const double> speeds(NcclVersion version, int compute_capability, bool between_nodes);

/// GB/s between the sockets of a node.
[[nodiscard]] double socket_bandwidth(hardware::HostCpu cpu);
/// Microseconds of the proxy for each step between nodes.
[[nodiscard]] double network_overhead_us(hardware::HostCpu cpu);
[[nodiscard]] bool is_intel(hardware::HostCpu cpu);

}  // namespace orrery::sim::nccl
