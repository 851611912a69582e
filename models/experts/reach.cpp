#include "models/experts/reach.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sim/collective/constants.hpp"
#include "sim/collective/exchange_bound.hpp"

namespace orrery::models {
namespace {

double reach(const ExchangeShape& shape, double groups_of_node) {
  const double nodes = shape.nodes;
  const double open = shape.group_limit > 0 ? std::min<double>(shape.group_limit, nodes) : nodes;
  const double groups = open * groups_of_node;
  if (shape.gating == Gating::balanced) return std::min(groups, static_cast<double>(shape.topk));
  return distinct_groups(groups, static_cast<double>(shape.experts) * open / nodes, shape.topk);
}

}  // namespace

double distinct_groups(double groups, double experts, std::int64_t topk) {
  double missed = 1.0;  // the chance that none of the k lies in one group
  const double others = experts - experts / groups;
  for (std::int64_t i = 0; i < topk; ++i) {
    const auto taken = static_cast<double>(i);
    missed *= std::max(0.0, others - taken) / (experts - taken);
  }
  return groups * (1.0 - missed);
}

double rank_reach(const ExchangeShape& shape) { return reach(shape, static_cast<double>(shape.ranks) / shape.nodes); }

double node_reach(const ExchangeShape& shape) { return reach(shape, 1.0); }

Bytes row_bytes(std::int64_t hidden, Dtype dtype) {
  const auto values = static_cast<double>(hidden);
  constexpr double kValuesPerScale = 128.0, kScale = 4.0;
  if (dtype == Dtype::fp8_block) return Bytes{values * (1.0 + kScale / kValuesPerScale)};
  return values * element_size(dtype);
}

Bytes row_bytes(const ExchangeShape& shape, ExchangePhase phase) {
  if (phase == ExchangePhase::prepare) return {};
  return row_bytes(shape.hidden, phase == ExchangePhase::dispatch ? shape.dispatch : shape.combine);
}

ExchangeCollective sparse_collective(const ExchangeShape& shape, ExchangePhase phase, double copies) {
  const bool out = phase == ExchangePhase::dispatch;
  ExchangeCollective call;
  call.kind = out ? sim::CollectiveKind::all_to_all : sim::CollectiveKind::reduce_scatter;
  call.bytes = row_bytes(shape, phase) * (static_cast<double>(shape.tokens) * shape.imbalance * copies);
  call.dtype = out ? shape.dispatch : shape.combine;
  call.library = sim::CollectiveLibrary::sparse_exchange;
  return call;
}

BytesPerSecond network_rate(const ExchangeShape& shape, const hardware::Site& site, double share) {
  const BytesPerSecond own = site.network_bandwidth_per_gpu() * share;
  const double filled = sim::exchange_bound(shape.ranks, shape.nodes, site).filled;
  if (!(filled > 0.0)) return own;
  // Sustained of the cards and of the links above them alike: on one node nothing is over-subscribed.
  return min(own, sim::timing_constants(site, site.gpus_per_node(), 1).network_per_rank / filled);
}

std::string needs_nvlink(const ExchangeShape& shape, const hardware::Site& site) {
  if (shape.nodes > 1 && !(site.network_bandwidth_per_gpu().value() > 0.0)) {
    return fmt::format("leaves the node, and {} has no network card", site.node.name);
  }
  if (site.has_nvlink()) return {};
  return fmt::format("needs NVLink between all GPUs of a node, which {} does not have", site.node.name);
}

std::string needs_one_domain(const ExchangeShape& shape, const hardware::Site& site) {
  if (!site.has_nvlink() || shape.nodes == 1) return needs_nvlink(shape, site);
  return fmt::format("stays in one domain of NVLink, {} ranks are on {}", shape.ranks, shape.nodes);
}

}  // namespace orrery::models
