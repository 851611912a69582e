// Where the cost comes from: GPU hours times the price of one, over the tokens of the basis.

#include <fmt/format.h>

#include "scenarios/explanation_nodes.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

/// The scenario's, not the profile's.
bool is_own_price(const hardware::Gpu& gpu) {
  const auto source = gpu.sources.find("price");
  return source != gpu.sources.end() && source->second == kScenarioPrice;
}

/// The profile's list price, unless the scenario has one of its own under `key`.
ExplainNode price_of(std::string title, const hardware::Gpu& gpu, const char* key) {
  return is_own_price(gpu)
             ? fact(std::move(title), gpu.price.value(), Unit::dollars, "asserted",
                    fmt::format("{} of the scenario", key))
             : fact(std::move(title), gpu.price.value(), Unit::dollars, "published", source_of(gpu, "price"));
}

ExplainNode price_node(const JobView& view) {
  const std::vector<const hardware::NodeGroup*> groups = view.groups();
  if (groups.size() == 1) return price_of("price of one GPU hour", groups.front()->gpu, "cluster.price");
  const DollarsPerHour mean = mean_price(view.scenario().cluster, view.job.kind->occupied(*view.job.spec));
  ExplainNode node = figure("price of one GPU hour", mean.value(), Unit::dollars, "mean over the job's GPUs");
  for (const hardware::NodeGroup* group : groups) {
    node.parts.push_back(price_of(group->gpu.name, group->gpu, "price of the node group"));
  }
  return node;
}

ExplainNode dollars(const JobView& view, const CostParts& parts) {
  ExplainNode node = metric_node(view, "cost.usd");
  node.parts = {parts.hours(), price_node(view)};
  return node;
}

}  // namespace

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
