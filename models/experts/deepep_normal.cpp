// DeepEP's normal kernels: a token goes once to every rank, and over the network once to every node, that it has
// experts on; NVLink forwards it there. SMs copy it, half of them sending and half receiving: a channel is two SMs.
//
//   x = tokens · imbalance / channels
//   one node      c = t0 + t1 b + R (c0 + c1 b)          W = tokens · R (1 − 1/n) b / (share · NVLink)
//   several       c = b (t1 + Rn c1)                     W = tokens · Rn b / (share · NIC)
//   T = L + F c (1 − e^(−x/x0)) + ((x c)^q + W^q)^(1/q)
//
// b bytes of a row, R ranks and Rn other nodes that a token reaches, c what one row costs a channel, F c the pipeline's
// fill. Between nodes L grows with their number: every node tells every other what it will send.
//
// Source: deepseek-ai/DeepEP csrc/kernels/{intranode,internode}.cu, deep_ep/buffer.py (Buffer.num_sms = 20).
// Limitations: between nodes fitted on 2 and 4 nodes of 8 H100 and one model; NVLink's forwarding is in c there.
#include <cmath>

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
  out.network = bytes_of(shape, phase).network / (site.network_bandwidth_per_gpu() * k[6]);
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
                                  node_time};
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
                                   {"sharpness", 1.0, 8.0, 5.99, 6.57}},
                                  internode_time};
  return law;
}

ExchangePrice price_deepep_normal(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  const ExchangeLaw& law = shape.nodes > 1 ? deepep_internode_law() : deepep_normal_law();
  ExchangePrice out = price_by_law(law, shape, phase, site, bytes_of(shape, phase));
  out.sms = sms_of(shape);
  return out;
}

}  // namespace orrery::models
