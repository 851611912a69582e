// Megatron-LM's token dispatchers over NCCL.
//
//   all_gather   every rank gets all tokens (all_gather), adds up what its experts make of them (reduce_scatter)
//   all_to_all   tokens are permuted by expert and sent once per expert (all_to_all), and back
//
// all_to_all waits for the most loaded rank: its buffer is the mean's times the imbalance; what all_gather moves does
// not depend on where the experts are. Megatron's `flex` dispatcher hands both phases to DeepEP's normal kernels.
//
// Source: NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py.
#include "models/experts/reach.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::models {
namespace {

ExchangePrice price_by_nccl(std::string_view name, const ExchangeShape& shape, ExchangePhase phase,
                            const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  const ExchangeCollective one = exchange_collective(*find_expert_exchange(name), shape, phase);
  sim::CollectiveCall call{one.kind, one.bytes, shape.ranks, shape.nodes};
  call.dtype = one.dtype;
  const sim::CollectiveEstimate estimate = sim::explain_collective(call, site);
  ExchangePrice out;
  out.time = estimate.time;
  out.sms = estimate.channels;
  out.provenance = estimate.provenance;
  out.fit_key = estimate.fit_key;
  out.terms = estimate.terms;
  const Bytes sent = one.bytes * sim::bus_factor(one.kind, shape.ranks);
  // Messages go to each peer; a ring leaves every node once.
  const double apart = shape.nodes > 1 ? static_cast<double>(shape.nodes) / shape.ranks : 0.0;
  const bool messages = one.kind == sim::CollectiveKind::all_to_all && shape.ranks > 1;
  out.network = sent * (messages ? (1.0 - 1.0 / shape.nodes) / (1.0 - 1.0 / shape.ranks) : apart);
  out.node = sent - out.network;
  return out;
}

}  // namespace

ExchangePrice price_all_gather(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  return price_by_nccl("all_gather", shape, phase, site);
}

ExchangePrice price_all_to_all(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  return price_by_nccl("all_to_all", shape, phase, site);
}

}  // namespace orrery::models
