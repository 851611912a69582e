#include "scenarios/commands/saved_report.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(file), what));
}

/// The number at a dotted path of a report.
std::optional<double> read_metric(const Json& report, std::string_view path) {
  const Json* at = &report;
  for (bool more = true; more;) {
    const std::size_t dot = path.find('.');
    more = dot != std::string_view::npos;
    const auto found = at->is_object() ? at->find(std::string(path.substr(0, dot))) : at->end();
    if (found == at->end()) return std::nullopt;
    at = &*found;
    if (more) path.remove_prefix(dot + 1);
  }
  if (at->is_number()) return at->get<double>();
  if (at->is_boolean()) return at->get<bool>() ? 1.0 : 0.0;
  return std::nullopt;
}

void read_metrics(const Json& report, const std::string& prefix, std::map<std::string, double>& metrics) {
  for (const MetricRow& row : metric_rows()) {
    if (const std::optional<double> value = read_metric(report, row.name)) metrics[prefix + row.name] = *value;
  }
}

Json parse(const std::string& file) {
  try {
    return Json::parse(hardware::read_text_file(file));
  } catch (const Json::exception& error) {  // also of a number that none holds
    fail(file, fmt::format("not a JSON report: {}", error.what()));
  }
}

/// The text under a key; empty where there is none.
std::string read_text(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::vector<std::string> read_lost(const Json& report) {
  std::vector<std::string> lost;
  const auto findings = report.is_object() ? report.find("findings") : report.end();
  if (findings == report.end() || !findings->is_array()) return lost;
  for (const Json& finding : *findings) {
    if (read_text(finding, "kind") == Finding::kDisturbed) lost.push_back(read_text(finding, "message"));
  }
  return lost;
}

/// A run whose only job was lost has no figures.
bool is_report(const Json& json, bool has_lost) {
  if (!json.is_object() || !json.contains("schema_version")) return false;
  return json.contains("memory") || json.contains("jobs") || has_lost;
}

}  // namespace

SavedReport read_saved_report(const std::string& file) {
  Json json = parse(file);
  // Copies and texts of it go as deep as it is nested, and so far down there is no stack.
  if (json.is_array() && json.size() == 1) json = Json(std::move(json[0]));
  SavedReport out;
  out.lost = read_lost(json);
  if (!is_report(json, !out.lost.empty())) {
    fail(file, "not a report of one run (schema_version, training or serving, memory, cost)");
  }
  const Json& version = json["schema_version"];
  if (!version.is_number()) fail(file, "not a report of one run: its schema_version is no number");
  if (version != kSchemaVersion) {
    fail(file, fmt::format("schema_version {} is not {}, which this version reads", version.dump(), kSchemaVersion));
  }
  read_metrics(json, "", out.metrics);
  const auto jobs = json.find("jobs");
  if (jobs == json.end()) return out;
  if (!jobs->is_array()) fail(file, "not a report of one run: its jobs are no list");
  for (const Json& job : *jobs) {
    const std::string named = read_text(job, "name");
    // A dot would end it where a metric's own name begins.
    if (named.empty() || named.find('.') != std::string::npos) {
      fail(file, "not a report of one run: one of its jobs has no name that a job may have");
    }
    read_metrics(job, fmt::format("jobs.{}.", named), out.metrics);
  }
  return out;
}

}  // namespace orrery::scenarios
