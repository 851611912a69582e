// A Report: what one run of a scenario says, and its forms JSON, CSV, text and JUnit.
//
// The contract of the JSON form: schema_version, orrery, scenario (resolved), seed, provenance, findings, notes (where
// there are any), expectations, training, memory (with stages[]), cost, engine; then variants[], each a report.
// Everything but `engine` is the same for the same input, whatever the number of threads.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/training/training.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/provenance.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::string_view kVersion = "0.1.0";

/// Something that the user should act on: exit code 1, unless the scenario expects it.
struct Finding {
  std::string kind;  ///< "out_of_memory", "expectation_missed", "known_miss_holds"
  std::string message;
  bool expected = false;
};

struct Report {
  Scenario scenario;
  models::TrainingResult result;                 ///< plan and timeline only where a trace was asked for
  std::optional<models::ServingResult> serving;  ///< of a serving scenario that was run; `result` is then empty
  std::vector<MetricValue> metrics;
  std::vector<Provenance> provenance;
  std::vector<Finding> findings;
  std::vector<std::string> notes;  ///< worth knowing, nothing to act on: GPUs that the plan leaves idle
  std::vector<ExpectationOutcome> expectations;
  std::vector<Report> variants;
  double wall_seconds = 0.0;
  bool partial = false;  ///< a variant is missing because the run was interrupted

  /// A finding that the scenario did not expect, here or in a variant.
  [[nodiscard]] bool has_findings() const;
  /// The value of a metric, or 0 if the report has none of that name.
  [[nodiscard]] double metric(std::string_view name) const;
};

/// Predicts one scenario without its variants. Throws ConfigError if the GPU can't compute the job.
[[nodiscard]] Report run_scenario(const Scenario& scenario, bool keep_timeline = false);

/// One report is an object, several are an array; with `partial` an array of what there is, or
/// {"partial": true, "reports": [...]} in either case.
[[nodiscard]] std::string to_json(const std::vector<Report>& reports, bool partial = false);
/// Without the `engine` parts: what must be the same on every machine.
[[nodiscard]] std::string to_json_without_engine(const std::vector<Report>& reports);

/// A row per run, variants included: scenario, variant, one column per `axes` key, then every scalar metric.
[[nodiscard]] std::string to_csv(const std::vector<Report>& reports, bool partial = false);
/// One test case per expectation and one per run for its findings.
[[nodiscard]] std::string to_junit(const std::vector<Report>& reports, bool partial = false);
void write_text(std::ostream& out, const Report& report);

}  // namespace orrery::scenarios
