// Interleaved 1F1B, in Megatron-LM's order.
//
// Each stage holds v chunks of layers: chunk c of stage s is virtual stage c·K + s. Microbatches go in groups of K:
// a group passes chunk 0, then chunk 1, …; backward passes the chunks from the last to the first. The stage fills with
// 2(K − 1 − s) + (v − 1)K forwards, then runs one forward and one backward in turn. Bubble time (K − 1)(F + B)/v; up to
// 2(K − 1 − s) + (v − 1)K + 1 chunk activations in flight, which on stage 0 are those of L(1 + (K − 1)/(K·v)) layers
// (Korthikanti et al. 2022, arXiv:2205.05198 §4.2.3).
// Source: Narayanan et al. 2021, arXiv:2104.04473 §2.2.2; NVIDIA/Megatron-LM
// megatron/core/pipeline_parallel/schedules.py (get_pp_rank_microbatches, get_schedule_table).
// Limitations: the group size is K, Megatron's default; microbatches divide into groups evenly.
#include <algorithm>

#include <fmt/format.h>

#include "models/schedule/schedule.hpp"

namespace orrery::models {
namespace {

/// The k-th forward (or backward) pass of a stage.
PipelineSlot pass(PipelinePass direction, int k, const PipelineShape& shape) {
  const int per_group = shape.stages * shape.chunks;
  const int step = k % per_group;
  const int chunk = step / shape.stages;
  const bool forward = direction == PipelinePass::forward;
  return {direction, k / per_group * shape.stages + step % shape.stages, forward ? chunk : shape.chunks - 1 - chunk};
}

}  // namespace

std::string check_interleaved(const PipelineShape& shape) {
  if (shape.chunks < 2) {
    return fmt::format("interleaved_1f1b needs at least 2 chunks per stage, not {}; 1f1b runs one", shape.chunks);
  }
  if (shape.stages < 2) return fmt::format("interleaved_1f1b needs at least 2 stages, not {}", shape.stages);
  if (shape.microbatches < 1) return fmt::format("a step needs at least one microbatch, not {}", shape.microbatches);
  if (shape.microbatches % shape.stages != 0) {
    return fmt::format("interleaved_1f1b needs a multiple of the {} stages as microbatches, not {}", shape.stages,
                       shape.microbatches);
  }
  return {};
}

std::vector<PipelineSlot> order_interleaved(int stage, const PipelineShape& shape) {
  const int total = shape.microbatches * shape.chunks;
  const int warmup = std::min(2 * (shape.stages - 1 - stage) + (shape.chunks - 1) * shape.stages, total);
  std::vector<PipelineSlot> order;
  order.reserve(2 * static_cast<std::size_t>(total));
  for (int k = 0; k < warmup; ++k) order.push_back(pass(PipelinePass::forward, k, shape));
  for (int k = 0; k < total; ++k) {
    if (warmup + k < total) order.push_back(pass(PipelinePass::forward, warmup + k, shape));
    order.push_back(pass(PipelinePass::backward, k, shape));
  }
  return order;
}

}  // namespace orrery::models
