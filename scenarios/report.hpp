// A Report: what one run of a scenario says, and its forms JSON, CSV, text and JUnit.
//
// The contract of the JSON form: schema_version, orrery, scenario (resolved), seed, provenance, findings, notes (where
// there are any), expectations, training or serving, memory (with stages[] in training), cost, engine; then variants[],
// each a report. Of several jobs the sections stand in jobs[], each with the job's name and kind. Everything but
// `engine` is the same for the same input, whatever the number of threads.
//
// A scenario that can't be run here (its trace is not on this machine) gives a report too: `skipped` says why, it has
// no figures, its expectations are skipped, and it is no finding.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "kernels/kernel.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/intervals.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/provenance.hpp"
#include "scenarios/scenario.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::string_view kVersion = "0.1.0";

/// Something that the user should act on: exit code 1, unless the scenario expects it.
///
/// "out_of_memory", "expectation_missed", "known_miss_holds", kDisturbed; of serving: "slo_missed" (fewer requests than
/// slo.attainment, 99 % unless it says otherwise, are within the limits), "nothing_served" (every request was refused),
/// and "saturated". A queue that grows without bound is a finding only where something is promised: that may hold over
/// the simulated minutes, but not for good. Without one it is a note, since to find a deployment's limit is a fair
/// question, and the throughput then is its answer, while latencies grow with the length of the run.
struct Finding {
  /// Of a job that an event of the machine stopped, or that ended before it had done anything.
  static constexpr std::string_view kDisturbed = "disturbed";

  std::string kind;
  std::string message;
  bool expected = false;
};

struct Report {
  Scenario scenario;
  /// Of scenario.jobs, in their order, null for one that has none; empty for a scenario that was not run. Copies of a
  /// report share them.
  std::vector<std::shared_ptr<JobResult>> results;
  std::vector<MetricValue> metrics;
  std::string reading =
      "frozen";          ///< how times were found: "frozen" where nothing shares a link, else "flows" or "messages"
  sim::Batched batched;  ///< what cluster.network.completion_batching did
  std::uint64_t world_events = 0;      ///< of the clock of a World with several jobs
  std::vector<sim::LinkReport> links;  ///< what the machine's links carried
  std::vector<Provenance> provenance;
  std::vector<Finding> findings;
  std::vector<std::string> notes;  ///< worth knowing, nothing to act on: GPUs that the plan leaves idle
  std::vector<ExpectationOutcome> expectations;
  std::optional<Intervals> intervals;  ///< where they were asked for
  std::vector<Report> variants;
  double wall_seconds = 0.0;
  bool partial = false;  ///< a variant is missing because the run was interrupted

  /// A finding that the scenario did not expect, here or in a variant.
  [[nodiscard]] bool has_findings() const;
  /// The value of a metric, or 0 if the report has none of that name.
  [[nodiscard]] double metric(std::string_view name) const { return find_metric(name).value_or(0.0); }
  /// nullopt: the report has no such metric, or it is undefined for this run.
  [[nodiscard]] std::optional<double> find_metric(std::string_view name) const;
};

/// What the findings say of jobs that the machine's events stopped, or that ended too early to have figures.
[[nodiscard]] std::vector<std::string> lost_jobs(const Report& report);

/// A job of a report, as the functions of its row (kinds.hpp) see it. Refers to the report.
struct JobView {
  const Report& report;
  const Job& job;
  const JobResult* result = nullptr;  ///< nullptr: it was not run

  [[nodiscard]] const Scenario& scenario() const { return report.scenario; }
  /// The cluster's node groups that the job runs on.
  [[nodiscard]] std::vector<const hardware::NodeGroup*> groups() const;
  /// The GPU of the first of them.
  [[nodiscard]] const hardware::Gpu& gpu() const { return groups().front()->gpu; }
  /// The job's own metric, "training.step_time_s".
  [[nodiscard]] std::optional<double> find_metric(std::string_view name) const {
    return report.find_metric(job.prefix() + std::string(name));
  }
  [[nodiscard]] double metric(std::string_view name) const { return find_metric(name).value_or(0.0); }
  /// The scenario expects that metric to be below `limit`: a finding that says so is then no news.
  [[nodiscard]] bool expects_below(std::string_view name, double limit) const;
};
[[nodiscard]] std::vector<JobView> job_views(const Report& report);

/// Of a GPU hour of the job, the mean over its GPUs.
[[nodiscard]] DollarsPerHour mean_price(const hardware::Cluster& cluster, const std::vector<std::uint32_t>& gpus);

/// nullptr: the job is of another kind, or was not run.
template <class Result>
[[nodiscard]] const Result* find_result(const JobView& view) {
  return dynamic_cast<const Result*>(view.result);
}
/// REQUIRES the result of a job of that kind; throws std::bad_cast otherwise.
template <class Result>
[[nodiscard]] const Result& result_of(const JobView& view) {
  const Result* result = find_result<Result>(view);
  if (result == nullptr) throw std::bad_cast();  // a reference to nothing would not be cast but followed
  return *result;
}

/// What a run keeps: beyond its figures, for its report, and of its work, for the runs after it.
struct Keep {
  bool timeline = false;  ///< the plan and its timeline, or a record per iteration of the serving engine
  bool records = false;   ///< a record per served request
  std::shared_ptr<models::LoweredSteps> lowered = {};  ///< training steps that only need new prices; none: all anew
  bool intervals = false;                              ///< how far off each metric may be (intervals.hpp)
  bool until_missed = false;                           ///< a serving run may end once its SLO can't be kept any more
};

/// Predicts one scenario without its variants. Throws ConfigError if the GPU can't compute the job, or for a broken
/// request trace, and sim::Cancelled once `control` says stop. `control` changes no figure.
[[nodiscard]] Report run_scenario(const Scenario& scenario, const Keep& keep = {}, const sim::RunControl& control = {});

/// The same with a timing model of the caller's; Keep::intervals changes nothing.
[[nodiscard]] Report run_scenario_with(const Scenario& scenario, const kernels::KernelTimer& timer,
                                       const Keep& keep = {}, const sim::RunControl& control = {});

/// The timing model of that name. REQUIRES a row of kernels::timers().
[[nodiscard]] std::unique_ptr<kernels::KernelTimer> make_timer(std::string_view name);

/// Metrics that are columns of a table with these reports: a row is there if one of them may have it. Without reports
/// those of the first kind of job.
[[nodiscard]] std::vector<MetricRow> metric_columns(const std::vector<const Report*>& reports);

/// What a report says of the work behind it.
enum class EnginePart : std::uint8_t {
  whole,
  counts,  ///< without wall times: the same bytes from the same input
  none
};

/// One report is an object, several are an array; with `partial` an array of what there is, or
/// {"partial": true, "reports": [...]} in either case.
[[nodiscard]] std::string to_json(const std::vector<Report>& reports, bool partial = false,
                                  EnginePart engine = EnginePart::whole);
/// Without the `engine` parts: what must be the same on every machine.
[[nodiscard]] std::string to_json_without_engine(const std::vector<Report>& reports);

/// A row per run, variants included: scenario, variant, model, GPUs, then every scalar metric of the kinds of run there
/// are; a cell is empty where a run has no such metric.
[[nodiscard]] std::string to_csv(const std::vector<Report>& reports, bool partial = false);
/// One test case per expectation and one per run for its findings.
[[nodiscard]] std::string to_junit(const std::vector<Report>& reports, bool partial = false);
void write_text(std::ostream& out, const Report& report);

}  // namespace orrery::scenarios
