// A serving run explained as a whole: its typical iterations priced once, its cost, and what `orrery explain` prints.

#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/format.hpp"
#include "scenarios/serving/explanation.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/serving/report.hpp"

namespace orrery::scenarios {

namespace {

ExplainNode hours_node(const ExplainedRun& e) {
  ExplainNode node = metric_node(e.view, "cost.gpu_hours");
  node.equation = "GPUs * duration / 3600";
  node.parts.push_back(figure("GPUs", serving_gpus(result_of<ServingOutcome>(e.view).result.config), Unit::count,
                              "tensor_parallel * pipeline_parallel * replicas"));
  if (std::optional<ExplainNode> duration = explain_run(e, "serving.duration_s"))
    node.parts.push_back(std::move(*duration));
  return node;
}

ExplainNode paid_tokens(const ExplainedRun& e, bool output_only) {
  const models::ServingResult& result = result_of<ServingOutcome>(e.view).result;
  const double output = static_cast<double>(result.output_tokens);
  ExplainNode answers = figure("answer tokens", output, Unit::count, "of the counted requests");
  if (output_only) return answers;
  ExplainNode node = figure("tokens", static_cast<double>(result.input_tokens) + output, Unit::count,
                            "prompts and answers of the counted requests");
  node.parts = {
      figure("prompt tokens", static_cast<double>(result.input_tokens), Unit::count, "of the counted requests"),
      std::move(answers)};
  node.sums = true;
  return node;
}

Json pool_json(const JobView& view) {
  Json list = Json::array();
  for (const PoolTerm& term : pool_terms(spec_of<ServingSpec>(view.job).job, result_of<ServingOutcome>(view).result)) {
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

class RunExplanation final : public JobExplanation {
 public:
  explicit RunExplanation(const JobView& view) : view_(view), iterations_(price(view)) {}

  [[nodiscard]] std::optional<ExplainNode> of(const std::string& metric) const override {
    const ExplainedRun run{view_, iterations_};
    if (std::optional<ExplainNode> node = explain_run_memory(run, metric)) return node;
    if (std::optional<ExplainNode> node = explain_run(run, metric)) return node;
    return explain_cost(view_, {[&] { return hours_node(run); }, [&](bool output) { return paid_tokens(run, output); }},
                        metric);
  }
  void write_text(std::ostream& out) const override {
    const models::ServingResult& result = result_of<ServingOutcome>(view_).result;
    out << fmt::format("{} requests in {} over {} iterations, each as long as its kernels and collectives take\n",
                       result.requests, readable(result.duration.value(), Unit::seconds), result.steps);
    write_pool(out, spec_of<ServingSpec>(view_.job).job, result);
    if (!result.started) out << "\n" << result.refusal << "\n";
    for (const TypicalStep& step : iterations_) {
      write_entries(out, "A typical " + step.title, step.entries);
      write_step_times(out, result.config, step);
    }
  }
  void write_json(Json& report) const override {
    report["kv_pool"] = pool_json(view_);
    report["iterations"] = iterations_json(iterations_);
  }

 private:
  static std::vector<TypicalStep> price(const JobView& view) {
    const std::unique_ptr<kernels::KernelTimer> timer = make_timer(view.scenario().timer);
    return typical_steps(spec_of<ServingSpec>(view.job).job, result_of<ServingOutcome>(view).result, *timer);
  }

  JobView view_;
  std::vector<TypicalStep> iterations_;
};

}  // namespace

std::unique_ptr<JobExplanation> explain_serving(const JobView& view) { return std::make_unique<RunExplanation>(view); }

}  // namespace orrery::scenarios
