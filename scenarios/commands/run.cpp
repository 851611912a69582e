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

/// One file: the scenario, or what is wrong with it.
struct Loaded {
  std::optional<Scenario> scenario;
  std::vector<hardware::Diagnostic> errors;
};

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
  const auto load = [files, overrides = options.overrides](std::size_t i) {
    Loaded loaded;
    try {
      loaded.scenario = load_scenario(files[i], overrides);
    } catch (const ConfigError& error) {
      loaded.errors = error.diagnostics();
      if (loaded.errors.empty()) loaded.errors.push_back({"", {}, error.what()});
    }
    return loaded;
  };
  Progress silent(console, true, files.size(), "files");
  std::vector<hardware::Diagnostic> errors;
  std::vector<Scenario> scenarios;
  for (std::optional<Loaded>& loaded : compute_all<Loaded>(files.size(), options.jobs, load, console, silent)) {
    if (!loaded) continue;
    errors.insert(errors.end(), loaded->errors.begin(), loaded->errors.end());
    if (loaded->scenario) scenarios.push_back(std::move(*loaded->scenario));
  }
  if (!errors.empty()) throw ConfigError(std::move(errors));
  return scenarios;
}

void check_outputs(const Options& options, const std::vector<std::string>& inputs) {
  std::vector<std::string> outputs;
  for (const std::string* path :
       {&options.json, &options.csv, &options.trace, &options.junit, &options.requests, &options.output}) {
    if (path->empty()) continue;
    if (*path != "-") check_writable(*path);
    for (const std::string& other : outputs) {
      if (same_file(*path, other)) throw ConfigError(fmt::format("{}: two outputs can't go to the same place", *path));
    }
    for (const std::string& input : inputs) {
      if (*path == "-" || !same_file(*path, input)) continue;
      throw ConfigError(fmt::format("{}: the output would overwrite the input {}", *path, input));
    }
    outputs.push_back(*path);
  }
}

int interrupted_alone(const Options& options, Console& console) {
  emit(options.json, to_json({}, true), true, console);
  console.err << "interrupted: nothing done\n";
  return kExitInterrupted;
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
  check_outputs(options, options.files);
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
