// orrery explain FILE: where each number of a prediction comes from; with --metric one of them as a tree.

#include <memory>
#include <ostream>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/explanation.hpp"
#include "scenarios/format.hpp"
#include "scenarios/report.hpp"
#include "scenarios/report_json.hpp"

namespace orrery::scenarios {

namespace {

/// A report with its Explanation, which refers to it: kept together and in place.
struct Explained {
  Report report;
  Explanation explanation;
};

void write_facts(const hardware::Gpu& gpu, Console& console) {
  console.out << fmt::format("\nFacts of {} ({})\n", gpu.name, gpu.title);
  for (const auto& [key, source] : gpu.sources) console.out << fmt::format("  {:<22} {}\n", key, source);
  if (gpu.fits.empty()) return;
  console.out << "\nFits of that GPU (error on rows that the fit never saw, of shape families that it never saw where "
                 "not told otherwise)\n";
  for (const hardware::Fit& fit : gpu.fits) {
    std::string unseen = "no unseen rows";
    for (const hardware::FitResidual& residual : fit.residuals) {
      if (residual.group == "seen") continue;  // families that nobody saw come last, and say more than points
      const bool point = residual.group == "unseen_point";
      unseen = fmt::format("median {:.1f} %, p95 {:.1f} % over {} rows{}", residual.median * 100.0,
                           residual.p95 * 100.0, residual.rows,
                           !fit.of.empty() ? " of other boards with this chip" : (point ? " of seen families" : ""));
    }
    console.out << fmt::format("  {:<36} {}; {}{}, {}\n", fit.key, unseen, fit.of.empty() ? "" : fit.of + ": ",
                               fit.source, fit.date);
  }
}

void write_sources(const Report& report, Console& console) {
  console.out << "\nSources\n";
  for (const Provenance& line : report.provenance) {
    console.out << fmt::format("  {:<12} {:<28} {:<10} {}{}\n", line.kind, line.name, line.level,
                               line.fit.empty() ? "" : "fit " + line.fit + ": ", line.source);
  }
  std::vector<const hardware::Gpu*> written;
  for (const hardware::NodeGroup& group : report.scenario.cluster.groups) {
    const auto same = [&](const hardware::Gpu* gpu) {
      return gpu->name == group.gpu.name && gpu->sources == group.gpu.sources;
    };
    if (std::none_of(written.begin(), written.end(), same)) write_facts(group.gpu, console);
    written.push_back(&group.gpu);
  }
}

std::shared_ptr<const Explained> explain(const Scenario& scenario) {
  auto explained = std::make_shared<Explained>();
  Keep keep;
  for (const Job& job : scenario.jobs) keep.timeline = keep.timeline || job.kind->explain_keeps_timeline;
  explained->report = run_scenario(scenario, keep);
  explained->explanation = Explanation(explained->report);
  return explained;
}

void write_tree(std::ostream& out, const ExplainNode& node, std::size_t depth) {
  out << std::string(2 * depth, ' ') << node.title;
  if (node.has_value) out << "  " << readable(node.value, node.unit);
  if (!node.equation.empty()) out << "  = " << node.equation;
  if (!node.source.empty()) {
    out << fmt::format("  [{}{}]", node.level.empty() ? "" : node.level + ": ", node.source);
  } else if (!node.level.empty() && node.level != "computed") {
    out << fmt::format("  [{}]", node.level);
  }
  out << "\n";
  for (const ExplainNode& part : node.parts) write_tree(out, part, depth + 1);
}

Json tree_json(const ExplainNode& node) {
  Json json = {{"title", node.title},
               {"value", node.has_value ? Json(node.value) : Json(nullptr)},
               {"unit", std::string(name(node.unit))},
               {"equation", node.equation},
               {"level", node.level},
               {"source", node.source},
               {"sums", node.sums},
               {"parts", Json::array()}};
  for (const ExplainNode& part : node.parts) json["parts"].push_back(tree_json(part));
  return json;
}

/// Before the run: no report has a metric of that name.
void check_metric(const std::string& metric) {
  if (metric.empty() || metric_unit(metric)) return;
  std::string nearest;
  for (const std::string& name : hardware::nearest_names(metric, metric_names())) {
    nearest += (nearest.empty() ? "; did you mean " : ", ") + name;
  }
  throw hardware::ConfigError(fmt::format("unknown metric '{}'{} (orrery list metrics)", printable(metric),
                                          nearest.empty() ? "" : nearest + "?"));
}

/// The first job that has a program whose log is known.
Json compare_log(const Options& options, const Explained& explained, std::ostream& out) {
  for (const JobView& view : job_views(explained.report)) {
    if (view.job.kind->compare_log != nullptr) return view.job.kind->compare_log(view, options.log, out);
  }
  throw hardware::ConfigError(
      fmt::format("--log: {} serves nothing: only engines log their memory", explained.report.scenario.file));
}

/// Why there are fewer figures than the scenario lets one expect.
std::string because(const std::vector<std::string>& lost) {
  return lost.empty() ? "" : fmt::format(" ({})", fmt::join(lost, "; "));
}

int write_metric(const Options& options, const Explained& explained, Console& console) {
  const ExplainNode node = explained.explanation.of(options.metric);
  if (!node.has_value) {
    throw hardware::ConfigError(fmt::format("{}: a run of this scenario has no figure '{}'{}",
                                            hardware::quoted_path(explained.report.scenario.file), options.metric,
                                            because(lost_jobs(explained.report))));
  }
  if (!options.quiet && options.json != "-") write_tree(console.out, node, 0);
  emit(options.json, json_text(tree_json(node)), false, console);
  return kExitWell;
}

}  // namespace

int explain_file(const Options& options, Console& console) {
  check_outputs(options, options.files);
  check_metric(options.metric);
  if (!options.metric.empty() && !options.log.empty()) {
    throw hardware::ConfigError("explain: --metric explains one figure, --log compares memory; say one of them");
  }
  const Scenario scenario = load_scenario(options.files.at(0), options.overrides);
  check_outputs(options, input_files(scenario));
  if (!scenario.skipped.empty()) {
    throw hardware::ConfigError(
        fmt::format("{}: can't run here: {}", hardware::quoted_path(scenario.file), scenario.skipped));
  }
  const auto computed = compute<std::shared_ptr<const Explained>>([scenario] { return explain(scenario); }, console);
  if (!computed) return interrupted_alone(options, console);
  const Explained& explained = **computed;
  if (!options.metric.empty()) return write_metric(options, explained, console);
  std::ostringstream log_text;
  const Json log = options.log.empty() ? Json() : compare_log(options, explained, log_text);
  const auto& jobs = explained.explanation.jobs();
  if (!options.quiet && options.json != "-") {
    console.out << scenario.title << "\n";
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!jobs[i]) continue;
      if (!scenario.jobs[i].name.empty()) console.out << "\nJob " << scenario.jobs[i].name << "\n";
      jobs[i]->write_text(console.out);
    }
    for (const std::string& lost : lost_jobs(explained.report)) console.out << fmt::format("\nFinding: {}\n", lost);
    console.out << log_text.str();
    write_sources(explained.report, console);
  }
  if (!options.json.empty()) {
    Json json = Json::parse(to_json({explained.report}, false, options.engine_part()));
    std::size_t row = 0;  // of jobs[], where those without figures don't stand
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (jobs[i]) jobs[i]->write_json(scenario.jobs[i].name.empty() ? json : json["jobs"][row++]);
    }
    if (!log.is_null()) json["log"] = log;
    emit(options.json, json_text(json), false, console);
  }
  return kExitWell;
}

}  // namespace orrery::scenarios
