// Megatron-LM's token dispatchers over NCCL.
//
//   all_gather   every rank gets all tokens (all_gather), adds up what its experts make of them (reduce_scatter)
//   all_to_all   tokens are permuted by expert and sent once per expert (all_to_all), and back
//
// all_to_all waits for the most loaded rank: its buffer is the mean's times the imbalance; what all_gather moves does
// not depend on where the experts are, but a rank holds all tokens: gathered, in a buffer that every layer uses
// (use_global_buffer), and as many sums of its experts' results until they are reduced. Megatron's `flex` dispatcher
// hands both phases to DeepEP's normal kernels.
//
// Source: NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py.
#include "models/experts/reach.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::models {
namespace {

std::string anywhere(const ExchangeShape&, const hardware::Site&) { return {}; }

ExchangeCollective gathered(const ExchangeShape& shape, ExchangePhase phase) {
  const bool out = phase == ExchangePhase::dispatch;
  ExchangeCollective call;
  call.kind = out ? sim::CollectiveKind::all_gather : sim::CollectiveKind::reduce_scatter;
  call.bytes = row_bytes(shape, phase) * (static_cast<double>(shape.tokens) * shape.ranks);
  call.dtype = out ? shape.dispatch : shape.combine;
  return call;
}

ExchangeCollective sent(const ExchangeShape& shape, ExchangePhase phase) {
  ExchangeCollective call;
  call.bytes = row_bytes(shape, phase) * (static_cast<double>(shape.tokens * shape.topk) * shape.imbalance);
  call.dtype = phase == ExchangePhase::dispatch ? shape.dispatch : shape.combine;
  return call;
}

Bytes gathered_buffers(const ExchangeShape& shape) {
  return gathered(shape, ExchangePhase::dispatch).bytes + gathered(shape, ExchangePhase::combine).bytes;
}

ExchangePrice price_by_nccl(const ExchangeCollective& one, const ExchangeShape& shape, const hardware::Site& site) {
  sim::CollectiveCall call{one.kind, one.bytes, shape.ranks, shape.nodes};
  call.dtype = one.dtype;
  const sim::CollectiveEstimate estimate = sim::explain_collective(call, site);
  ExchangePrice out;
  out.time = estimate.time;
  out.sms = estimate.channels;
  out.provenance = estimate.provenance;
  out.extrapolated = estimate.extrapolated;
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

ExchangePrice price_gathered(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  return price_by_nccl(gathered(shape, phase), shape, site);
}

ExchangePrice price_sent(const ExchangeShape& shape, ExchangePhase phase, const hardware::Site& site) {
  if (phase == ExchangePhase::prepare) return {};
  return price_by_nccl(sent(shape, phase), shape, site);
}

}  // namespace

ExchangeRow all_gather_row() {
  ExchangeRow row;
  row.name = "all_gather";
  row.equation = "all_gather(tokens n b), reduce_scatter(tokens n b)";
  row.source = "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEAllGatherTokenDispatcher";
  row.is_of_nccl = true;
  row.refuses = anywhere, row.price = price_gathered, row.collective = gathered, row.buffers = gathered_buffers;
  return row;
}

ExchangeRow all_to_all_row() {
  ExchangeRow row;
  row.name = "all_to_all";
  row.equation = "all_to_all(tokens k b · imbalance), and back";
  row.source = "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEAlltoAllTokenDispatcher";
  row.is_of_nccl = true;
  row.refuses = anywhere, row.price = price_sent, row.collective = sent;
  return row;
}

ExchangeRow flex_row() {
  ExchangeRow row = deepep_normal_row();
  row.name = "flex";
  row.equation = "deepep_normal";
  row.source = "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEFlexTokenDispatcher on DeepEP";
  return row;
}

}  // namespace orrery::models
