// orrery run FILE…: predict and report.

#include <optional>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/output.hpp"
#include "scenarios/report.hpp"
#include "sim/trace_writer.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

void write_reports(const Options& options, const RunOutcome& outcome, Console& console) {
  const bool partial = outcome.interrupted;
  if (!options.json.empty()) emit(options.json, to_json(outcome.reports, partial), partial, console);
  if (!options.csv.empty()) emit(options.csv, to_csv(outcome.reports, partial), partial, console);
  if (!options.junit.empty()) emit(options.junit, to_junit(outcome.reports, partial), partial, console);
  if (options.trace.empty() || outcome.reports.empty()) return;
  const auto write = [&](std::ostream& out) { sim::write_trace(outcome.reports.front().result.timeline, out); };
  if (options.trace == "-") {
    write(console.out);
  } else {
    write_output(options.trace, write, partial);
  }
}

}  // namespace

std::vector<Scenario> load_all(const std::vector<std::string>& files, const Options& options, Console& console) {
  std::vector<std::optional<Scenario>> loaded(files.size());
  std::vector<std::vector<hardware::Diagnostic>> errors(files.size());
  const auto load = [&](std::size_t i) {
    try {
      loaded[i] = load_scenario(files[i], options.overrides);
    } catch (const ConfigError& error) {
      errors[i] = error.diagnostics();
      if (errors[i].empty()) errors[i].push_back({"", {}, error.what()});
    }
  };
  parallel_for(
      files.size(), options.jobs, load, [&] { return console.stopped(); }, [](std::size_t) {});
  std::vector<hardware::Diagnostic> all;
  for (const auto& of_file : errors) all.insert(all.end(), of_file.begin(), of_file.end());
  if (!all.empty()) throw ConfigError(std::move(all));
  std::vector<Scenario> scenarios;
  for (std::optional<Scenario>& scenario : loaded) {
    if (scenario) scenarios.push_back(std::move(*scenario));
  }
  return scenarios;
}

void check_outputs(const Options& options) {
  for (const std::string* path :
       {&options.json, &options.csv, &options.trace, &options.junit, &options.requests, &options.output}) {
    if (!path->empty() && *path != "-") check_writable(*path);
  }
}

void emit(const std::string& path, const std::string& content, bool partial, Console& console) {
  if (path.empty()) return;
  if (path == "-") {
    console.out << content;
  } else {
    write_output(path, content, partial);
  }
}

bool writes_to_standard_output(const Options& options) {
  return options.json == "-" || options.csv == "-" || options.trace == "-" || options.junit == "-";
}

int run_files(const Options& options, Console& console) {
  if (!options.requests.empty()) {
    throw ConfigError("--requests: a training run serves no requests; this build predicts training only");
  }
  if (!options.trace.empty() && options.files.size() != 1) {
    throw ConfigError("--trace takes one scenario at a time");
  }
  check_outputs(options);
  const std::vector<Scenario> scenarios = load_all(options.files, options, console);
  const RunOutcome outcome = run_all(scenarios, {options.jobs, options.quiet, !options.trace.empty()}, console);
  if (!options.quiet && !writes_to_standard_output(options)) {
    for (std::size_t i = 0; i < outcome.reports.size(); ++i) {
      if (i > 0) console.out << "\n";
      write_text(console.out, outcome.reports[i]);
    }
  }
  write_reports(options, outcome, console);
  if (outcome.interrupted) {
    console.err << fmt::format("interrupted: {} of {} scenarios done\n", outcome.reports.size(), options.files.size());
    return kExitInterrupted;
  }
  for (const Report& report : outcome.reports) {
    if (report.has_findings()) return kExitFinding;
  }
  return kExitWell;
}

}  // namespace orrery::scenarios
