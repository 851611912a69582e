// What the trees of an Explanation are built from (explanation.hpp), and the parts of it by concept.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/explanation.hpp"
#include "scenarios/provenance.hpp"

namespace orrery::scenarios {

/// A metric of the job with its value, unit and equation, without parts. Works for parts too.
[[nodiscard]] ExplainNode metric_node(const JobView& view, const std::string& metric);
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
/// A fact of the GPU's profile with its source; asserted where the scenario has changed it.
[[nodiscard]] ExplainNode gpu_fact(std::string title, const hardware::Gpu& gpu, const std::string& key, double value,
                                   Unit unit);
/// runs x time of one, with the terms of the one.
[[nodiscard]] ExplainNode entry_node(const CostedEntry& entry, const hardware::Cluster& cluster);
/// Entries that `wanted` takes, in their order, and their sum.
template <class Wanted>
[[nodiscard]] ExplainNode entries_node(std::string title, const std::vector<CostedEntry>& entries,
                                       const hardware::Cluster& cluster, Wanted&& wanted) {
  ExplainNode node = figure(std::move(title), 0.0, Unit::seconds, "sum of runs x time of one");
  node.sums = true;
  for (const CostedEntry& entry : entries) {
    if (!wanted(entry)) continue;
    node.value += entry.total().value();
    node.parts.push_back(entry_node(entry, cluster));
  }
  return node;
}

/// A figure of the cost section: GPU hours, the price of one, and the tokens that they paid for; nullopt for another.
struct CostParts {
  std::function<ExplainNode()> hours;                   ///< of "cost.gpu_hours"
  std::function<ExplainNode(bool output_only)> tokens;  ///< that the price is per million of
};
[[nodiscard]] std::optional<ExplainNode> explain_cost(const JobView& view, const CostParts& parts,
                                                      const std::string& metric);

/// Entries by time with their terms, as text; those that take next to nothing are summed.
void write_entries(std::ostream& out, std::string_view heading, const std::vector<CostedEntry>& entries);
[[nodiscard]] Json entries_json(const std::vector<CostedEntry>& entries);

}  // namespace orrery::scenarios
