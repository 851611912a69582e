#include "scenarios/report.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>

#include "models/training/pricing.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving_report.hpp"
#include "sim/clock.hpp"

namespace orrery::scenarios {

namespace {

int used_gpus(const Scenario& scenario) {
  const models::TrainingConfig& config = scenario.job.config;
  return config.tensor_parallel * config.pipeline_parallel * models::data_parallel_degree(scenario.job);
}

void add_notes(Report& report) {
  const std::optional<models::ServingJob>& serving = report.scenario.serving;
  const int used = serving ? serving_gpus(serving->config) : used_gpus(report.scenario);
  const int all = report.scenario.job.cluster.gpu_count();
  if (used >= all) return;
  report.notes.push_back(fmt::format("uses {} of {} GPUs; the cost counts only those", used, all));
}

CostBasis cost_basis(const Scenario& scenario, const models::TrainingResult& result) {
  const models::TrainingConfig& config = scenario.job.config;
  const double step_tokens =
      static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length);
  const double tokens = scenario.total_tokens > 0 ? static_cast<double>(scenario.total_tokens) : step_tokens;
  const double steps = std::ceil(tokens / step_tokens);
  return {tokens, result.step_time * steps, used_gpus(scenario), scenario.job.cluster.gpu.price};
}

/// The ledger by kind of the stages that do not fit, the fullest ones; the report's memory.stages[] has all.
std::string out_of_memory_message(const models::TrainingResult& result) {
  constexpr std::size_t kShown = 3;
  std::vector<const models::StageMemory*> over;
  for (const models::StageMemory& stage : result.memory) {
    if (stage.peak > result.memory_capacity) over.push_back(&stage);
  }
  std::stable_sort(over.begin(), over.end(), [](const auto* a, const auto* b) { return a->peak > b->peak; });
  std::string message = fmt::format("out of GPU memory: stage {} needs {} of {}", result.fullest().stage,
                                    readable(result.fullest().peak.value(), Unit::bytes),
                                    readable(result.memory_capacity.value(), Unit::bytes));
  for (std::size_t i = 0; i < over.size() && i < kShown; ++i) {
    message += fmt::format("\n  stage {}:", over[i]->stage);
    for (const StageMetricRow& row : stage_metric_rows()) {
      if (row.name == "model_state_bytes") continue;
      const std::string_view kind = row.name.substr(0, row.name.rfind("_bytes"));
      message += fmt::format(" {} {},", kind, readable(row.value(*over[i]).value(), Unit::bytes));
    }
    message.pop_back();
  }
  if (over.size() > kShown) message += fmt::format("\n  and {} more stages", over.size() - kShown);
  return message;
}

void add_findings(Report& report) {
  const auto expects_no_fit = [](const Expectation& e) { return e.metric == "memory.fits" && e.value == 0.0; };
  const std::string message = report.serving                  ? refusal_message(*report.serving)
                              : report.result.out_of_memory() ? out_of_memory_message(report.result)
                                                              : "";
  if (!message.empty()) {
    const bool expected =
        std::any_of(report.scenario.expectations.begin(), report.scenario.expectations.end(), expects_no_fit);
    report.findings.push_back({"out_of_memory", message, expected});
  }
  if (report.serving) add_serving_findings(report);
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

void run_training(Report& report, const kernels::KernelTimer& timer, const Keep& keep, const sim::RunControl& control) {
  const Scenario& scenario = report.scenario;
  models::TrainingOptions options;
  options.keep_timeline = keep.timeline;
  options.control = control;
  report.result = models::predict(scenario.job, timer, options);
  report.provenance = provenance_of(
      scenario.job, cost_entries(report.result.plan, models::training_prices(scenario.job, timer), CostedBy::activity));
  control.check();
  report.metrics = evaluate_metrics(report.result, cost_basis(scenario, report.result));
  if (keep.timeline) return;
  report.result.plan = {};
  report.result.timeline = {};
}

// Of a run's time: the prediction; the rest is where its numbers come from.
constexpr double kPrediction = 0.98;

}  // namespace

Report run_scenario(const Scenario& scenario, const Keep& keep, const sim::RunControl& control) {
  const auto start = std::chrono::steady_clock::now();
  Report report;
  report.scenario = scenario;
  report.scenario.variants.clear();
  if (scenario.skipped.empty()) {
    const std::unique_ptr<kernels::KernelTimer> timer = make_timer(scenario.timer);
    try {
      const sim::RunControl prediction = control.part(0.0, kPrediction);
      scenario.serving ? run_serving(report, *timer, keep, prediction) : run_training(report, *timer, keep, prediction);
    } catch (const std::invalid_argument& error) {
      throw hardware::ConfigError(fmt::format("{}: {}", scenario.file, error.what()));
    } catch (const sim::TimeOverflow& error) {
      throw hardware::ConfigError(fmt::format("{}: {}", scenario.file, error.what()));
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

}  // namespace orrery::scenarios
