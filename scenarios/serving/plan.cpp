#include "scenarios/serving/plan.hpp"

#include "models/serving/step_model.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/steps.hpp"

namespace orrery::scenarios {

std::string serving_plan(const JobView& view) {
  const models::ServingResult& result = result_of<ServingOutcome>(view).result;
  if (result.requests == 0) return {};
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(view.scenario().timer);
  const models::ServingJob job = resolved_job(spec_of<ServingSpec>(view.job).job, result);
  const models::StepModel model(job, *timer);
  return sim::to_text(model.lower(typical_decode(result)));
}

}  // namespace orrery::scenarios
