#include "models/experts/reach.hpp"

#include <algorithm>

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
  if (dtype == Dtype::fp8 || dtype == Dtype::fp8_block) return Bytes{values * (1.0 + kScale / kValuesPerScale)};
  return values * element_size(dtype);
}

Bytes row_bytes(const ExchangeShape& shape, ExchangePhase phase) {
  if (phase == ExchangePhase::prepare) return {};
  return row_bytes(shape.hidden, phase == ExchangePhase::dispatch ? shape.dispatch : shape.combine);
}

}  // namespace orrery::models
