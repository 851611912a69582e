// Predictions beside a table of measured training steps.

#include "scenarios/training/validate.hpp"

#include "scenarios/runner.hpp"
#include "scenarios/training/tables.hpp"

namespace orrery::scenarios {

namespace {

/// A row of the table, or why it can't be compared.
struct PredictedStep {
  calibrate::PredictedRow row;
  std::string failure;
};

}  // namespace

Validation validate_training(const ValidateRequest& request, Console& console) {
  const auto table = std::make_shared<const TrainingTable>(read_training_table(request.table, request.gpu));
  const std::shared_ptr<const kernels::KernelTimer> timer = request.timer;
  const auto predict_row = [table, timer](std::size_t i) {
    const MeasuredStep& step = table->steps[i];
    PredictedStep predicted;
    try {
      const models::TrainingResult result = models::predict(step.job, *timer);
      const std::optional<Seconds> measured = implied_step_time(step, result);
      predicted.row = {
          step.line,     step.description, step.group, result.step_time.value(), measured.value_or(Seconds{}).value(),
          "step_time_s", step.id};
      if (!measured || measured->value() <= 0.0) predicted.failure = "the figure implies no step time";
    } catch (const std::invalid_argument& error) {
      predicted.failure = error.what();
    }
    return predicted;
  };
  Progress progress(console, request.quiet, table->steps.size(), "rows");
  const std::vector<std::optional<PredictedStep>> steps =
      compute_all<PredictedStep>(table->steps.size(), request.jobs, predict_row, console, progress);
  std::vector<calibrate::PredictedRow> predicted;
  std::vector<calibrate::SkippedRow> skipped = table->skipped;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i] && steps[i]->failure.empty()) {
      predicted.push_back(steps[i]->row);
    } else {
      skipped.push_back({table->steps[i].line, table->steps[i].description,
                         steps[i] ? steps[i]->failure : "interrupted before it was predicted", table->steps[i].id});
    }
  }
  return {calibrate::summarise(std::move(predicted), std::move(skipped)), {}};
}

}  // namespace orrery::scenarios
