// DeepEP's low-latency kernels: a rank writes each token straight into the memory of each of its k experts' ranks, over
// NVLink within the node and by RDMA that the GPU itself starts to others. No copy is shared between experts.
//
//   G = ⌈E / SMs⌉ warp groups on each of S = ⌈E / G⌉ SMs
//   T = L + [N > 1] (Ln + Ld log2(N/2)) + e log2 G + f b + (K^q + Wn^q + Wr^q)^(1/q)
//   K  = (⌈tokens / S⌉ − 1) (w0 + w1 k b)      tokens that a later wave of the SMs takes
//   Wn = tokens k (1/N − 1/n) b / (share · NVLink)      Wr = tokens k (1 − 1/N) b / (share · NIC)
//
// Source: deepseek-ai/DeepEP csrc/kernels/internode_ll.cu (num_warp_groups, num_sms; 16 bytes of source index beside a
// dispatched row).
// Limitations: between nodes fitted on 2, 4 and 8 nodes of 8 H100.
#include <algorithm>
#include <cmath>

#include "models/experts/law.hpp"
#include "models/experts/reach.hpp"

namespace orrery::models {
namespace {

constexpr std::string_view kSource =
    "fitted on 8 H100 a node, NVLink and 400 Gb/s InfiniBand: NVIDIA AIConfigurator @095f58a5, deepep_low_latency "
    "(DeepEP in SGLang 0.5.12 and 0.5.6)";

struct Grid {
  double groups = 1.0, sms = 1.0;
};

Grid grid_of(const ExchangeShape& shape, const hardware::Site& site) {
  const auto experts = static_cast<double>(shape.experts);
  const double groups = std::ceil(experts / std::max(1, site.gpu.sm_count));
  return {groups, std::ceil(experts / groups)};
}

Bytes sent_row(const ExchangeShape& shape, ExchangePhase phase) {
  constexpr Bytes kSourceIndex{16.0};
  return row_bytes(shape, phase) + (phase == ExchangePhase::dispatch ? kSourceIndex : Bytes{});
}

ExchangeBytes bytes_of(const ExchangeShape& shape, ExchangePhase phase) {
  const double rows = static_cast<double>(shape.tokens * shape.topk) * shape.imbalance;
  const Bytes all = sent_row(shape, phase) * rows;
  const double here = 1.0 / shape.nodes;
  return {all * (here - 1.0 / shape.ranks), all * (1.0 - here)};
}

ExchangeTime time_of(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site,
                     const std::vector<double>& k) {
  const Grid grid = grid_of(shape, site);
  const double b = sent_row(shape, phase).value();
  const double waves = std::ceil(static_cast<double>(shape.tokens) * shape.imbalance / grid.sms) - 1.0;
  const ExchangeBytes bytes = bytes_of(shape, phase);
  ExchangeTime out;
  out.latency = Seconds{k[0] + k[3] * std::log2(grid.groups) + k[4] * b};
  if (shape.nodes > 1) out.latency += Seconds{k[1] + k[2] * std::log2(shape.nodes / 2.0)};
  out.kernel = Seconds{std::max(0.0, waves) * (k[5] + k[6] * static_cast<double>(shape.topk) * b)};
  out.node = bytes.node / (site.node_bandwidth_per_gpu() * k[7]);
  if (shape.nodes > 1) out.network = bytes.network / network_rate(shape, site, k[8]);
  out.sharpness = k[9];
  return out;
}

}  // namespace

const ExchangeLaw& deepep_low_latency_law() {
  static const ExchangeLaw law = {"deepep_low_latency",
                                  kSource,
                                  {{"latency_s", 1e-6, 1e-4, 9.21e-6, 10.2e-6},
                                   {"network_s", 1e-9, 1e-4, 6.72e-6, 12.5e-6},
                                   {"doubling_s", 1e-9, 1e-4, 3.94e-6, 1.0e-6},
                                   {"groups_s", 1e-9, 1e-4, 2.47e-6, 1.37e-6},
                                   {"row_byte_s", 1e-13, 1e-8, 193e-12, 18.5e-12},
                                   {"wave_s", 1e-10, 1e-4, 2.05e-6, 0.69e-6},
                                   {"wave_byte_s", 1e-14, 1e-8, 28e-12, 1e-13},
                                   {"node_share", 0.1, 1.0, 0.573, 0.485},
                                   {"network_share", 0.2, 1.0, 0.967, 0.926},
                                   {"sharpness", 1.0, 8.0, 1.7, 7.1}},
                                  time_of};
  return law;
}

namespace {

ExchangePrice price(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  ExchangePrice out = price_by_law(deepep_low_latency_law(), shape, phase, site, bytes_of(shape, phase));
  out.sms = static_cast<int>(grid_of(shape, site).sms);
  return out;
}

ExchangeCollective collective(const ExchangeShape& shape, ExchangePhase phase) {
  return sparse_collective(shape, phase, static_cast<double>(shape.topk));
}

// Room for every token of every rank with each expert, to send and to receive, for odd and even calls
// (deepseek-ai/DeepEP csrc/config.hpp, LowLatencyLayout).
Bytes buffers(const ExchangeShape& shape) {
  const double hidden = static_cast<double>(shape.hidden), scales = std::floor(hidden / 128.0);
  const double out = 16.0 + std::max(2.0 * hidden, hidden + 4.0 * scales), back = 2.0 * hidden + 4.0 * scales;
  const double slots = static_cast<double>(shape.experts * shape.tokens);
  const double send = std::max(static_cast<double>(shape.tokens) * out, slots * back);
  const double receive = slots * std::max(out, back);
  return Bytes{2.0 * (send + receive)};
}

}  // namespace

ExchangeRow deepep_low_latency_row() {
  ExchangeRow row;
  row.name = "deepep_low_latency";
  row.equation = "L + e log2 G + f b + (waves^q + (tokens k b/NVLink)^q + (tokens k b/NIC)^q)^(1/q)";
  row.source = "deepseek-ai/DeepEP csrc/kernels/internode_ll.cu";
  row.tokens = {1024, 256,
                "deepseek-ai/DeepEP docs/legacy.md: less than 256, for decoding; csrc/kernels/configs.cuh, "
                "FINISHED_SUM_TAG = 1024, which SGLang asserts"};
  row.refuses = needs_nvlink, row.price = price, row.collective = collective, row.buffers = buffers;
  return row;
}

}  // namespace orrery::models
