#include "scenarios/serving/steps.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

using models::ServingResult;
using models::StepShape;

double per_request(std::uint64_t tokens, const ServingResult& result) {
  return static_cast<double>(tokens) / static_cast<double>(result.requests);
}

TypicalStep price_step(std::string name, std::string title, const StepShape& shape, models::StepModel& model) {
  TypicalStep step;
  step.name = std::move(name);
  step.title = std::move(title);
  step.shape = shape;
  const sim::Plan plan = model.lower(shape);
  const std::unique_ptr<sim::ClusterPrices> prices = model.prices();
  step.entries = cost_entries(plan, *prices, CostedBy::label);
  for (const sim::Stream& stream : plan.streams) {
    step.gpu_time += sim::to_seconds(model.time(shape, static_cast<int>(stream.rank.index())));
    for (const sim::Step& s : stream.steps) {
      if (s.kind != sim::StepKind::launch) continue;
      const sim::KernelEntry& entry = plan.kernels[s.index];
      step.gap_time += prices->explain(entry, 0).idle * static_cast<double>(entry.repeat);
    }
  }
  step.host_time = sim::to_seconds(model.host_time(shape.decode_sequences + shape.prefill_sequences));
  return step;
}

}  // namespace

models::ServingJob resolved_job(const models::ServingJob& job, const ServingResult& result) {
  models::ServingJob resolved = job;
  resolved.config = result.config;
  return resolved;
}

StepShape typical_decode(const ServingResult& result) {
  StepShape shape;
  shape.decode_sequences = std::max<std::int64_t>(1, std::llround(result.mean_batch));
  const double kv = per_request(result.input_tokens, result) + per_request(result.output_tokens, result) / 2.0;
  shape.decode_kv_tokens = shape.decode_sequences * std::max<std::int64_t>(1, std::llround(kv));
  shape.sampled = shape.decode_sequences;
  return shape;
}

StepShape typical_prefill(const ServingResult& result) {
  StepShape shape;
  shape.prefill_sequences = 1;
  const std::int64_t prompt = std::max<std::int64_t>(1, std::llround(per_request(result.input_tokens, result)));
  const std::int64_t most = result.config.max_num_batched_tokens;
  shape.prefill_tokens = most > 0 ? std::min(prompt, most) : prompt;
  // q·(2·kv − q) with kv = q: nothing is in the cache yet.
  shape.prefill_pairs = static_cast<double>(shape.prefill_tokens) * static_cast<double>(shape.prefill_tokens);
  shape.sampled = prompt <= shape.prefill_tokens ? 1 : 0;
  return shape;
}

std::vector<TypicalStep> typical_steps(const models::ServingJob& job, const ServingResult& result,
                                       const kernels::KernelTimer& timer) {
  if (result.requests == 0) return {};
  const models::ServingJob resolved = resolved_job(job, result);
  models::StepModel model(resolved, timer);
  const StepShape decode = typical_decode(result);
  const StepShape prefill = typical_prefill(result);
  return {
      price_step("decode",
                 fmt::format("decode of {} sequences with {} tokens in the KV cache", decode.decode_sequences,
                             decode.decode_kv_tokens),
                 decode, model),
      price_step("prefill", fmt::format("prefill of {} tokens of one prompt", prefill.prefill_tokens), prefill, model)};
}

}  // namespace orrery::scenarios
