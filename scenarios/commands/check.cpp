// orrery check PATH…: run scenarios and hold them to what they expect.

#include <array>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/format.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

namespace {

struct Counts {
  std::array<int, 4> outcomes{};  ///< by kind, in the order of the enumeration
  int not_run = 0;                ///< scenarios and variants that can't be run here
};

void write_outcome(const ExpectationOutcome& outcome, Console& console) {
  const Expectation& e = outcome.expectation;
  const std::string predicted = outcome.predicted ? readable(*outcome.predicted, e.unit) : "nothing";
  std::string error;
  if (outcome.predicted && e.value != 0.0 && e.unit != Unit::flag) {
    error = fmt::format(" ({:+.1f} %)", (*outcome.predicted / e.value - 1.0) * 100.0);
  }
  console.out << fmt::format("  {:<10} {}: expected {}, predicted {}{}\n", name(outcome.outcome), e.metric,
                             readable(e.value, e.unit), predicted, error);
  if (outcome.known_miss_holds) {
    console.out << "             known miss now holds; remove known_miss: " << e.known_miss << "\n";
  } else if (outcome.outcome == Outcome::known_miss) {
    console.out << "             known miss: " << e.known_miss << "\n";
  }
}

void write_checked(const Report& report, bool quiet, Counts& counts, Console& console) {
  const std::string variant = report.scenario.variant.empty() ? "" : fmt::format(" [{}]", report.scenario.variant);
  if (!quiet) console.out << report.scenario.name << variant << "\n";
  if (!report.scenario.skipped.empty()) {
    ++counts.not_run;
    if (!quiet) console.out << fmt::format("  {:<10} {}\n", "skipped", report.scenario.skipped);
  }
  for (const ExpectationOutcome& outcome : report.expectations) {
    ++counts.outcomes.at(static_cast<std::size_t>(outcome.outcome));
    if (!report.scenario.skipped.empty()) continue;
    if (!quiet) write_outcome(outcome, console);
  }
  for (const Finding& finding : report.findings) {
    const bool of_an_expectation = finding.kind == "expectation_missed" || finding.kind == "known_miss_holds";
    if (!quiet && !of_an_expectation) {
      // An expected one needs no ledger: its first line says what and how much.
      const std::string text =
          finding.expected ? finding.message.substr(0, finding.message.find('\n')) : finding.message;
      console.out << fmt::format("  {:<10} {}\n", finding.expected ? "expected" : "finding", text);
    }
  }
  for (const Report& inner : report.variants) write_checked(inner, quiet, counts, console);
}

}  // namespace

int check_paths(const Options& options, Console& console) {
  std::vector<std::string> files;
  for (const std::string& path : options.files) {
    for (std::string& file : scenario_files(path)) files.push_back(std::move(file));
  }
  check_outputs(options, files);
  const std::vector<Scenario> scenarios = load_all(files, options, console);
  const RunOutcome outcome = run_all(scenarios, {options.jobs, options.quiet, {}}, console);
  const bool quiet = options.quiet || writes_to_standard_output(options);
  Counts counts;
  int failed = 0;
  for (const Report& report : outcome.reports) {
    write_checked(report, quiet, counts, console);
    if (report.has_findings()) ++failed;
  }
  (quiet ? console.err : console.out) << fmt::format(
      "{} of {} scenarios checked, {} with findings{}; expectations: {} passed, {} missed, {} known misses, {} "
      "skipped\n",
      outcome.reports.size(), files.size(), failed,
      counts.not_run > 0 ? fmt::format(", {} can't run here", counts.not_run) : "", counts.outcomes[0],
      counts.outcomes[1], counts.outcomes[2], counts.outcomes[3]);
  emit(options.json, to_json(outcome.reports, outcome.interrupted, options.engine_part()), outcome.interrupted,
       console);
  emit(options.csv, to_csv(outcome.reports, outcome.interrupted), outcome.interrupted, console);
  emit(options.junit, to_junit(outcome.reports, outcome.interrupted), outcome.interrupted, console);
  if (outcome.interrupted) return kExitInterrupted;
  return failed > 0 ? kExitFinding : kExitWell;
}

}  // namespace orrery::scenarios
