// Where the cost comes from: GPU hours times the price of one, over the tokens of the basis.

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/explanation_nodes.hpp"

namespace orrery::scenarios {

namespace {

/// The profile's list price, unless the scenario has one of its own.
ExplainNode price_node(const hardware::Gpu& gpu, bool own_price) {
  return own_price
             ? fact("price of one GPU hour", gpu.price.value(), Unit::dollars, "asserted",
                    "cluster.price of the scenario")
             : fact("price of one GPU hour", gpu.price.value(), Unit::dollars, "published", source_of(gpu, "price"));
}

ExplainNode dollars(const JobView& view, const CostParts& parts) {
  ExplainNode node = metric_node(view, "cost.usd");
  node.parts = {parts.hours(), price_node(view.scenario().cluster.gpu, parts.own_price)};
  return node;
}

}  // namespace

bool has_own_price(const hardware::Gpu& gpu) {
  try {
    return hardware::load_gpu(gpu.name).price != gpu.price;
  } catch (const hardware::ConfigError&) {
    return true;  // a profile that is gone can't be compared with: then the figure is the scenario's
  }
}

std::optional<ExplainNode> explain_cost(const JobView& view, const CostParts& parts, const std::string& metric) {
  if (metric == "cost.gpu_hours") return parts.hours();
  if (metric == "cost.usd") return dollars(view, parts);
  const bool output_only = metric == "cost.usd_per_million_output_tokens";
  if (!output_only && metric != "cost.usd_per_million_tokens") return std::nullopt;
  ExplainNode node = metric_node(view, metric);
  node.parts = {dollars(view, parts), parts.tokens(output_only)};
  return node;
}

}  // namespace orrery::scenarios
