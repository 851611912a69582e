// orrery compare A B: two scenarios or two saved reports, metric by metric.

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/config/shown.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/commands/saved_report.hpp"
#include "scenarios/comparison.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/report_json.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;
using Json = nlohmann::ordered_json;

namespace {

/// One side of the comparison: a label and the metrics that it has.
struct Side {
  std::string label;
  std::map<std::string, double> metrics;
  std::vector<std::string> lost = {};  ///< what the findings say of jobs that were stopped
};

bool ends_with(const std::string& text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

/// The full names of the metrics of several jobs.
std::vector<std::string> named_metrics(const std::vector<Side>& sides) {
  std::vector<std::string> names;
  for (const Side& side : sides) {
    for (const auto& [name, value] : side.metrics) {
      if (!job_of(name).empty()) names.push_back(name);
    }
  }
  return names;
}

Side saved_side(const std::string& file) {
  SavedReport report = read_saved_report(file);
  return {file, std::move(report.metrics), std::move(report.lost)};
}

Side run_side(const std::string& file, const std::vector<Override>& overrides) {
  const Report report = run_scenario(load_scenario(file, overrides));
  if (!report.scenario.skipped.empty()) {
    throw ConfigError(fmt::format("{}: can't run here: {}", hardware::quoted_path(file), report.scenario.skipped));
  }
  Side side{file, {}, lost_jobs(report)};
  for (const MetricValue& value : report.metrics) side.metrics[value.name] = value.value;
  return side;
}

/// "serving" of "jobs.chat.serving.requests_per_s".
std::string_view section_of(const std::string& metric) {
  const std::string_view own = own_name(metric);
  return own.substr(0, own.find('.'));
}

/// The kinds of job that the side has figures of.
std::vector<const KindRow*> kinds_in(const Side& side) {
  std::vector<const KindRow*> found;
  for (const KindRow* kind : kinds()) {
    const auto of_kind = [&](const auto& metric) { return section_of(metric.first) == kind->name; };
    if (std::any_of(side.metrics.begin(), side.metrics.end(), of_kind)) found.push_back(kind);
  }
  return found;
}

MetricLookup lookup(const Side& side) {
  return [&side](const std::string& name) -> std::optional<double> {
    const auto found = side.metrics.find(name);
    return found == side.metrics.end() ? std::nullopt : std::optional<double>(found->second);
  };
}

/// What both sides can be compared by. Throws ConfigError where that is nothing but memory and cost.
void check_alike(const std::vector<Side>& sides) {
  const auto has_figure = [&](const std::string& name) {
    return sides[0].metrics.count(name) > 0 && sides[1].metrics.count(name) > 0;
  };
  for (const auto& [name, value] : sides[0].metrics) {
    const std::string_view section = section_of(name);
    if (section != "memory" && section != "cost" && has_figure(name)) return;
  }
  std::string kinds;
  for (const Side& side : sides) {
    std::string sections;
    for (const KindRow* kind : kinds_in(side)) sections += (sections.empty() ? "" : " and ") + std::string(kind->name);
    const std::string without =
        side.lost.empty() ? "jobs of other names" : fmt::format("{}", fmt::join(side.lost, ", "));
    kinds += fmt::format("{}{}: {}", kinds.empty() ? "" : "; ", side.label, sections.empty() ? without : sections);
  }
  throw ConfigError(fmt::format("compare: the two have no figure of their speed in common ({})", kinds));
}

}  // namespace

int compare_two(const Options& options, Console& console) {
  check_outputs(options, options.files);
  for (const std::string& file : options.files) {
    if (!options.json.empty() && !ends_with(file, ".json")) {
      check_outputs(options, input_files(load_scenario(file, options.overrides)));
    }
  }
  const auto read = [files = options.files, overrides = options.overrides] {
    std::vector<Side> sides;
    for (const std::string& file : files) {
      sides.push_back(ends_with(file, ".json") ? saved_side(file) : run_side(file, overrides));
    }
    return sides;
  };
  const std::optional<std::vector<Side>> read_sides = compute<std::vector<Side>>(read, console);
  if (!read_sides) return interrupted_alone(options, console);
  const std::vector<Side>& sides = *read_sides;
  check_alike(sides);
  Json rows = Json::array();
  const bool text = !options.quiet && options.json != "-";
  if (text) {
    console.out << fmt::format("A: {}\nB: {}\n{:<34} {:>18} {:>18} {:>10}\n", sides[0].label, sides[1].label, "metric",
                               "A", "B", "B / A");
  }
  for (const MetricChange& change : compare_values(lookup(sides[0]), lookup(sides[1]), named_metrics(sides))) {
    const std::optional<double> ratio = change.ratio(), difference = change.difference();
    const auto json_of = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
    const auto text_of = [&](const std::optional<double>& value) {
      return value ? readable(*value, change.unit) : std::string("-");
    };
    rows.push_back({{"metric", change.name},
                    {"a", json_of(change.a)},
                    {"b", json_of(change.b)},
                    {"difference", json_of(difference)},
                    {"ratio", json_of(ratio)}});
    if (text && (change.a.value_or(0.0) != 0.0 || change.b.value_or(0.0) != 0.0)) {
      console.out << fmt::format("{:<34} {:>18} {:>18} {:>10}\n", change.name, text_of(change.a), text_of(change.b),
                                 ratio ? fmt::format("{:.4f}", *ratio) : "-");
    }
  }
  for (std::size_t i = 0; i < sides.size() && text; ++i) {
    for (const std::string& lost : sides[i].lost) console.out << fmt::format("Finding of {}: {}\n", "AB"[i], lost);
  }
  Json json = {{"schema_version", kSchemaVersion},
               {"orrery", std::string(kVersion)},
               {"a", sides[0].label},
               {"b", sides[1].label},
               {"rows", std::move(rows)}};
  if (!sides[0].lost.empty() || !sides[1].lost.empty()) json["lost"] = {{"a", sides[0].lost}, {"b", sides[1].lost}};
  emit(options.json, json_text(json), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
