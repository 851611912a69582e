// orrery run FILE…: predict and report.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <optional>
#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/output.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

/// One file: the scenario, or what is wrong with it.
struct Loaded {
  std::optional<Scenario> scenario;
  std::vector<hardware::Diagnostic> errors;
};

/// Streams to a file or, for "-", to standard output.
void stream(const std::string& path, const std::function<void(std::ostream&)>& write, bool partial, Console& console) {
  if (path == "-") {
    write(console.out);
  } else {
    write_output(path, write, partial);
  }
}

/// Of the first job that has requests; without a report those of none. `kind` has requests.
void write_requests(const Report* report, const KindRow& kind, bool partial, std::ostream& out) {
  const std::vector<JobView> views = report != nullptr ? job_views(*report) : std::vector<JobView>();
  const auto of_kind = [&](const JobView& view) { return view.job.kind == &kind; };
  const auto found = std::find_if(views.begin(), views.end(), of_kind);
  kind.requests(found != views.end() ? &*found : nullptr, partial, out);
}

/// Where the plan or trace of a job goes: each of several jobs has a file of its own.
std::string job_file(const std::string& path, const Job& job) {
  return path == "-" || job.name.empty() ? path : name_with(path, job.name);
}

void write_plans(const Options& options, const Report& report, bool partial, Console& console) {
  for (const JobView& view : job_views(report)) {
    const std::string plan = view.result != nullptr ? view.job.kind->plan(view) : std::string();
    if (plan.empty()) {
      console.err << fmt::format("no plan{}: nothing ran\n", view.job.name.empty() ? "" : " of " + view.job.name);
    } else {
      emit(job_file(options.plan, view.job), plan, partial, console);
    }
  }
}

/// One trace fits on standard output: the first job's.
void write_traces(const Options& options, const Report& report, bool partial, Console& console) {
  const std::vector<JobView> views = job_views(report);
  for (std::size_t i = 0; i < report.results.size(); ++i) {
    if (!report.results[i]) continue;
    const auto write = [&](std::ostream& out) {
      views[i].job.kind->trace(views[i], views[i].job.kind->take_timeline(*report.results[i]), out);
    };
    stream(job_file(options.trace, views[i].job), write, partial, console);
    if (options.trace == "-") return;
  }
}

/// `requests_kind` has requests where --requests is given.
void write_reports(const Options& options, const RunOutcome& outcome, const KindRow& requests_kind, Console& console) {
  const bool partial = outcome.interrupted;
  if (!options.json.empty())
    emit(options.json, to_json(outcome.reports, partial, options.engine_part()), partial, console);
  if (!options.csv.empty()) emit(options.csv, to_csv(outcome.reports, partial), partial, console);
  if (!options.junit.empty()) emit(options.junit, to_junit(outcome.reports, partial), partial, console);
  // --trace, --plan and --requests take one scenario; interrupted before its end it has no report.
  const Report* one = outcome.reports.empty() ? nullptr : &outcome.reports.front();
  if (one != nullptr && !one->scenario.skipped.empty()) return;
  if (!options.trace.empty() && one != nullptr) write_traces(options, *one, partial, console);
  if (!options.plan.empty() && one != nullptr) write_plans(options, *one, partial, console);
  if (options.requests.empty()) return;
  stream(
      options.requests, [&](std::ostream& out) { write_requests(one, requests_kind, partial, out); }, partial, console);
}

void check_alone(const Options& options) {
  if (options.files.size() == 1) return;
  if (!options.trace.empty()) throw ConfigError("--trace takes one scenario at a time");
  if (!options.requests.empty()) throw ConfigError("--requests takes one scenario at a time");
  if (!options.plan.empty()) throw ConfigError("--plan takes one scenario at a time");
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
  for (const Scenario& scenario : scenarios) {
    std::vector<std::string> inputs = input_files(scenario);
    inputs.push_back(scenario.file);
    check_outputs(options, inputs, scenario.jobs);
  }
  return scenarios;
}

void check_outputs(const Options& options, const std::vector<std::string>& inputs, const std::vector<Job>& jobs) {
  std::vector<std::string> named = {options.json,     options.csv,    options.junit,
                                    options.requests, options.output, options.svg};
  for (const std::string& each : {options.plan, options.trace}) {
    if (jobs.empty() || each == "-") named.push_back(each);
    for (const Job& job : jobs) {
      if (!each.empty() && each != "-") named.push_back(job_file(each, job));
    }
  }
  std::vector<std::string> outputs;
  for (const std::string& path : named) {
    if (path.empty()) continue;
    if (path != "-") check_writable(path);
    for (const std::string& other : outputs) {
      if (same_file(path, other))
        throw ConfigError(fmt::format("{}: two outputs can't go to the same place", hardware::quoted_path(path)));
    }
    for (const std::string& input : inputs) {
      if (path == "-" || !same_file(path, input)) continue;
      throw ConfigError(fmt::format("{}: the output would overwrite the input {}", hardware::quoted_path(path),
                                    hardware::quoted_path(input)));
    }
    outputs.push_back(path);
  }
}

void check_new(const std::string& path, bool force) {
  std::error_code code;
  if (force || path.empty() || path == "-" || !std::filesystem::is_regular_file(path, code)) return;
  throw ConfigError(fmt::format("{}: is there already; --force replaces it", hardware::quoted_path(path)));
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
  return options.json == "-" || options.csv == "-" || options.trace == "-" || options.junit == "-" ||
         options.requests == "-" || options.plan == "-";
}

int run_files(const Options& options, Console& console) {
  check_alone(options);
  check_outputs(options, options.files);
  const std::vector<Scenario> scenarios = load_all(options.files, options, console);
  const KindRow* requests_kind = kinds().front();
  for (const Scenario& scenario : scenarios) {
    if (options.requests.empty()) break;
    const auto has_requests = [](const Job& job) { return job.kind->requests != nullptr; };
    const auto found = std::find_if(scenario.jobs.begin(), scenario.jobs.end(), has_requests);
    if (found == scenario.jobs.end()) {
      throw ConfigError(fmt::format("--requests: {} is a {} run, which serves no requests", scenario.file,
                                    scenario.jobs.front().kind->name));
    }
    requests_kind = found->kind;
  }
  // A request's life is part of the trace. A kept timeline has its plan beside it.
  Keep keep{!options.trace.empty() || !options.plan.empty(), !options.trace.empty() || !options.requests.empty()};
  keep.intervals = options.intervals;
  const RunOutcome outcome = run_all(scenarios, {options.jobs, options.quiet, keep}, console);
  if (!options.quiet && !writes_to_standard_output(options)) {
    for (std::size_t i = 0; i < outcome.reports.size(); ++i) {
      if (i > 0) console.out << "\n";
      write_text(console.out, outcome.reports[i]);
    }
  }
  write_reports(options, outcome, *requests_kind, console);
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
