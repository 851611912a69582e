#include "scenarios/explanation_nodes.hpp"

#include <cmath>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

constexpr double kRounding = 1e-12;

}  // namespace

ExplainNode metric_node(const JobView& view, const std::string& metric) {
  ExplainNode node;
  node.title = metric;
  const std::optional<double> value = view.find_metric(metric);
  if (!value) {
    node.equation = "the report has no such figure";
    return node;
  }
  node.value = *value;
  node.has_value = true;
  const std::optional<MetricRow> row = find_metric_row(metric);
  node.unit = row ? row->unit : Unit::number;
  if (row) node.equation = std::string(row->equation);
  node.level = "computed";
  return node;
}

ExplainNode figure(std::string title, double value, Unit unit, std::string equation) {
  ExplainNode node;
  node.title = std::move(title);
  node.value = value;
  node.unit = unit;
  node.has_value = true;
  node.equation = std::move(equation);
  node.level = "computed";
  return node;
}

ExplainNode fact(std::string title, double value, Unit unit, std::string level, std::string source) {
  ExplainNode node = figure(std::move(title), value, unit);
  node.level = std::move(level);
  node.source = std::move(source);
  return node;
}

ExplainNode asserted(const std::string& key, double value, Unit unit) {
  return fact(key, value, unit, "asserted", "the scenario, or the default of this key");
}

void add_rest(ExplainNode& node, std::string title, std::string equation) {
  double sum = 0.0, largest = std::fabs(node.value);
  for (const ExplainNode& part : node.parts) {
    sum += part.value;
    largest = std::max(largest, std::fabs(part.value));
  }
  const double rest = node.value - sum;
  if (std::fabs(rest) > kRounding * largest) {
    node.parts.push_back(figure(std::move(title), rest, node.unit, std::move(equation)));
  }
  node.sums = true;
}

std::string source_of(const hardware::Gpu& gpu, const std::string& key) {
  for (const std::string& name : {key, std::string("default")}) {
    const auto found = gpu.sources.find(name);
    if (found != gpu.sources.end()) return found->second;
  }
  return "profile of " + gpu.name;
}

ExplainNode gpu_fact(std::string title, const hardware::Gpu& gpu, const std::string& key, double value, Unit unit) {
  std::string source = source_of(gpu, key);
  const bool changed = source.rfind(kChangedByScenario, 0) == 0;
  return fact(std::move(title), value, unit, changed ? "asserted" : "datasheet", std::move(source));
}

ExplainNode entry_node(const CostedEntry& entry, const hardware::Cluster& cluster) {
  const kernels::Estimate& estimate = entry.estimate;
  ExplainNode node =
      figure(fmt::format("{} x {} ({})", shortest(entry.runs), entry.what, entry.activity), entry.total().value(),
             Unit::seconds,
             fmt::format("{} x {}{}", shortest(entry.runs), readable(estimate.time.value(), Unit::seconds),
                         entry.algorithm.empty() ? "" : ", " + entry.way()));
  node.level = std::string(kernels::name(estimate.provenance));
  const hardware::Fit* fit = cluster.groups[entry.group].gpu.find_fit(estimate.fit_key);
  if (fit != nullptr) {
    node.source = fmt::format("fit {}: {}", fit->key, fit->source);
  } else if (!estimate.fit_key.empty()) {
    node.source = "fit " + estimate.fit_key;
  } else {
    node.source = "facts of the GPU, node and fabric profiles";
  }
  for (const std::string& operation : entry.operations) {
    node.operations.push_back(fmt::format("{}: {}", entry.activity, operation));
  }
  for (const kernels::Term& term : estimate.terms) {
    ExplainNode part = figure(term.name, term.time.value(), Unit::seconds, term.equation);
    // Beside what was fitted stand the bounds by the profile's facts.
    const bool bound = fit != nullptr && term.source.find(fit->source) == std::string::npos;
    part.level = bound ? "datasheet" : node.level;
    part.source = term.source;
    node.parts.push_back(std::move(part));
  }
  if (!entry.bound.link_class.empty()) {
    node.equation +=
        fmt::format(", bound by {} at {:.1f} GB/s", entry.bound.link_class, entry.bound.bandwidth.value() / 1e9);
  }
  if (entry.load.node > Bytes{} || entry.load.network > Bytes{}) {
    node.equation +=
        fmt::format(", {} in the node and {} over cards of each GPU", readable(entry.load.node.value(), Unit::bytes),
                    readable(entry.load.network.value(), Unit::bytes));
  }
  if (entry.rounding_depth > 0) node.equation += fmt::format(", {} roundings in a row", entry.rounding_depth);
  if (!entry.extrapolated.empty()) node.equation += "; extrapolated: " + entry.extrapolated;
  for (const HeldUpBy& held : entry.held_up) {
    node.equation += fmt::format("; held up {} more in each step by {}", readable(held.delay.value(), Unit::seconds),
                                 held.link_class);
  }
  return node;
}

}  // namespace orrery::scenarios
