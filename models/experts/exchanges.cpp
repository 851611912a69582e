// The table of expert exchanges.
#include <algorithm>

#include <fmt/format.h>

#include "models/experts/exchange.hpp"

namespace orrery::models {

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

double most_imbalance(const ExchangeShape& shape) {
  const double ranks = shape.ranks, topk = static_cast<double>(shape.topk);
  return ranks * std::min(topk, static_cast<double>(shape.experts) / ranks) / topk;
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
  if (shape.imbalance > most_imbalance(shape)) {
    return fmt::format(
        "the most loaded of {} ranks gets {:g} times the mean at most, all tokens: not an imbalance of {:g}",
        shape.ranks, most_imbalance(shape), shape.imbalance);
  }
  if (shape.group_limit < 0) return "a group limit is a number of nodes";
  if (shape.group_limit > 0 && shape.topk * shape.nodes > shape.experts * shape.group_limit) {
    return fmt::format("{} experts don't fit on {} of {} nodes", shape.topk, shape.group_limit, shape.nodes);
  }
  return {};
}

const std::vector<ExchangeRow>& expert_exchanges() {
  static const std::vector<ExchangeRow> rows = {all_gather_row(),      all_to_all_row(),         flex_row(),
                                                deepep_normal_row(),   deepep_low_latency_row(), nvlink_two_sided_row(),
                                                nvlink_one_sided_row()};
  return rows;
}

const ExchangeRow* find_expert_exchange(std::string_view name) {
  const auto& rows = expert_exchanges();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ExchangeRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

Seconds exchange_time(const ExchangeRow& row, const ExchangeShape& shape, const hardware::Site& site) {
  Seconds time = row.price(shape, ExchangePhase::dispatch, site).time;
  time += row.price(shape, ExchangePhase::combine, site).time;
  if (row.has_prepare) time += row.price(shape, ExchangePhase::prepare, site).time;
  return time;
}

}  // namespace orrery::models
