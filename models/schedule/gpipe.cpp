// GPipe: every microbatch forward, then every microbatch backward, the last one first.
//
// Time of a step of equal stages: (M + K − 1)(F + B). All M microbatches hold their activations at the turn.
// Source: Huang et al. 2019, arXiv:1811.06965, figure 2c (backward runs from the last microbatch to the first).
// M = 1 is plain model parallelism without a pipeline.
#include <fmt/format.h>

#include "models/schedule/schedule.hpp"

namespace orrery::models {

std::string check_gpipe(const PipelineShape& shape) {
  if (shape.stages < 1) return fmt::format("a pipeline needs at least one stage, not {}", shape.stages);
  if (shape.microbatches < 1) return fmt::format("a step needs at least one microbatch, not {}", shape.microbatches);
  if (shape.chunks != 1) return fmt::format("gpipe runs one chunk per stage, not {}", shape.chunks);
  return {};
}

std::vector<PipelineSlot> order_gpipe(int /*stage*/, const PipelineShape& shape) {
  std::vector<PipelineSlot> order;
  order.reserve(2 * static_cast<std::size_t>(shape.microbatches));
  for (int m = 0; m < shape.microbatches; ++m) order.push_back({PipelinePass::forward, m, 0});
  for (int m = shape.microbatches - 1; m >= 0; --m) order.push_back({PipelinePass::backward, m, 0});
  return order;
}

}  // namespace orrery::models
