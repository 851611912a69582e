#include "scenarios/training/report.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/training/expert_groups.hpp"
#include "models/training/outer_run.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/training_run.hpp"
#include "scenarios/format.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/metrics.hpp"

namespace orrery::scenarios {

namespace {

/// The ledger by kind of the stages that do not fit, the fullest ones; the report's memory.stages[] has all.
std::string out_of_memory_message(const models::TrainingResult& result) {
  constexpr std::size_t kShown = 3;
  std::vector<const models::StageMemory*> over;
  for (const models::StageMemory& stage : result.memory) {
    if (!stage.fits()) over.push_back(&stage);
  }
  std::stable_sort(over.begin(), over.end(), [](const auto* a, const auto* b) { return a->peak > b->peak; });
  std::string message = fmt::format("out of GPU memory: stage {} needs {} of {}", result.fullest().stage,
                                    readable(result.fullest().peak.value(), Unit::bytes),
                                    readable(result.fullest().capacity.value(), Unit::bytes));
  for (std::size_t i = 0; i < over.size() && i < kShown; ++i) {
    message += fmt::format("\n  stage {}:", over[i]->stage);
    for (const StageMetric& metric : stage_metrics()) {
      if (metric.row.name == "model_state_bytes") continue;
      const std::string_view kind = metric.row.name.substr(0, metric.row.name.rfind("_bytes"));
      message += fmt::format(" {} {},", kind, readable(metric.value(*over[i]).value(), Unit::bytes));
    }
    message.pop_back();
  }
  if (over.size() > kShown) message += fmt::format("\n  and {} more stages", over.size() - kShown);
  return message;
}

CostBasis cost_basis(const TrainingSpec& spec, const models::TrainingResult& result) {
  const models::TrainingConfig& config = spec.job.config;
  const double step_tokens =
      static_cast<double>(config.global_batch_size) * static_cast<double>(config.sequence_length);
  const double tokens = spec.total_tokens > 0 ? static_cast<double>(spec.total_tokens) : step_tokens;
  const double steps = std::ceil(tokens / step_tokens);
  return {tokens, result.step_time * steps, training_gpus(spec),
          mean_price(spec.job.cluster, training_gpu_numbers(spec))};
}

}  // namespace

int training_gpus(const JobSpec& spec) {
  const models::TrainingJob& job = dynamic_cast<const TrainingSpec&>(spec).job;
  return job.config.tensor_parallel * job.config.pipeline_parallel * models::data_parallel_degree(job);
}

namespace {

/// The report of a predicted step.
JobRun report_step(const models::TrainingJob& job, const kernels::KernelTimer& timer, models::TrainingResult result,
                   bool keep_plan) {
  auto outcome = std::make_shared<TrainingOutcome>(std::move(result));
  const models::TrainingResult& step = outcome->result;
  JobRun run{outcome,
             provenance_of(job, cost_entries(*step.plan, models::training_prices(job, timer), CostedBy::activity))};
  if (!keep_plan) outcome->result.plan.reset();
  return run;
}

class SharedTraining final : public SharedJob {
 public:
  SharedTraining(const TrainingSpec& spec, const kernels::KernelTimer& timer, const Surroundings& around)
      : spec_(spec),
        timer_(timer),
        around_(around),
        run_(spec.job, timer, models::alike_members(spec.job, around.disturbances, around.topology),
             around.keep.lowered.get(), around.control) {
    models::require_undisturbed(spec.job.config, true);
    run_.set_steps(spec.steps, around.keep.timeline);
  }

  [[nodiscard]] models::WorldJob& job() override { return run_; }
  [[nodiscard]] JobRun finish(const models::WorldOutcome&) override {
    if (run_.steps().empty()) {
      throw models::Disturbed("it ended before its first step did: give it more time");
    }
    models::TrainingResult result = std::move(run_).world_result();
    return report_step(spec_.job, timer_, std::move(result), around_.keep.timeline);
  }

 private:
  const TrainingSpec& spec_;
  const kernels::KernelTimer& timer_;
  const Surroundings& around_;
  models::TrainingRun run_;
};

}  // namespace

JobRun run_training(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                    const sim::RunControl& control) {
  const models::TrainingJob& job = dynamic_cast<const TrainingSpec&>(spec).job;
  models::TrainingOptions options;
  options.keep_timeline = keep.timeline;
  options.lowered = keep.lowered.get();
  options.control = control;
  models::TrainingResult result = models::predict(job, timer, options);
  control.check();
  return report_step(job, timer, std::move(result), keep.timeline);
}

std::unique_ptr<SharedJob> share_training(const JobSpec& spec, const kernels::KernelTimer& timer,
                                          const Surroundings& around) {
  return std::make_unique<SharedTraining>(dynamic_cast<const TrainingSpec&>(spec), timer, around);
}

std::vector<std::uint32_t> training_gpu_numbers(const JobSpec& spec) {
  const models::TrainingJob& job = dynamic_cast<const TrainingSpec&>(spec).job;
  const sim::Placement placement = models::make_placement(job);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t member = 0; member < static_cast<std::uint32_t>(training_gpus(spec)); ++member) {
    numbers.push_back(placement.gpu(member));
  }
  return numbers;
}

std::vector<MetricValue> training_values(const JobSpec& spec, const JobResult& result) {
  const models::TrainingResult& of_step = dynamic_cast<const TrainingOutcome&>(result).result;
  return evaluate_metrics(of_step, cost_basis(dynamic_cast<const TrainingSpec&>(spec), of_step));
}

void add_training_findings(const JobView& view, std::vector<Finding>& findings) {
  const models::TrainingResult& result = result_of<TrainingOutcome>(view).result;
  const std::string tokens = models::too_many_tokens(spec_of<TrainingSpec>(view.job).job);
  if (!tokens.empty()) findings.push_back({"expert_exchange_tokens", tokens, false});
  if (!result.out_of_memory()) return;
  findings.push_back({"out_of_memory", out_of_memory_message(result), view.expects_below("memory.fits", 0.5)});
}

}  // namespace orrery::scenarios
