// DeepEP's normal kernels: a token goes once to every rank, and over the network once to every node, that it has
// experts on; NVLink forwards it there. SMs copy it, half of them sending and half receiving: a channel is two SMs.
//
//   x = tokens · imbalance / channels
//   one node      c = t0 + t1 b + R (c0 + c1 b)          W = tokens · R (1 − 1/n) b / (share · NVLink)
//   several       c = b (t1 + Rn c1)     W = max(tokens · Rn b / (share · NIC), tokens · R (1 − N/n) b / (share ·
//   NVLink)) T = L + F c (1 − e^(−x/x0)) + ((x c)^q + W^q)^(1/q)
//
// b bytes of a row, R ranks and Rn other nodes that a token reaches, c what one row costs a channel, F c the pipeline's
// fill. Between nodes L grows with their number: every node tells every other what it will send. There the network and
// NVLink are stages of one pipeline: warps of a channel send by RDMA, others forward what arrives to the ranks of their
// node (internode.cu, kRDMASender and kRDMAAndNVLForwarder), so that the slower of them decides.
//
// Source: deepseek-ai/DeepEP csrc/kernels/{intranode,internode}.cu, deep_ep/buffer.py (Buffer.num_sms = 20).
// Limitations: between nodes fitted on 2 and 4 nodes of 8 H100 and one model, where NVLink never was the slower
// stage: its share is that of one node.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "models/experts/law.hpp"
#include "models/experts/reach.hpp"

namespace orrery::models {
namespace {

constexpr std::string_view kSource =
    "fitted on 8 H100 a node, NVLink and 400 Gb/s InfiniBand: NVIDIA AIConfigurator @095f58a5, deepep_normal (DeepEP "
    "in SGLang 0.5.12 and 0.5.6)";
constexpr int kDefaultSms = 20;  // Buffer.num_sms
constexpr int kSmsPerChannel = 2;

int sms_of(const ExchangeShape& shape) { return shape.sms > 0 ? shape.sms : kDefaultSms; }

double rows_per_channel(const ExchangeShape& shape) {
  return static_cast<double>(shape.tokens) * shape.imbalance * kSmsPerChannel / sms_of(shape);
}

ExchangeTime time_of(Seconds latency, Seconds row, double fill, double fill_scale, double sharpness, double rows) {
  ExchangeTime out;
  out.latency = latency;
  out.fill = row * (fill * (1.0 - std::exp(-rows / fill_scale)));
  out.kernel = row * rows;
  out.sharpness = sharpness;
  return out;
}

ExchangeBytes bytes_of(const ExchangeShape& shape, ExchangePhase phase) {
  const Bytes rows = row_bytes(shape, phase) * (static_cast<double>(shape.tokens) * shape.imbalance);
  const double here = static_cast<double>(shape.nodes) / shape.ranks;  // of a node's ranks: the one that forwards
  return {rows * (rank_reach(shape) * (1.0 - here)), rows * (node_reach(shape) * (1.0 - 1.0 / shape.nodes))};
}

ExchangeTime node_time(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site,
                       const std::vector<double>& k) {
  const Bytes b = row_bytes(shape, phase);
  const Seconds row{k[1] + k[2] * b.value() + rank_reach(shape) * (k[3] + k[4] * b.value())};
  ExchangeTime out = time_of(Seconds{k[0]}, row, k[5], k[6], k[8], rows_per_channel(shape));
  out.node = bytes_of(shape, phase).node / (site.node_bandwidth_per_gpu() * k[7]);
  return out;
}

ExchangeTime internode_time(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site,
                            const std::vector<double>& k) {
  const double others = node_reach(shape) * (1.0 - 1.0 / shape.nodes);
  const Seconds row{row_bytes(shape, phase).value() * (k[2] + others * k[3])};
  ExchangeTime out = time_of(Seconds{k[0] + k[1] * shape.nodes}, row, k[4], k[5], k[7], rows_per_channel(shape));
  const ExchangeBytes bytes = bytes_of(shape, phase);
  out.network = bytes.network / network_rate(shape, site, k[6]);
  out.node = bytes.node / (site.node_bandwidth_per_gpu() * k[8]);
  out.pipelined = true;
  return out;
}

}  // namespace

const ExchangeLaw& deepep_normal_law() {
  static const ExchangeLaw law = {"deepep_normal",
                                  kSource,
                                  {{"latency_s", 1e-6, 1e-4, 25.0e-6, 23.4e-6},
                                   {"token_s", 1e-10, 1e-5, 0.143e-6, 1e-10},
                                   {"token_byte_s", 1e-13, 1e-8, 10.7e-12, 61.0e-12},
                                   {"copy_s", 1e-10, 1e-5, 32.0e-9, 20.3e-9},
                                   {"copy_byte_s", 1e-13, 1e-8, 16.2e-12, 12.0e-12},
                                   {"fill_tokens", 0.01, 1000.0, 15.0, 13.8},
                                   {"fill_scale", 0.01, 1000.0, 20.9, 0.0365},
                                   {"node_share", 0.1, 1.0, 1.0, 0.773},
                                   {"sharpness", 1.0, 8.0, 2.32, 3.57}},
                                  node_time,
                                  kDefaultSms};
  return law;
}

const ExchangeLaw& deepep_internode_law() {
  static const ExchangeLaw law = {"deepep_internode",
                                  kSource,
                                  {{"latency_s", 1e-6, 2e-4, 26.2e-6, 57.3e-6},
                                   {"node_s", 1e-7, 1e-4, 15.5e-6, 13.8e-6},
                                   {"token_byte_s", 1e-14, 1e-8, 218e-12, 271e-12},
                                   {"copy_byte_s", 1e-14, 1e-8, 36.0e-12, 46.9e-12},
                                   {"fill_tokens", 0.01, 1000.0, 18.5, 25.3},
                                   {"fill_scale", 0.05, 1000.0, 21.9, 40.0},
                                   {"network_share", 0.2, 1.0, 0.943, 0.998},
                                   {"sharpness", 1.0, 8.0, 5.99, 6.57},
                                   {"node_share", 0.1, 1.0, 1.0, 0.773}},
                                  internode_time,
                                  kDefaultSms};
  return law;
}

namespace {

// A channel's ring of chunks for every rank of the node, and on several nodes one to and one from each; scales and the
// gate's weights have room for 128 a token (deepseek-ai/DeepEP csrc/config.hpp, get_*_buffer_size_hint, with the
// chunks of deep_ep/buffer.py, get_dispatch_config).
Bytes buffers(const ExchangeShape& shape) {
  constexpr double kMeta = 8.0, kGate = 128.0 * 12.0, kScales = 128.0 * 4.0, kNetworkTokens = 128.0;
  constexpr std::array<std::pair<int, double>, 4> kNodeTokens{{{8, 256.0}, {64, 288.0}, {96, 480.0}, {128, 560.0}}};
  constexpr double kMostNodeTokens = 720.0;
  const auto* known =
      std::find_if(kNodeTokens.begin(), kNodeTokens.end(), [&](const auto& one) { return shape.ranks <= one.first; });
  const double node_tokens = known == kNodeTokens.end() ? kMostNodeTokens : known->second;
  const double channels = sms_of(shape) / static_cast<double>(kSmsPerChannel);
  const Bytes row{2.0 * static_cast<double>(shape.hidden) + kMeta + kGate + kScales};
  const Bytes node = row * (channels * node_tokens * shape.ranks / shape.nodes);
  return shape.nodes == 1 ? node : node + row * (2.0 * channels * kNetworkTokens * shape.nodes);
}

ExchangePrice price(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  const ExchangeLaw& law = shape.nodes > 1 ? deepep_internode_law() : deepep_normal_law();
  ExchangePrice out = price_by_law(law, shape, phase, site, bytes_of(shape, phase));
  out.sms = sms_of(shape);
  return out;
}

ExchangeCollective collective(const ExchangeShape& shape, ExchangePhase phase) {
  return sparse_collective(shape, phase, shape.nodes > 1 ? node_reach(shape) : rank_reach(shape));
}

std::string refuses(const ExchangeShape& shape, const hardware::Site& site) {
  if (shape.sms % kSmsPerChannel != 0) {
    return fmt::format("sends and receives with SMs in pairs: {} is odd", shape.sms);
  }
  return needs_nvlink(shape, site);
}

}  // namespace

ExchangeRow deepep_normal_row() {
  ExchangeRow row;
  row.name = "deepep_normal";
  row.equation = "L + F c (1 − e^(−x/x0)) + ((x c)^q + W^q)^(1/q), x = 2 tokens/SMs, W once per rank and node";
  row.source = "deepseek-ai/DeepEP csrc/kernels/intranode.cu, internode.cu";
  row.takes_sms = row.limits_nodes = true;
  row.refuses = refuses, row.price = price, row.collective = collective, row.buffers = buffers;
  return row;
}

}  // namespace orrery::models
