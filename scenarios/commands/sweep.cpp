// orrery sweep FILE: the cartesian product of the scenario's `sweep:` lists.
//
// Points that make no sense (TP that does not divide the heads) are skipped and named: a grid always holds
// some. Running out of memory is data here, not a finding.

#include <algorithm>
#include <optional>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/training/lowered_step.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/report_lines.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

constexpr std::size_t kMostPoints = 1'000'000;

struct Point {
  std::vector<Override> set;
  std::optional<Report> report;
  std::string skipped;  ///< why there is no report
};

/// Point `index` of the grid; the last axis runs fastest.
std::vector<Override> coordinates(const std::vector<SweepAxis>& axes, std::size_t index) {
  std::vector<Override> set(axes.size());
  for (std::size_t i = axes.size(); i-- > 0;) {
    const std::size_t size = axes[i].values.size();
    set[i] = {axes[i].key, axes[i].values[index % size], "sweep"};
    index /= size;
  }
  return set;
}

std::string words(const std::vector<Override>& set) {
  std::string text;
  for (const Override& change : set) text += fmt::format("{}{}={}", text.empty() ? "" : " ", change.key, change.value);
  return text;
}

/// The first line of an error that may have many.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Point run_point(const std::string& text, const std::string& file, const std::vector<Override>& base,
                const std::vector<SweepAxis>& axes, const Keep& keep, std::size_t index) {
  Point point;
  point.set = coordinates(axes, index);
  std::vector<Override> all = base;
  all.insert(all.end(), point.set.begin(), point.set.end());
  try {
    Scenario scenario = parse_scenario(text, file, all);
    scenario.variants.clear();
    scenario.expectations.clear();  // they hold for the scenario as it stands, not for its neighbours
    if (scenario.skipped.empty()) {
      point.report = run_scenario(scenario, keep);
    } else {
      point.skipped = scenario.skipped;
    }
  } catch (const ConfigError& error) {
    point.skipped = first_line(error.what());
  }
  return point;
}

std::string points_json(const std::vector<SweepAxis>& axes, const std::vector<Point>& points, bool partial) {
  using Json = nlohmann::ordered_json;
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}};
  if (partial) json["partial"] = true;
  json["sweep"] = Json::object();
  for (const SweepAxis& axis : axes) json["sweep"][axis.key] = axis.values;
  json["points"] = Json::array();
  json["skipped"] = Json::array();
  for (const Point& point : points) {
    Json set = Json::object();
    for (const Override& change : point.set) set[change.key] = change.value;
    if (point.report) {
      json["points"].push_back({{"set", std::move(set)}, {"report", Json::parse(to_json({*point.report}))}});
    } else {
      json["skipped"].push_back({{"set", std::move(set)}, {"reason", point.skipped}});
    }
  }
  return json.dump(2) + "\n";
}

std::string quoted(const std::string& text) {
  return text.find_first_of(",\"") == std::string::npos ? text : fmt::format("\"{}\"", text);
}

std::string points_csv(const std::vector<SweepAxis>& axes, const std::vector<Point>& points, bool partial) {
  std::string csv;
  for (const SweepAxis& axis : axes) csv += axis.key + ",";
  csv += "gpus";
  std::vector<const Report*> reports;
  for (const Point& point : points) {
    if (point.report) reports.push_back(&*point.report);
  }
  const std::vector<MetricRow> columns = metric_columns(reports);
  for (const MetricRow& column : columns) csv += fmt::format(",{}", column.name);
  csv += "\n";
  for (const Point& point : points) {
    if (!point.report) continue;
    for (const Override& change : point.set) csv += quoted(change.value) + ",";
    csv += fmt::format("{}", point.report->scenario.cluster.gpu_count());
    for (const MetricRow& column : columns) {
      const std::optional<double> value = point.report->find_metric(column.name);
      csv += "," + (value ? shortest(*value) : "");
    }
    csv += "\n";
  }
  if (partial) csv += "# partial: interrupted before every point was done\n";
  return csv;
}

/// By its first job, the fastest point without a finding: it fits and, where an SLO is promised, keeps it.
const Report* best_of(const std::vector<Point>& points, std::string_view speed) {
  const Report* best = nullptr;
  double fastest = 0.0;
  for (const Point& point : points) {
    if (!point.report || point.report->has_findings()) continue;
    const std::optional<double> value = job_views(*point.report).front().find_metric(speed);
    if (!value || (best != nullptr && *value <= fastest)) continue;
    best = &*point.report;
    fastest = *value;
  }
  return best;
}

std::string cell(const Point& point, std::string_view metric) {
  return point.report ? value_of(job_views(*point.report).front(), metric) : "-";
}

void write_table(const std::vector<Point>& points, const SweepTable& table, Console& console) {
  const Report* best = best_of(points, table.speed);
  for (const SweepColumn& column : table.columns) console.out << fmt::format("{:>{}} ", column.heading, column.width);
  console.out << " point\n";
  for (const Point& point : points) {
    for (const SweepColumn& column : table.columns) {
      console.out << fmt::format("{:>{}} ", cell(point, column.metric), column.width);
    }
    console.out << " " << words(point.set);
    if (!point.report) console.out << " skipped: " << point.skipped;
    if (point.report && &*point.report == best) console.out << "  <- " << table.best;
    console.out << "\n";
  }
}

}  // namespace

namespace {

/// Nothing else sets what the sweep does: that would be without effect.
void check_axes(const Scenario& base, const std::vector<Override>& overrides) {
  const hardware::NodePtr root = hardware::parse_config(base.source->text(), base.file);
  std::vector<std::string> axes;
  for (const SweepAxis& axis : base.sweep) {
    axes.push_back(numbered_key(*root, axis.key));
    for (std::size_t i = 0; i + 1 < axes.size(); ++i) {
      if (!is_within(axes[i], axes.back())) continue;
      throw ConfigError(fmt::format("{}: the sweep of {} sets {} anew each time: sweep one of them", base.file,
                                    axis.key, base.sweep[i].key));
    }
  }
  for (const Override& change : overrides) {
    const std::string key = numbered_key(*root, change.key);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (!is_within(key, axes[i])) continue;
      throw ConfigError(
          fmt::format("{}: {} is without effect: the sweep sets {} at every point; --set sweep.{}=[…] "
                      "changes its list",
                      base.file, change.str(), base.sweep[i].key, base.sweep[i].key));
    }
  }
}

}  // namespace

int sweep_file(const Options& options, Console& console) {
  check_outputs(options, options.files);
  const std::string& file = options.files.at(0);
  const std::string text = hardware::read_text_file(file);
  const Scenario base = parse_scenario(text, file, options.overrides);
  check_outputs(options, input_files(base));
  const KindRow& kind = *base.jobs.front().kind;
  if (base.sweep.empty()) {
    throw ConfigError(
        fmt::format("{}: no sweep: section; add e.g. sweep: {{{}.tensor_parallel: [1, 2, 4, 8]}}", file, kind.name));
  }
  check_axes(base, options.overrides);
  std::size_t count = 1;
  for (const SweepAxis& axis : base.sweep) {
    count *= axis.values.size();
    if (count > kMostPoints) throw ConfigError(fmt::format("{}: the sweep has more than {} points", file, kMostPoints));
  }
  Keep keep;
  keep.lowered = std::make_shared<models::LoweredSteps>();
  const auto run = [text, file, overrides = options.overrides, axes = base.sweep, keep](std::size_t i) {
    return run_point(text, file, overrides, axes, keep, i);
  };
  Progress progress(console, options.quiet, count, "points");
  std::vector<std::optional<Point>> done = compute_all<Point>(count, options.jobs, run, console, progress);
  std::vector<Point> points;
  for (std::optional<Point>& point : done) {
    if (point) points.push_back(std::move(*point));
  }
  const bool partial = console.stopped();
  // An axis may name files of its own.
  for (const Point& point : points) {
    if (point.report) check_outputs(options, input_files(point.report->scenario));
  }
  if (!options.quiet && !writes_to_standard_output(options)) write_table(points, kind.sweep_table(), console);
  emit(options.json, options.json.empty() ? "" : points_json(base.sweep, points, partial), partial, console);
  emit(options.csv, points_csv(base.sweep, points, partial), partial, console);
  if (partial) {
    console.err << fmt::format("interrupted: {} of {} points done\n", points.size(), count);
    return kExitInterrupted;
  }
  const bool any = std::any_of(points.begin(), points.end(), [](const Point& p) { return p.report.has_value(); });
  if (!any) throw ConfigError(fmt::format("{}: no point of the sweep can run; the first: {}", file, points[0].skipped));
  return kExitWell;
}

}  // namespace orrery::scenarios
