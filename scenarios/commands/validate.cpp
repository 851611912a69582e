// orrery validate KIND TABLE: errors of predictions on a table of measurements.

#include <algorithm>
#include <ostream>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "calibrate/tables.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/commands/validate_collectives.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/report_json.hpp"
#include "scenarios/validation.hpp"

namespace orrery::scenarios {

using calibrate::ErrorReport;
using calibrate::ErrorSummary;
using hardware::ConfigError;
using Json = nlohmann::ordered_json;

namespace {

std::unique_ptr<kernels::KernelTimer> timer_named(const std::string& name) {
  std::vector<std::string> names;
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == name) return row.make();
    names.emplace_back(row.name);
  }
  throw ConfigError(fmt::format("unknown timer '{}'; known: {}", name, fmt::join(names, ", ")));
}

Validation validate_kind(const Options& options, Console& console) {
  const std::string& kind = options.files.at(0);
  const std::string& table = options.files.at(1);
  const bool has_machine =
      !options.collective.cluster.empty() || !options.collective.fabric.empty() || !options.node.empty();
  if (has_machine && kind != "collectives") {
    throw ConfigError("validate: --cluster, --fabric and --node are of collectives");
  }
  if (const KindRow* row = find_kind(kind); row != nullptr && row->validate != nullptr) {
    return row->validate({table, options.gpu, timer_named(options.timer), options.jobs, options.quiet}, console);
  }
  if (kind != "kernels" && kind != "collectives") {
    std::vector<std::string> known{"kernels", "collectives"};
    for (const KindRow* row : kinds()) {
      if (row->validate != nullptr) known.emplace_back(row->name);
    }
    std::string nearest;
    for (const std::string& name : hardware::nearest_names(kind, known)) {
      nearest += (nearest.empty() ? "; did you mean " : ", ") + name;
    }
    throw ConfigError(fmt::format("validate {}: the kinds are {}{}", printable(kind), fmt::join(known, ", "), nearest));
  }
  if (kind == "collectives") return validate_collective_table(options, console);
  if (options.gpu.empty()) throw ConfigError(fmt::format("validate {} needs --gpu NAME (orrery list gpus)", kind));
  const std::shared_ptr<const kernels::KernelTimer> timer = timer_named(options.timer);
  const auto validate = [table, timer, gpu = hardware::load_gpu(options.gpu)] {
    try {
      return calibrate::validate_kernels(table, gpu, *timer);
    } catch (const std::invalid_argument& error) {
      throw ConfigError(fmt::format("{}: {}", gpu.name, error.what()));  // a fit that its model does not know
    }
  };
  return {compute<ErrorReport>(validate, console).value_or(ErrorReport{}), {}};
}

void add_summary(const ErrorSummary& summary, Json& json) {
  json["median_error"] = summary.median_error;
  json["mean_error"] = summary.mean_error;
  json["p95_error"] = summary.p95_error;
  json["max_error"] = summary.max_error;
  json["signed_median"] = summary.signed_median;
  if (summary.inside) json["inside"] = *summary.inside;
}

Json to_json(const calibrate::PredictedRow& row) {
  return {
      {"id", row.id},         {"line", row.line},           {"description", row.description}, {"group", row.group},
      {"metric", row.metric}, {"predicted", row.predicted}, {"measured", row.measured},       {"error", row.error()}};
}

Json to_json(const Validation& validation, const Options& options, bool partial) {
  const ErrorReport& report = validation.report;
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}};
  if (partial) json["partial"] = true;
  json["kind"] = options.files.at(0);
  json["table"] = options.files.at(1);
  if (!options.gpu.empty()) json["gpu"] = options.gpu;
  json["rows"] = report.all.rows;
  json["skipped"] = report.skipped.size();
  add_summary(report.all, json);
  if (!report.notes.empty()) json["notes"] = report.notes;
  json["groups"] = Json::array();
  for (const ErrorSummary& summary : report.groups) {
    Json group = {{"name", summary.name}, {"rows", summary.rows}};
    add_summary(summary, group);
    json["groups"].push_back(std::move(group));
  }
  json["worst"] = Json::array();
  for (const calibrate::PredictedRow& row : report.worst) json["worst"].push_back(to_json(row));
  if (!validation.figures.empty()) json["figures"] = Json::array();
  for (const calibrate::PredictedRow& row : validation.figures) json["figures"].push_back(to_json(row));
  // Every figure that was compared: the rows by which the errors above are counted, then a row's further figures.
  json["all"] = Json::array();
  for (const calibrate::PredictedRow& row : report.rows) json["all"].push_back(to_json(row));
  for (const calibrate::PredictedRow& row : validation.figures) json["all"].push_back(to_json(row));
  json["skipped_rows"] = Json::array();
  for (const calibrate::SkippedRow& row : report.skipped) {
    json["skipped_rows"].push_back(
        {{"id", row.id}, {"line", row.line}, {"description", row.description}, {"reason", row.reason}});
  }
  return json;
}

/// A metric that ends in "_s" is a time; the others are rates and ratios.
Unit unit_of(const std::string& metric) {
  const bool time = metric.size() > 2 && metric.compare(metric.size() - 2, 2, "_s") == 0 &&
                    metric.find("_per_s") == std::string::npos;
  return time ? Unit::seconds : Unit::number;
}

void write_text(const ErrorReport& report, Console& console) {
  std::size_t width = 26;
  for (const ErrorSummary& summary : report.groups) width = std::max(width, summary.name.size());
  const auto line = [&](const ErrorSummary& s) {
    if (s.rows == 0) {
      console.out << fmt::format("{:<{}} {:>7}\n", s.name, width, 0);  // no row has no error
      return;
    }
    console.out << fmt::format("{:<{}} {:>7} {:>9.2f} % {:>9.2f} % {:>9.2f} % {:>9.2f} % {:>+9.2f} %\n", s.name, width,
                               s.rows, s.median_error * 100.0, s.mean_error * 100.0, s.p95_error * 100.0,
                               s.max_error * 100.0, s.signed_median * 100.0);
  };
  console.out << fmt::format("{:<{}} {:>7} {:>11} {:>11} {:>11} {:>11} {:>11}\n", "group", width, "rows", "median",
                             "mean", "p95", "max", "signed");
  for (const ErrorSummary& summary : report.groups) line(summary);
  line(report.all);
  for (const std::string& note : report.notes) console.out << fmt::format("Note: {}\n", printable(note));
  if (!report.worst.empty()) console.out << "\nWorst rows\n";
  for (const calibrate::PredictedRow& row : report.worst) {
    console.out << fmt::format("  line {:>5}  {:>8.1f} %  predicted {:>10}  measured {:>10}  {} ({})\n", row.line,
                               row.error() * 100.0, readable(row.predicted, unit_of(row.metric)),
                               readable(row.measured, unit_of(row.metric)), row.description, row.group);
  }
  if (report.skipped.empty()) return;
  console.out << fmt::format("\n{} rows skipped, each named in the JSON report; by reason\n", report.skipped.size());
  std::vector<std::pair<std::string, int>> reasons;
  for (const calibrate::SkippedRow& row : report.skipped) {
    bool known = false;
    for (auto& [reason, count] : reasons) {
      if (reason == row.reason) {
        ++count;
        known = true;
      }
    }
    if (!known) reasons.emplace_back(row.reason, 1);
  }
  for (const auto& [reason, count] : reasons) console.out << fmt::format("  {:>5}  {}\n", count, reason);
}

}  // namespace

int validate_table(const Options& options, Console& console) {
  check_outputs(options, {options.files.at(1)});
  const Validation validation = validate_kind(options, console);
  const bool partial = console.stopped();
  if (!options.quiet && !writes_to_standard_output(options)) write_text(validation.report, console);
  emit(options.json, json_text(to_json(validation, options, partial)), partial, console);
  if (partial) console.err << fmt::format("interrupted: {} rows compared\n", validation.report.all.rows);
  if (partial) return kExitInterrupted;
  if (validation.report.all.rows > 0) return kExitWell;
  const std::vector<calibrate::SkippedRow>& skipped = validation.report.skipped;
  const bool is_told = !options.quiet && !writes_to_standard_output(options);
  console.err << fmt::format("orrery: {}: no row could be used: {} skipped, {}\n", options.files.at(1), skipped.size(),
                             is_told           ? "for the reasons above"
                             : skipped.empty() ? "there is none"
                                               : fmt::format("the first (line {}): {}", skipped.front().line,
                                                             printable(skipped.front().reason)));
  return kExitFinding;
}

}  // namespace orrery::scenarios
