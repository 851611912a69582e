// The table of expert exchanges. n ranks on N nodes, k experts of a token, b bytes of a row.
#include <algorithm>

#include <fmt/format.h>

#include "models/experts/reach.hpp"

namespace orrery::models {
namespace {

std::string anywhere(const ExchangeShape&, const hardware::Site&) { return {}; }

std::string with_nvlink(const ExchangeShape& shape, const hardware::Site& site) {
  if (shape.nodes > 1 && !(site.network_bandwidth_per_gpu().value() > 0.0)) {
    return fmt::format("leaves the node, and {} has no network card", site.node.name);
  }
  if (site.has_nvlink()) return {};
  return fmt::format("needs NVLink between all GPUs of a node, which {} does not have", site.node.name);
}

std::string in_one_domain(const ExchangeShape& shape, const hardware::Site& site) {
  if (!site.has_nvlink() || shape.nodes == 1) return with_nvlink(shape, site);
  return fmt::format("stays in one domain of NVLink, {} ranks are on {}", shape.ranks, shape.nodes);
}

}  // namespace

std::string_view name(ExchangePhase phase) {
  switch (phase) {
    case ExchangePhase::prepare:
      return "prepare";
    case ExchangePhase::dispatch:
      return "dispatch";
    case ExchangePhase::combine:
      return "combine";
  }
  return "";
}

std::string check(const ExchangeShape& shape) {
  if (shape.tokens < 1 || shape.hidden < 1) return "an exchange needs a token and a width";
  if (shape.topk < 1 || shape.topk > shape.experts) {
    return fmt::format("an exchange can't pick {} of {} experts", shape.topk, shape.experts);
  }
  if (shape.nodes < 1 || shape.ranks < shape.nodes || shape.ranks % shape.nodes != 0) {
    return fmt::format("{} ranks can't be dealt evenly to {} nodes", shape.ranks, shape.nodes);
  }
  if (shape.experts < shape.ranks) {
    return fmt::format("{} experts leave some of {} ranks without one", shape.experts, shape.ranks);
  }
  if (!(shape.imbalance >= 1.0)) return "the most loaded rank gets the mean at least: imbalance must be 1 or more";
  if (shape.group_limit < 0) return "a group limit is a number of nodes";
  if (shape.group_limit > 0 && shape.topk * shape.nodes > shape.experts * shape.group_limit) {
    return fmt::format("{} experts don't fit on {} of {} nodes", shape.topk, shape.group_limit, shape.nodes);
  }
  return {};
}

const std::vector<ExchangeRow>& expert_exchanges() {
  static const std::vector<ExchangeRow> rows = {
      {"all_gather", "all_gather(tokens n b), reduce_scatter(tokens n b)",
       "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEAllGatherTokenDispatcher", false, true,
       anywhere, price_all_gather},
      {"all_to_all", "all_to_all(tokens k b · imbalance), and back",
       "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEAlltoAllTokenDispatcher", false, true,
       anywhere, price_all_to_all},
      {"flex", "deepep_normal",
       "NVIDIA/Megatron-LM megatron/core/transformer/moe/token_dispatcher.py, MoEFlexTokenDispatcher on DeepEP", false,
       false, with_nvlink, price_deepep_normal},
      {"deepep_normal", "L + F c (1 − e^(−x/x0)) + ((x c)^q + W^q)^(1/q), x = 2 tokens/SMs, W once per rank and node",
       "deepseek-ai/DeepEP csrc/kernels/intranode.cu, internode.cu", false, false, with_nvlink, price_deepep_normal},
      {"deepep_low_latency", "L + e log2 G + f b + (waves^q + (tokens k b/NVLink)^q + (tokens k b/NIC)^q)^(1/q)",
       "deepseek-ai/DeepEP csrc/kernels/internode_ll.cu", false, false, with_nvlink, price_deepep_low_latency},
      {"nvlink_two_sided", "L + Ld log2 n + ((tokens c)^q + (tokens R b/NVLink)^q)^(1/q), after a prepare",
       "NVIDIA/TensorRT-LLM cpp/tensorrt_llm/kernels/fusedMoeCommKernels.cu", true, false, in_one_domain,
       price_nvlink_two_sided},
      {"nvlink_one_sided", "L + Ld log2 n + ((tokens c)^q + (tokens R b/NVLink)^q)^(1/q)",
       "NVIDIA/TensorRT-LLM cpp/tensorrt_llm/kernels/communicationKernels/moeAlltoAllKernels.cu", false, false,
       in_one_domain, price_nvlink_one_sided},
  };
  return rows;
}

const ExchangeRow* find_expert_exchange(std::string_view name) {
  const auto& rows = expert_exchanges();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ExchangeRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

namespace {

// Of a token's row that leave its rank: on several nodes those between them, which the network carries.
double copies(const ExchangeRow& row, const ExchangeShape& shape) {
  if (row.price == price_deepep_low_latency) return static_cast<double>(shape.topk);
  return shape.nodes > 1 ? node_reach(shape) : rank_reach(shape);
}

}  // namespace

ExchangeCollective exchange_collective(const ExchangeRow& row, const ExchangeShape& shape, ExchangePhase phase) {
  const bool out = phase == ExchangePhase::dispatch;
  const auto tokens = static_cast<double>(shape.tokens);
  const Bytes sent = row_bytes(shape, phase);
  ExchangeCollective call;
  call.dtype = out ? shape.dispatch : shape.combine;
  if (!row.is_of_nccl) {
    call.library = sim::CollectiveLibrary::sparse_exchange;
    call.kind = out ? sim::CollectiveKind::all_to_all : sim::CollectiveKind::reduce_scatter;
    call.bytes = sent * (tokens * shape.imbalance * copies(row, shape));
  } else if (row.price == price_all_gather) {
    call.kind = out ? sim::CollectiveKind::all_gather : sim::CollectiveKind::reduce_scatter;
    call.bytes = sent * (tokens * shape.ranks);
  } else {
    call.bytes = sent * (tokens * shape.imbalance * static_cast<double>(shape.topk));
  }
  return call;
}

Seconds exchange_time(const ExchangeRow& row, const ExchangeShape& shape, const hardware::Site& site) {
  Seconds time = row.price(shape, ExchangePhase::dispatch, site).time;
  time += row.price(shape, ExchangePhase::combine, site).time;
  if (row.has_prepare) time += row.price(shape, ExchangePhase::prepare, site).time;
  return time;
}

}  // namespace orrery::models
