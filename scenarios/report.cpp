#include "scenarios/report.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/lent_fits.hpp"
#include "scenarios/nccl_section.hpp"
#include "scenarios/world.hpp"
#include "sim/clock.hpp"

namespace orrery::scenarios {

namespace {

/// A sentence of one of several jobs says which.
std::string of_job(const Job& job, const std::string& sentence) {
  return job.name.empty() ? sentence : fmt::format("{}: {}", job.name, sentence);
}

void add_notes(Report& report) {
  int used = 0;
  for (const JobView& view : job_views(report)) {
    std::vector<std::string> notes;
    if (view.result != nullptr) view.job.kind->notes(view, notes);
    for (const std::string& note : notes) report.notes.push_back(of_job(view.job, note));
    used += view.job.kind->gpus(*view.job.spec);
  }
  if (rests_on_datasheets(report.provenance)) {
    report.notes.push_back(
        fmt::format("times and rates rest on datasheets alone: no kernel of {} was measured (orrery calibrate fit)",
                    report.scenario.cluster.gpu_names()));
  }
  for (const hardware::NodeGroup& group : report.scenario.cluster.groups) {
    const std::string lender = lending_board(group.gpu);
    if (lender.empty()) continue;
    report.notes.push_back(lent_fits_text(group.gpu.name, lender));
    break;
  }
  for (std::string& note : nccl_notes(report.scenario.cluster.nccl)) report.notes.push_back(std::move(note));
  const int all = report.scenario.cluster.gpu_count();
  if (used >= all) return;
  report.notes.push_back(fmt::format("uses {} of {} GPUs; the cost counts only those", used, all));
}

/// A choice that changed nothing is not the choice that was meant.
void add_unused_algorithm(Report& report) {
  const std::string& forced = report.scenario.cluster.nccl.algorithms.text;
  bool any = false, used = false;
  for (const Provenance& line : report.provenance) {
    if (line.kind != "collectives") continue;
    any = true;
    used = used || line.name == forced;
  }
  if (forced.empty() || !any || used) return;
  report.findings.push_back({"collective_algorithm_unused",
                             fmt::format("cluster.nccl.algo (collective_algorithm): {} carries out no collective of "
                                         "this run: NCCL offers it for none of "
                                         "their kinds, or these GPUs can't do it (orrery list collectives)",
                                         forced),
                             false});
}

void add_findings(Report& report) {
  add_unused_algorithm(report);
  for (const JobView& view : job_views(report)) {
    if (view.result == nullptr) continue;
    std::vector<Finding> findings;
    view.job.kind->findings(view, findings);
    for (Finding& finding : findings) {
      finding.message = of_job(view.job, finding.message);
      report.findings.push_back(std::move(finding));
    }
  }
  for (const ExpectationOutcome& outcome : report.expectations) {
    const Expectation& e = outcome.expectation;
    if (outcome.outcome == Outcome::miss) {
      report.findings.push_back({"expectation_missed",
                                 fmt::format("{}: expected {} ({}), predicted {}", e.metric, readable(e.value, e.unit),
                                             e.source, readable(*outcome.predicted, e.unit)),
                                 false});
    }
    if (outcome.known_miss_holds) {
      report.findings.push_back({"known_miss_holds",
                                 fmt::format("{}: known miss now holds, predicted {}; remove known_miss: {}", e.metric,
                                             readable(*outcome.predicted, e.unit), e.known_miss),
                                 false});
    }
  }
}

}  // namespace

std::vector<JobView> job_views(const Report& report) {
  std::vector<JobView> views;
  const std::vector<Job>& jobs = report.scenario.jobs;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    views.push_back({report, jobs[i], i < report.results.size() ? report.results[i].get() : nullptr});
  }
  return views;
}

std::vector<std::string> lost_jobs(const Report& report) {
  std::vector<std::string> messages;
  for (const Finding& finding : report.findings) {
    if (finding.kind == Finding::kDisturbed) messages.push_back(finding.message);
  }
  return messages;
}

std::vector<const hardware::NodeGroup*> JobView::groups() const {
  std::vector<const hardware::NodeGroup*> groups;
  for (const std::size_t group : job.kind->groups(*job.spec)) groups.push_back(&scenario().cluster.groups[group]);
  return groups;
}

DollarsPerHour mean_price(const hardware::Cluster& cluster, const std::vector<std::uint32_t>& gpus) {
  std::vector<double> count(cluster.groups.size(), 0.0);
  for (const std::uint32_t gpu : gpus) count[cluster.group_of_gpu(gpu)] += 1.0;
  DollarsPerHour sum;
  for (std::size_t group = 0; group < count.size(); ++group) {
    const DollarsPerHour price = cluster.groups[group].gpu.price;
    if (count[group] == static_cast<double>(gpus.size())) return price;  // without a rounding
    sum += price * (count[group] / static_cast<double>(gpus.size()));
  }
  return sum;
}

bool JobView::expects_below(std::string_view name, double limit) const {
  const auto expects = [&](const Expectation& e) {
    return e.metric == job.prefix() + std::string(name) && e.value < limit;
  };
  return std::any_of(scenario().expectations.begin(), scenario().expectations.end(), expects);
}

bool Report::has_findings() const {
  const auto unexpected = [](const Finding& finding) { return !finding.expected; };
  const auto in_variant = [](const Report& variant) { return variant.has_findings(); };
  return std::any_of(findings.begin(), findings.end(), unexpected) ||
         std::any_of(variants.begin(), variants.end(), in_variant);
}

std::optional<double> Report::find_metric(std::string_view name) const {
  for (const MetricValue& value : metrics) {
    if (value.name == name) return value.value;
  }
  return std::nullopt;
}

std::unique_ptr<kernels::KernelTimer> make_timer(std::string_view name) {
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == name) return row.make();
  }
  throw std::logic_error(fmt::format("a checked scenario names an unknown timer: {}", name));
}

namespace {

/// Predicts the only job.
void run_job(Report& report, const Job& job, const kernels::KernelTimer& timer, const Keep& keep,
             const sim::RunControl& control) {
  add_run(report, job, job.kind->run(*job.spec, timer, keep, control));
  report.reading = report.results.back()->reading();
  report.batched = report.results.back()->batched();
  report.links = report.results.back()->links();
}

// Of a run's time: the prediction; the rest is where its numbers come from.
constexpr double kPrediction = 0.98;

}  // namespace

void add_run(Report& report, const Job& job, JobRun run) {
  for (MetricValue& value : job.kind->evaluate(*job.spec, *run.result)) {
    value.name.insert(0, job.prefix());
    report.metrics.push_back(std::move(value));
  }
  for (Provenance& line : run.provenance) {
    const bool known = std::find(report.provenance.begin(), report.provenance.end(), line) != report.provenance.end();
    if (!known || job.name.empty()) report.provenance.push_back(std::move(line));
  }
  report.results.push_back(std::move(run.result));
}

Report run_scenario_with(const Scenario& scenario, const kernels::KernelTimer& timer, const Keep& keep,
                         const sim::RunControl& control) {
  const auto start = std::chrono::steady_clock::now();
  Report report;
  report.scenario = scenario;
  report.scenario.variants.clear();
  if (scenario.skipped.empty()) {
    try {
      const sim::RunControl prediction = control.part(0.0, kPrediction);
      if (needs_world(report.scenario)) {
        run_on_world(report, timer, keep, prediction);
      } else {
        for (const Job& job : report.scenario.jobs) run_job(report, job, timer, keep, prediction);
      }
    } catch (const std::invalid_argument& error) {
      throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(scenario.file), error.what()));
    } catch (const sim::TimeOverflow& error) {
      throw hardware::ConfigError(fmt::format("{}: {}", hardware::quoted_path(scenario.file), error.what()));
    }
  }
  for (const Expectation& expectation : scenario.expectations) {
    report.expectations.push_back(judge(expectation, report.metrics));
  }
  if (scenario.skipped.empty()) {
    add_findings(report);
    add_notes(report);
  }
  control.check();
  control.report(1.0);
  report.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

Report run_scenario(const Scenario& scenario, const Keep& keep, const sim::RunControl& control) {
  if (!scenario.skipped.empty())
    return run_scenario_with(scenario, *make_timer(kernels::timers().back().name), keep, control);
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(scenario.timer);
  if (!keep.intervals) return run_scenario_with(scenario, *timer, keep, control);
  constexpr double kItself = 0.1;  // of as many runs as the fits have ends, and this one
  const auto start = std::chrono::steady_clock::now();
  Report report = run_scenario_with(scenario, *timer, keep, control.part(0.0, kItself));
  report.intervals = intervals_of(scenario, report, *timer, control.part(kItself, 1.0));
  report.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace orrery::scenarios
