// TensorRT-LLM's all-to-all of a mixture of experts inside one domain of NVLink (an NVL72 rack).
//
//   T = L + Ld log2 n + ((tokens c)^q + W^q)^(1/q) · tokens / (tokens + h)
//   c = t0 + t1 b + R c0,   W = tokens R (1 − 1/n) b / (share · NVLink)
//
// R ranks that a token reaches, each sent one copy; the first h tokens hide behind the latency. Two-sided kernels
// (senders write into a ring of the receiver's, which copies on) first prepare: ranks count what they will get. One-
// sided ones write where the expert reads.
//
// Source: NVIDIA/TensorRT-LLM cpp/tensorrt_llm/kernels/{fusedMoeCommKernels,moePrepareKernels}.cu and
// communicationKernels/moeAlltoAllKernels.cu.
// Limitations: fitted on GB200 with balanced gating, hidden 7168, k = 8 of 256 experts; one-sided in nvfp4 alone.
#include <cmath>

#include "models/experts/law.hpp"
#include "models/experts/reach.hpp"

namespace orrery::models {
namespace {

constexpr std::string_view kSource =
    "fitted on 2 to 64 GB200 of an NVL72: NVIDIA AIConfigurator @095f58a5, trtllm_alltoall (TensorRT-LLM 1.3.0rc20)";

ExchangeBytes bytes_of(const ExchangeShape& shape, ExchangePhase phase) {
  const double rows = static_cast<double>(shape.tokens) * shape.imbalance * rank_reach(shape);
  return {row_bytes(shape, phase) * (rows * (1.0 - 1.0 / shape.ranks)), {}};
}

ExchangeTime time_of(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site,
                     const std::vector<double>& k) {
  const double tokens = static_cast<double>(shape.tokens) * shape.imbalance;
  const double b = row_bytes(shape, phase).value();
  ExchangeTime out;
  out.latency = Seconds{k[0] + k[1] * std::log2(shape.ranks)};
  out.kernel = Seconds{tokens * (k[2] + k[3] * b + rank_reach(shape) * k[4])};
  out.node = bytes_of(shape, phase).node / (site.node_bandwidth_per_gpu() * k[6]);
  out.sharpness = k[7];
  out.shown = tokens / (tokens + k[5]);
  return out;
}

// Numbers of tokens are all that is sent: every rank counts its own.
ExchangeTime prepare_time(const ExchangeShape& shape, ExchangePhase, const hardware::Site&,
                          const std::vector<double>& k) {
  ExchangeTime out;
  out.latency = Seconds{k[0] + k[1] * std::log2(shape.ranks)};
  out.kernel = Seconds{static_cast<double>(shape.tokens) * k[2]};
  return out;
}

}  // namespace

const ExchangeLaw& nvlink_two_sided_law() {
  static const ExchangeLaw law = {"nvlink_two_sided",
                                  kSource,
                                  {{"latency_s", 1e-6, 1e-4, 9.5e-6, 10.7e-6},
                                   {"doubling_s", 1e-9, 1e-5, 0.74e-6, 1.09e-6},
                                   {"token_s", 1e-11, 1e-6, 30.4e-9, 18.2e-9},
                                   {"token_byte_s", 1e-15, 1e-9, 0.98e-12, 4.2e-12},
                                   {"copy_s", 1e-12, 1e-6, 1.6e-9, 1e-12},
                                   {"hidden_tokens", 0.1, 1e4, 0.1, 11.6},
                                   {"node_share", 0.1, 1.0, 0.648, 0.596},
                                   {"sharpness", 1.0, 8.0, 2.56, 2.2}},
                                  time_of};
  return law;
}

const ExchangeLaw& nvlink_prepare_law() {
  static const ExchangeLaw law = {"nvlink_two_sided",
                                  kSource,
                                  {{"latency_s", 1e-6, 1e-4, 11.0e-6, 0.0},
                                   {"doubling_s", 1e-9, 1e-5, 0.68e-6, 0.0},
                                   {"token_s", 1e-11, 1e-6, 6.6e-9, 0.0}},
                                  prepare_time};
  return law;
}

const ExchangeLaw& nvlink_one_sided_law() {
  static const ExchangeLaw law = {"nvlink_one_sided",
                                  kSource,
                                  {{"latency_s", 1e-6, 1e-4, 12.1e-6, 11.8e-6},
                                   {"doubling_s", 1e-9, 1e-5, 1.83e-6, 4.31e-6},
                                   {"token_s", 1e-11, 1e-6, 6.6e-9, 1e-11},
                                   {"token_byte_s", 1e-15, 1e-9, 1.04e-12, 1e-15},
                                   {"copy_s", 1e-12, 1e-6, 1e-12, 25e-12},
                                   {"hidden_tokens", 0.1, 1e4, 31.1, 61.3},
                                   {"node_share", 0.1, 1.0, 0.718, 0.723},
                                   {"sharpness", 1.0, 8.0, 8.0, 5.6}},
                                  time_of};
  return law;
}

namespace {

ExchangePrice price_two_sided(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  const ExchangeLaw& law = phase == ExchangePhase::prepare ? nvlink_prepare_law() : nvlink_two_sided_law();
  return price_by_law(law, shape, phase, site, bytes_of(shape, phase));
}

ExchangePrice price_one_sided(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  return price_by_law(nvlink_one_sided_law(), shape, phase, site, bytes_of(shape, phase));
}

ExchangeCollective collective(const ExchangeShape& shape, ExchangePhase phase) {
  return sparse_collective(shape, phase, rank_reach(shape));
}

}  // namespace

ExchangeRow nvlink_two_sided_row() {
  ExchangeRow row;
  row.name = "nvlink_two_sided";
  row.equation = "L + Ld log2 n + ((tokens c)^q + (tokens R b/NVLink)^q)^(1/q), after a prepare";
  row.source = "NVIDIA/TensorRT-LLM cpp/tensorrt_llm/kernels/fusedMoeCommKernels.cu";
  row.has_prepare = true;
  row.refuses = needs_one_domain, row.price = price_two_sided, row.collective = collective;
  return row;
}

ExchangeRow nvlink_one_sided_row() {
  ExchangeRow row;
  row.name = "nvlink_one_sided";
  row.equation = "L + Ld log2 n + ((tokens c)^q + (tokens R b/NVLink)^q)^(1/q)";
  row.source = "NVIDIA/TensorRT-LLM cpp/tensorrt_llm/kernels/communicationKernels/moeAlltoAllKernels.cu";
  row.refuses = needs_one_domain, row.price = price_one_sided, row.collective = collective;
  return row;
}

}  // namespace orrery::models
