// The tables. See constants.hpp.
#include "sim/collective/nccl/constants.hpp"

namespace orrery::sim::nccl {
namespace {

using hardware::HostCpu;

constexpr Constants of_2_28() {
  Constants c{};
  // Rows: tree, ring, collnet_direct, collnet_chain, nvls, nvls_tree, pat; columns LL, LL128, Simple.
  c.base_us = {{{6.8, 14.0, 8.4}, {6.6, 14.0, 8.4}, {}, {}, {}, {}, {8.0, 8.0, 8.0}}};
  c.hop_us[0] = {
      {{0.6, 1.25, 4.0}, {0.6, 1.9, 3.4}, {0, 0, 3.7}, {0, 0, 2.8}, {0, 0, 25.0}, {0, 0, 25.0}, {0, 0, 4.0}}};
  c.hop_us[1] = {{{1.0, 1.9, 4.0}, {1.0, 2.5, 5.7}, {0, 0, 3.7}, {0, 0, 2.8}, {}, {}, {0, 0, 4.0}}};
  c.hop_us[2] = {
      {{5.0, 8.5, 14.0}, {2.7, 4.0, 14.0}, {0, 0, 31.0}, {0, 0, 30.0}, {0, 0, 18.0}, {0, 0, 20.9}, {0, 0, 14.0}}};
  c.ll_bus = {{{39.0, 39.0, 20.4}, {87.7, 22.5, 19.0}, {141.0, 45.0, 35.0}, {282.0, 90.0, 70.0}}};
  c.ring_ll128_channel = {{{20.0, 20.0, 20.0}, {20.0, 20.0, 20.0}, {36.7, 36.7, 36.7}, {73.4, 34.6, 73.4}}};
  c.tree_ll128_channel = {{{20.0, 20.0, 20.0}, {20.0, 20.0, 20.0}, {36.7, 36.7, 29.0}, {55.6, 31.67, 20.0}}};
  c.tree_channel = {{{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {38.7, 41.4, 36.0}, {70.0, 42.8, 24.0}}};
  c.nvls_tree_channel = {{{26.5, 18.5, 10.0}, {24.0, 23.6, 17.8}, {0.0, 57.7, 45.5}, {0.0, 96.0, 43.8}}};
  c.nvls_efficiency = {0.0, 0.0, 0.85, 0.74};
  c.tree_correction = {
      {{1, 1, 1, 1, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1, 1, 1, 1, 1},
       {1, 1, 1, 1, 1, .9, .8, .8, .8, .7, .6, .6, .6, .6, .6, .6, .8, .9, .9, .9, .9, 1, 1, 1},
       {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .6, .7, .8, .7, .7, .8, .9, .9, .9}}};
  return c;
}

// What 2.30.7 changed.
constexpr Constants of_2_30() {
  Constants c = of_2_28();
  c.ring_ll128_channel[3] = {40.0, 40.0, 40.0};
  c.nvls_tree_channel[3] = {0.0, 96.0, 80.0};
  c.tree_corrections = 24;
  c.corrects_blackwell_nvls_tree = true;
  c.ll128_of_unlike = true;
  return c;
}

constexpr Constants k228 = of_2_28(), k230 = of_2_30();

constexpr double kInside[] = {40, 30, 20, 18, 15, 12, 10, 9, 7, 6, 5, 4, 3};
constexpr double kBetween[] = {48, 30, 28, 24, 20, 18, 15, 12, 10, 9, 7, 6, 5, 4, 3, 2.4, 1.2, 0.24, 0.12};
constexpr double kHopperInside[] = {60, 50, 40, 30, 24, 20, 15, 12, 11, 6, 3};
constexpr double kHopperBetween[] = {48, 45, 42, 40, 30, 24, 22, 20, 17.5, 15, 12, 6, 3, 2.4, 1.2, 0.24, 0.12};
constexpr double kBlackwellInside[] = {90, 80, 70, 60, 50, 40, 30, 24, 20, 19, 18};
constexpr double kBlackwellBetween[] = {96, 48, 45.1, 42, 40, 30, 24, 22, 20, 17.5, 15, 12, 6, 3, 2.4, 1.2, 0.24, 0.12};
constexpr double kBlackwellInside230[] = {90, 80, 70, 60, 50, 45, 40, 30, 24, 20, 19, 18};
constexpr double kBlackwellBetween230[] = {96, 86,   80, 48, 45.1, 42, 40,  30,  24,   22,
                                           20, 17.5, 15, 12, 6,    3,  2.4, 1.2, 0.24, 0.12};

}  // namespace

const Constants& constants(NcclVersion version) { return version == NcclVersion::v2_28 ? k228 : k230; }

std::size_t generation_index(int compute_capability) {
  if (compute_capability >= 100) return 3;
  if (compute_capability >= 90) return 2;
  return compute_capability >= 80 ? 1 : 0;
}

std::span<const double> speeds(NcclVersion version, int compute_capability, bool between_nodes) {
  if (compute_capability >= 100) {
    if (version == NcclVersion::v2_28) {
      return between_nodes ? std::span<const double>(kBlackwellBetween) : std::span<const double>(kBlackwellInside);
    }
    return between_nodes ? std::span<const double>(kBlackwellBetween230) : std::span<const double>(kBlackwellInside230);
  }
  if (compute_capability >= 90) {
    return between_nodes ? std::span<const double>(kHopperBetween) : std::span<const double>(kHopperInside);
  }
  return between_nodes ? std::span<const double>(kBetween) : std::span<const double>(kInside);
}

double socket_bandwidth(HostCpu cpu) {
  switch (cpu) {
    case HostCpu::intel_sapphire_rapids:
      return 22.0;
    case HostCpu::intel_emerald_rapids:
      return 40.0;
    case HostCpu::intel_skylake:
      return 10.0;
    case HostCpu::intel_broadwell:
      return 6.0;
    case HostCpu::amd:
      return 16.0;
    case HostCpu::arm:
      return 6.0;
    case HostCpu::power:
      return 32.0;
  }
  return 6.0;
}

double network_overhead_us(HostCpu cpu) { return cpu == HostCpu::amd ? 2.0 : 1.0; }

bool is_intel(HostCpu cpu) {
  return cpu == HostCpu::intel_sapphire_rapids || cpu == HostCpu::intel_emerald_rapids ||
         cpu == HostCpu::intel_skylake || cpu == HostCpu::intel_broadwell;
}

}  // namespace orrery::sim::nccl
