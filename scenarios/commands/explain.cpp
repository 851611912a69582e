// orrery explain FILE: where each number of a prediction comes from; with --metric one of them as a tree.

#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/explanation.hpp"
#include "scenarios/format.hpp"
#include "scenarios/report.hpp"
#include "scenarios/serving_explain.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

namespace {

/// Kernels that together are below this share of all listed time are summed in the text.
constexpr double kLeastShare = 0.001;

/// A report with its Explanation, which refers to it: kept together and in place.
struct Explained {
  Report report;
  Explanation explanation;
};

std::string time_text(Seconds time) { return readable(time.value(), Unit::seconds); }

void write_entries(std::string_view heading, const std::vector<CostedEntry>& entries, Console& console) {
  Seconds all;
  for (const CostedEntry& entry : entries) all += entry.total();
  Seconds rest;
  int left_out = 0;
  console.out << "\n" << heading << " (runs x time of one, how well it is known)\n";
  for (const CostedEntry& entry : entries) {
    if (entry.total() < kLeastShare * all) {
      rest += entry.total();
      ++left_out;
      continue;
    }
    const kernels::Estimate& e = entry.estimate;
    console.out << fmt::format("  {:>10}  {:.0f} x {}  {} ({})  {}{}{}\n", time_text(entry.total()), entry.runs,
                               time_text(e.time), entry.what, entry.activity, kernels::name(e.provenance),
                               e.fit_key.empty() ? "" : " fit " + e.fit_key,
                               entry.algorithm.empty() ? "" : ", " + entry.algorithm);
    for (const kernels::Term& term : e.terms) {
      console.out << fmt::format("              {:<10} {:>10}  {}  [{}]\n", term.name, time_text(term.time),
                                 term.equation, term.source);
    }
  }
  if (left_out > 0) console.out << fmt::format("  {:>10}  {} further kinds of step\n", time_text(rest), left_out);
}

void write_memory(const Report& report, Console& console) {
  console.out << "\nMemory of the fullest GPU\n";
  for (const MetricRow& row : metric_rows()) {
    if (row.name.rfind("memory.", 0) != 0 || row.training == nullptr) continue;
    console.out << fmt::format("  {:<28} {:>12}  {}\n", row.name, readable(report.metric(row.name), row.unit),
                               row.equation);
  }
}

void write_sources(const Report& report, Console& console) {
  console.out << "\nSources\n";
  for (const Provenance& line : report.provenance) {
    console.out << fmt::format("  {:<12} {:<28} {:<10} {}{}\n", line.kind, line.name, line.level,
                               line.fit.empty() ? "" : "fit " + line.fit + ": ", line.source);
  }
  const hardware::Gpu& gpu = report.scenario.job.cluster.gpu;
  console.out << fmt::format("\nFacts of {} ({})\n", gpu.name, gpu.title);
  for (const auto& [key, source] : gpu.sources) console.out << fmt::format("  {:<22} {}\n", key, source);
  if (gpu.fits.empty()) return;
  console.out << "\nFits of that GPU (error on rows of shape families that the fit never saw)\n";
  for (const hardware::Fit& fit : gpu.fits) {
    std::string unseen = "no unseen rows";
    for (const hardware::FitResidual& residual : fit.residuals) {
      if (residual.group != "unseen_family") continue;
      unseen = fmt::format("median {:.1f} %, p95 {:.1f} % over {} rows", residual.median * 100.0, residual.p95 * 100.0,
                           residual.rows);
    }
    console.out << fmt::format("  {:<36} {}; {}, {}\n", fit.key, unseen, fit.source, fit.date);
  }
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
    row["terms"] = Json::array();
    for (const kernels::Term& term : entry.estimate.terms) {
      row["terms"].push_back(
          {{"name", term.name}, {"time_s", term.time.value()}, {"equation", term.equation}, {"source", term.source}});
    }
    list.push_back(std::move(row));
  }
  return list;
}

Json pool_json(const Report& report) {
  Json list = Json::array();
  for (const PoolTerm& term : pool_terms(*report.serving, report.scenario.job.cluster.gpu)) {
    list.push_back(
        {{"name", term.name}, {"bytes", term.bytes.value()}, {"equation", term.equation}, {"source", term.source}});
  }
  return list;
}

Json iterations_json(const std::vector<TypicalStep>& iterations) {
  Json list = Json::array();
  for (const TypicalStep& step : iterations) {
    list.push_back({{"name", step.name},
                    {"title", step.title},
                    {"gpu_s", step.gpu_time.value()},
                    {"gaps_s", step.gap_time.value()},
                    {"host_s", step.host_time.value()},
                    {"steps", entries_json(step.entries)}});
  }
  return list;
}

void write_training(const Explained& explained, Console& console) {
  const Report& report = explained.report;
  console.out << fmt::format("step time {} = the longest path of a plan of {} steps over {} pipeline ranks\n",
                             time_text(report.result.step_time), report.result.plan.step_count(),
                             report.result.plan.ranks.size());
  write_entries("Steps, by time per GPU", explained.explanation.entries(), console);
  write_memory(report, console);
}

void write_serving(const Explained& explained, Console& console) {
  const models::ServingResult& result = *explained.report.serving;
  console.out << fmt::format("{} requests in {} over {} iterations, each as long as its kernels and collectives take\n",
                             result.requests, time_text(result.duration), result.steps);
  write_pool(console.out, explained.report);
  if (!result.started) console.out << "\n" << result.refusal << "\n";
  for (const TypicalStep& step : explained.explanation.iterations()) {
    write_entries("A typical " + step.title, step.entries, console);
    write_step_times(console.out, result.config, step);
  }
}

std::shared_ptr<const Explained> explain(const Scenario& scenario) {
  auto explained = std::make_shared<Explained>();
  explained->report = run_scenario(scenario, {!scenario.serving.has_value(), false});
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
  throw hardware::ConfigError(
      fmt::format("unknown metric '{}'{} (orrery list metrics)", metric, nearest.empty() ? "" : nearest + "?"));
}

int write_metric(const Options& options, const Explained& explained, Console& console) {
  const ExplainNode node = explained.explanation.of(options.metric);
  if (!node.has_value) {
    throw hardware::ConfigError(
        fmt::format("{}: a run of this scenario has no figure '{}'", explained.report.scenario.file, options.metric));
  }
  if (!options.quiet && options.json != "-") write_tree(console.out, node, 0);
  emit(options.json, tree_json(node).dump(2) + "\n", false, console);
  return kExitWell;
}

}  // namespace

int explain_file(const Options& options, Console& console) {
  check_outputs(options, options.files);
  check_metric(options.metric);
  const Scenario scenario = load_scenario(options.files.at(0), options.overrides);
  check_outputs(options, input_files(scenario));
  if (!scenario.skipped.empty()) {
    throw hardware::ConfigError(fmt::format("{}: can't run here: {}", scenario.file, scenario.skipped));
  }
  const auto computed = compute<std::shared_ptr<const Explained>>([scenario] { return explain(scenario); }, console);
  if (!computed) return interrupted_alone(options, console);
  const Explained& explained = **computed;
  if (!options.metric.empty()) return write_metric(options, explained, console);
  if (!options.quiet && options.json != "-") {
    console.out << scenario.title << "\n";
    scenario.serving ? write_serving(explained, console) : write_training(explained, console);
    write_sources(explained.report, console);
  }
  if (!options.json.empty()) {
    Json json = Json::parse(to_json({explained.report}));
    if (scenario.serving) {
      json["kv_pool"] = pool_json(explained.report);
      json["iterations"] = iterations_json(explained.explanation.iterations());
    } else {
      json["steps"] = entries_json(explained.explanation.entries());
    }
    emit(options.json, json.dump(2) + "\n", false, console);
  }
  return kExitWell;
}

}  // namespace orrery::scenarios
