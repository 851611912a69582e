// A training step explained as a whole: its entries priced once, its cost, and what `orrery explain` prints.

#include <cmath>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/sensitivity.hpp"
#include "scenarios/format.hpp"
#include "scenarios/training/explanation.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/metrics.hpp"

namespace orrery::scenarios {

namespace {

ExplainNode hours_node(const ExplainedStep& e) {
  const auto& spec = spec_of<TrainingSpec>(e.view.job);
  const models::TrainingConfig& config = spec.job.config;
  const double tokens = static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length);
  const double steps = spec.total_tokens > 0 ? std::ceil(static_cast<double>(spec.total_tokens) / tokens) : 1.0;
  ExplainNode node = metric_node(e.view, "cost.gpu_hours");
  node.equation = "GPUs * step_time * steps / 3600";
  node.parts.push_back(figure("GPUs", models::make_mesh(spec.job).gpus(), Unit::count,
                              "tensor_parallel * pipeline_parallel * data_parallel"));
  node.parts.push_back(*explain_step(e, "training.step_time_s"));
  node.parts.push_back(figure("optimizer steps", steps, Unit::count,
                              spec.total_tokens > 0 ? "training.total_tokens / tokens of a step, rounded up"
                                                    : "one: no training.total_tokens is given"));
  return node;
}

ExplainNode paid_tokens(const ExplainedStep& e) {
  const auto& spec = spec_of<TrainingSpec>(e.view.job);
  if (spec.total_tokens > 0) return asserted("training.total_tokens", static_cast<double>(spec.total_tokens));
  const models::TrainingConfig& config = spec.job.config;
  return figure("tokens of a step",
                static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length),
                Unit::count, "global_batch_size * sequence_length");
}

void write_memory(std::ostream& out, const JobView& view) {
  out << "\nMemory of the fullest GPU\n";
  for (const MetricRow& row : training_metric_rows()) {
    if (row.name.rfind("memory.", 0) != 0) continue;
    out << fmt::format("  {:<28} {:>12}  {}\n", row.name, readable(view.metric(row.name), row.unit), row.equation);
  }
}

class StepExplanation final : public JobExplanation {
 public:
  explicit StepExplanation(const JobView& view) : view_(view), entries_(price(view)) {}

  [[nodiscard]] std::optional<ExplainNode> of(const std::string& metric) const override {
    const ExplainedStep step{view_, entries_};
    if (std::optional<ExplainNode> node = explain_step(step, metric)) return node;
    if (std::optional<ExplainNode> node = explain_step_memory(step, metric)) return node;
    return explain_cost(view_, {[&] { return hours_node(step); }, [&](bool) { return paid_tokens(step); }}, metric);
  }
  void write_text(std::ostream& out) const override {
    const models::TrainingResult& result = result_of<TrainingOutcome>(view_).result;
    const std::size_t ranks = result.plan->ranks.size();
    out << fmt::format("step time {} = the longest path of a plan of {} steps over {} for {} GPUs\n",
                       readable(result.step_time.value(), Unit::seconds), result.plan->step_count(),
                       ranks == 1 ? "one rank, which stands" : fmt::format("{} ranks, which stand", ranks),
                       models::make_mesh(spec_of<TrainingSpec>(view_.job).job).gpus());
    write_sensitivity(out, sensitivity());
    write_entries(out, "Steps, by time per GPU", entries_);
    write_memory(out, view_);
  }
  void write_json(Json& report) const override {
    report["steps"] = entries_json(entries_);
    report["sensitivity"] = Json::array();
    for (const models::Sensitivity& kind : sensitivity().kinds) {
      report["sensitivity"].push_back({{"kind", kind.kind},
                                       {"step_time_if_10_percent_faster_s", kind.faster.value()},
                                       {"step_time_without_s", kind.without.value()}});
    }
  }

 private:
  [[nodiscard]] models::StepSensitivity sensitivity() const {
    const std::unique_ptr<kernels::KernelTimer> timer = make_timer(view_.scenario().timer);
    return models::step_sensitivity(spec_of<TrainingSpec>(view_.job).job, *timer);
  }
  static void write_sensitivity(std::ostream& out, const models::StepSensitivity& step) {
    const auto change = [&](Seconds time) { return 100.0 * (time / step.step_time - 1.0); };
    out << "\nWhat the step hangs on: its change if a kind of work took 10 % less time, and if it took none\n";
    for (const models::Sensitivity& kind : step.kinds) {
      out << fmt::format("  {:>8.2f} %  {:>8.2f} %  {}\n", change(kind.faster), change(kind.without), kind.kind);
    }
    out << "\n";
  }
  static std::vector<CostedEntry> price(const JobView& view) {
    const std::unique_ptr<kernels::KernelTimer> timer = make_timer(view.scenario().timer);
    const models::TrainingResult& result = result_of<TrainingOutcome>(view).result;
    std::vector<CostedEntry> entries = cost_entries(
        *result.plan, models::training_prices(spec_of<TrainingSpec>(view.job).job, *timer), CostedBy::activity);
    add_held_up(entries, *result.plan, result.held_up);
    return entries;
  }

  JobView view_;
  std::vector<CostedEntry> entries_;
};

}  // namespace

std::unique_ptr<JobExplanation> explain_training(const JobView& view) {
  return std::make_unique<StepExplanation>(view);
}

}  // namespace orrery::scenarios
