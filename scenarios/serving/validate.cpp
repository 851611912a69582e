// Predictions beside a table of measured serving runs.

#include "scenarios/serving/validate.hpp"

#include "scenarios/runner.hpp"
#include "scenarios/serving/tables.hpp"

namespace orrery::scenarios {

Validation validate_serving(const ValidateRequest& request, Console& console) {
  const auto table = std::make_shared<const ServingTable>(read_serving_table(request.table, request.gpu));
  const std::shared_ptr<const kernels::KernelTimer> timer = request.timer;
  const auto predict_run = [table, timer](std::size_t i) { return compare_serving(table->runs[i], *timer); };
  Progress progress(console, request.quiet, table->runs.size(), "runs");
  const std::vector<std::optional<ServingErrors>> runs =
      compute_all<ServingErrors>(table->runs.size(), request.jobs, predict_run, console, progress);
  ServingErrors all;
  all.skipped = table->skipped;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const ServingErrors& run = runs[i] ? *runs[i] : skipped_run(table->runs[i], "interrupted before it was predicted");
    all.rows.insert(all.rows.end(), run.rows.begin(), run.rows.end());
    all.figures.insert(all.figures.end(), run.figures.begin(), run.figures.end());
    all.skipped.insert(all.skipped.end(), run.skipped.begin(), run.skipped.end());
  }
  Validation result{calibrate::summarise(all.rows, std::move(all.skipped)), std::move(all.figures)};
  const calibrate::ErrorReport figures = calibrate::summarise(result.figures, {});
  result.report.groups.insert(result.report.groups.end(), figures.groups.begin(), figures.groups.end());
  return result;
}

}  // namespace orrery::scenarios
