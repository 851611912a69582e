// The priced entries of a plan or an iteration, in the text and in the JSON form of an explanation.

#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation_nodes.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

/// Kernels that together are below this share of all listed time are summed in the text.
constexpr double kLeastShare = 0.001;

std::string time_text(Seconds time) { return readable(time.value(), Unit::seconds); }

/// What a collective puts on its links and what bounds it, and what held it or a transfer up.
void write_links(std::ostream& out, const CostedEntry& entry) {
  if (!entry.bound.link_class.empty()) {
    out << fmt::format("              bound by {}: {} of each GPU at {:.1f} GB/s\n", entry.bound.link_class,
                       readable(entry.bound.bytes.value(), Unit::bytes), entry.bound.bandwidth.value() / 1e9);
  }
  if (entry.load.node > Bytes{} || entry.load.network > Bytes{}) {
    out << fmt::format("              bytes of each GPU: {} in the node, {} over cards",
                       readable(entry.load.node.value(), Unit::bytes),
                       readable(entry.load.network.value(), Unit::bytes));
    if (entry.rounding_depth > 0) out << fmt::format("; {} roundings one after the other", entry.rounding_depth);
    out << "\n";
  }
  if (!entry.extrapolated.empty()) out << fmt::format("              extrapolated: {}\n", entry.extrapolated);
  for (const HeldUpBy& held : entry.held_up) {
    out << fmt::format("              held up by {} of {:.1f} GB/s: {} more in each step, mean over GPUs\n",
                       held.link_class, held.capacity.value() / 1e9, time_text(held.delay));
  }
}

/// How often: half a time where only one of two kinds of rank takes it.
std::string runs_text(double runs) {
  return runs == std::floor(runs) ? fmt::format("{:.0f}", runs) : fmt::format("{:.3g}", runs);
}

}  // namespace

void write_entries(std::ostream& out, std::string_view heading, const std::vector<CostedEntry>& entries) {
  Seconds all;
  for (const CostedEntry& entry : entries) all += entry.total();
  Seconds rest;
  int left_out = 0;
  out << "\n" << heading << " (runs x time of one, how well it is known)\n";
  for (const CostedEntry& entry : entries) {
    // What sharing costs is told however little the work itself takes.
    if (entry.total() < kLeastShare * all && entry.held_up.empty()) {
      rest += entry.total();
      ++left_out;
      continue;
    }
    const kernels::Estimate& e = entry.estimate;
    out << fmt::format("  {:>10}  {} x {}  {} ({})  {}{}{}\n", time_text(entry.total()), runs_text(entry.runs),
                       time_text(e.time), entry.what, entry.activity, kernels::name(e.provenance),
                       e.fit_key.empty() ? "" : " fit " + e.fit_key, entry.algorithm.empty() ? "" : ", " + entry.way());
    for (const kernels::Term& term : e.terms) {
      out << fmt::format("              {:<10} {:>10}  {}  [{}]\n", term.name, time_text(term.time), term.equation,
                         term.source);
    }
    write_links(out, entry);
  }
  if (left_out > 0) out << fmt::format("  {:>10}  {} further kinds of step\n", time_text(rest), left_out);
}

Json entries_json(const std::vector<CostedEntry>& entries) {
  Json list = Json::array();
  for (const CostedEntry& entry : entries) {
    Json row = {{"what", entry.what},
                {"family", entry.family},
                {"activity", entry.activity},
                {"runs", entry.runs},
                {"time_s", entry.estimate.time.value()},
                {"total_s", entry.total().value()},
                {"provenance", std::string(kernels::name(entry.estimate.provenance))}};
    if (!entry.estimate.fit_key.empty()) row["fit"] = entry.estimate.fit_key;
    if (!entry.algorithm.empty()) row["algorithm"] = entry.algorithm;
    if (entry.channels > 0) {
      row["protocol"] = entry.protocol;
      row["channels"] = entry.channels;
      row["threads"] = entry.threads;
    }
    if (!entry.bound.link_class.empty()) {
      row["bound_by"] = {{"class", std::string(entry.bound.link_class)},
                         {"bandwidth_bytes_per_s", entry.bound.bandwidth.value()},
                         {"bytes", entry.bound.bytes.value()}};
    }
    if (entry.load.node > Bytes{} || entry.load.network > Bytes{}) {
      row["link_bytes"] = {{"node", entry.load.node.value()}, {"network", entry.load.network.value()}};
    }
    if (entry.rounding_depth > 0) row["rounding_depth"] = entry.rounding_depth;
    if (!entry.extrapolated.empty()) row["extrapolated"] = entry.extrapolated;
    for (const HeldUpBy& held : entry.held_up) {
      row["held_up"].push_back({{"class", held.link_class},
                                {"capacity_bytes_per_s", held.capacity.value()},
                                {"delay_s", held.delay.value()}});
    }
    if (!entry.operations.empty()) row["operations"] = entry.operations;
    row["terms"] = Json::array();
    for (const kernels::Term& term : entry.estimate.terms) {
      row["terms"].push_back(
          {{"name", term.name}, {"time_s", term.time.value()}, {"equation", term.equation}, {"source", term.source}});
    }
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace orrery::scenarios
