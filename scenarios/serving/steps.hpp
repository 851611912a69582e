// Iterations of a serving engine as they stand for a whole run: what `orrery explain` prices and provenance names.
//
//   decode    as many sequences as a step has on average, each with the mean prompt and half of the mean answer behind
//   it prefill   one mean prompt, at most max_num_batched_tokens of it
#pragma once

#include <string>
#include <vector>

#include "models/serving/step_model.hpp"
#include "scenarios/provenance.hpp"

namespace orrery::scenarios {

/// The job with what the engine decided filled in.
[[nodiscard]] models::ServingJob resolved_job(const models::ServingJob& job, const models::ServingResult& result);

/// REQUIRES result.requests > 0.
[[nodiscard]] models::StepShape typical_decode(const models::ServingResult& result);
[[nodiscard]] models::StepShape typical_prefill(const models::ServingResult& result);

struct TypicalStep {
  std::string name;   ///< "decode"
  std::string title;  ///< "decode of 12 sequences with 15060 tokens of KV cache"
  models::StepShape shape;
  std::vector<CostedEntry> entries;  ///< of all pipeline stages
  Seconds gpu_time;                  ///< all stages, one after another
  Seconds gap_time;                  ///< of it, idle GPU time between kernels
  Seconds host_time;                 ///< to decide and prepare it
};

/// Decode and prefill; nothing for a run that served nothing.
[[nodiscard]] std::vector<TypicalStep> typical_steps(const models::ServingJob& job, const models::ServingResult& result,
                                                     const kernels::KernelTimer& timer);

}  // namespace orrery::scenarios
