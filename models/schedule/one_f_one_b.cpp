// 1F1B with a flush: K − 1 − stage forwards to fill, then one forward and one backward in turn, then the rest.
//
// Time of a step of equal stages: (M + K − 1)(F + B), as GPipe, but only min(M, K − stage) microbatches hold
// activations. The flush at the end keeps the weights of one version (PipeDream itself has none).
// Source: Narayanan et al. 2021, arXiv:2006.09503 §3.2 (PipeDream-Flush); NVIDIA/Megatron-LM
// megatron/core/pipeline_parallel/schedules.py, forward_backward_pipelining_without_interleaving.
#include <algorithm>

#include <fmt/format.h>

#include "models/schedule/schedule.hpp"

namespace orrery::models {

std::string check_one_f_one_b(const PipelineShape& shape) {
  if (shape.stages < 1) return fmt::format("a pipeline needs at least one stage, not {}", shape.stages);
  if (shape.microbatches < 1) return fmt::format("a step needs at least one microbatch, not {}", shape.microbatches);
  if (shape.chunks != 1) {
    return fmt::format("1f1b runs one chunk per stage, not {}; interleaved_1f1b runs more", shape.chunks);
  }
  return {};
}

std::vector<PipelineSlot> order_one_f_one_b(int stage, const PipelineShape& shape) {
  std::vector<PipelineSlot> order;
  order.reserve(2 * static_cast<std::size_t>(shape.microbatches));
  const int warmup = std::min(shape.stages - 1 - stage, shape.microbatches);
  for (int m = 0; m < warmup; ++m) order.push_back({PipelinePass::forward, m, 0});
  for (int m = 0; m < shape.microbatches; ++m) {
    if (warmup + m < shape.microbatches) order.push_back({PipelinePass::forward, warmup + m, 0});
    order.push_back({PipelinePass::backward, m, 0});
  }
  return order;
}

}  // namespace orrery::models
