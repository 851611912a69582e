// What the trees of an Explanation are built from (explanation.hpp), and the parts of it by concept.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/explanation.hpp"

namespace orrery::scenarios {

/// What a figure is explained from.
struct Explained {
  const Report& report;
  const std::vector<CostedEntry>& entries;     ///< of a training step
  const std::vector<TypicalStep>& iterations;  ///< of a serving engine
  bool own_price = false;                      ///< of a GPU hour: the scenario's, not the profile's
};

/// A metric of the report with its value, unit and equation, without parts. Works for stages too.
[[nodiscard]] ExplainNode metric_node(const Report& report, const std::string& metric);
/// A figure that is no metric; "computed" where no level is given.
[[nodiscard]] ExplainNode figure(std::string title, double value, Unit unit, std::string equation = "");
/// A fact of a profile or a document.
[[nodiscard]] ExplainNode fact(std::string title, double value, Unit unit, std::string level, std::string source);
/// A key of the scenario: "asserted", since it is whoever wrote it that says so.
[[nodiscard]] ExplainNode asserted(const std::string& key, double value, Unit unit = Unit::count);
/// What the sum of `node`'s parts lacks, as a last part; then the parts add up. Left out where it is only rounding.
void add_rest(ExplainNode& node, std::string title, std::string equation);

/// Where a profile says that a fact of the GPU is printed.
[[nodiscard]] std::string source_of(const hardware::Gpu& gpu, const std::string& key);
/// runs x time of one, with the terms of the one.
[[nodiscard]] ExplainNode entry_node(const CostedEntry& entry, const hardware::Gpu& gpu);
/// Entries that `wanted` takes, in their order, and their sum.
template <class Wanted>
[[nodiscard]] ExplainNode entries_node(std::string title, const std::vector<CostedEntry>& entries,
                                       const hardware::Gpu& gpu, Wanted&& wanted) {
  ExplainNode node = figure(std::move(title), 0.0, Unit::seconds, "sum of runs x time of one");
  node.sums = true;
  for (const CostedEntry& entry : entries) {
    if (!wanted(entry)) continue;
    node.value += entry.total().value();
    node.parts.push_back(entry_node(entry, gpu));
  }
  return node;
}

/// The scenario gives a price of a GPU hour other than the profile's.
[[nodiscard]] bool has_own_price(const hardware::Gpu& gpu);

/// The tree of a metric that is of that concept; nullopt: it is of another.
[[nodiscard]] std::optional<ExplainNode> explain_training(const Explained& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_memory(const Explained& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_serving(const Explained& explained, const std::string& metric);
[[nodiscard]] std::optional<ExplainNode> explain_cost(const Explained& explained, const std::string& metric);

}  // namespace orrery::scenarios
