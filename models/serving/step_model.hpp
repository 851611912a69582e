// How long one iteration of a serving engine takes, and what it is made of.
//
// An iteration is lowered to kernels and collectives per pipeline stage, equal layers folded into one entry with a
// count; its GPU time is their sum. Weights are read cold: a step of a large model pushes them out of L2. Prompts of
// one step are priced as one ragged attention kernel, by an equivalent batch of equal prompts; decodes as what
// they add to it (kernels/attention/mixed_batch.hpp).
//
// Host time. With asynchronous scheduling the host prepares a step while the GPU runs the one before, so that only
// what is longer than a step shows; otherwise it adds to every step. Without CUDA graphs the host launches every
// kernel, and a step takes at least so long.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/kernel.hpp"
#include "models/serving/serving.hpp"
#include "sim/clock.hpp"
#include "sim/collective/model.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan.hpp"

namespace orrery::models {

/// What one iteration works on.
struct StepShape {
  std::int64_t decode_sequences = 0;
  std::int64_t decode_kv_tokens = 0;   ///< tokens that they attend to in all, the new ones included
  std::int64_t prefill_sequences = 0;  ///< sequences with more than one token, or whose prompt is not done
  std::int64_t prefill_tokens = 0;
  double prefill_pairs = 0.0;  ///< Σ q·(2·kv − q): twice the (query, key) pairs; kv counts the new tokens
  std::int64_t sampled = 0;    ///< sequences that emit a token

  [[nodiscard]] std::int64_t tokens() const { return decode_sequences + prefill_tokens; }
  [[nodiscard]] bool decode_only() const { return prefill_sequences == 0; }
};

/// How an op reaches the GPU: with the model's CUDA graph, beside it, or after it.
enum class StepPart : std::uint8_t { body, attention, head };

/// `count` equal kernels or collectives of a step.
struct StepOp {
  std::string_view label;  ///< "qkv", "attention decode", "all_reduce"
  StepPart part = StepPart::body;
  bool is_collective = false;
  kernels::Kernel kernel;
  sim::CollectiveCall collective;
  std::int64_t count = 1;
  /// Of decodes' attention beside prompts: the prompts' attention. Its price is what it adds to them
  /// (kernels/attention/mixed_batch.hpp).
  std::optional<kernels::AttentionPrefillShape> beside;
};

class StepModel {
 public:
  /// `job` is resolved; it and `timer` must outlive the model. Throws std::invalid_argument if the GPU can't compute
  /// the dtypes.
  StepModel(const ServingJob& job, const kernels::KernelTimer& timer);
  ~StepModel();
  StepModel(const StepModel&) = delete;
  StepModel& operator=(const StepModel&) = delete;

  [[nodiscard]] int stages() const;

  /// GPU time of the iteration at `stage`, its message to the next stage included. REQUIRES tokens() ≥ 1.
  /// Priced once per shape where that is likely to come again (see step_model.cpp).
  [[nodiscard]] sim::SimTime time(const StepShape& shape, int stage);

  /// time() of decode-only shapes at stage 0 with one pipeline stage: the hot path of coalesced iterations.
  [[nodiscard]] sim::SimTime decode_time(std::int64_t sequences, std::int64_t kv_tokens);

  /// Host time to decide and prepare a step of so many sequences.
  [[nodiscard]] sim::SimTime host_time(std::int64_t sequences) const;
  /// Host time between a request's arrival and the scheduler's queue.
  [[nodiscard]] sim::SimTime request_time() const;

  /// Tokens that are computed for a step of `tokens`: the next captured size, or `tokens` where none is as large.
  [[nodiscard]] std::int64_t padded(std::int64_t tokens) const;

  /// What the iteration at `stage` runs, in order: for explain, traces and execution.
  [[nodiscard]] std::vector<StepOp> ops(const StepShape& shape, int stage) const;

  /// The same as a Plan of one rank per stage.
  [[nodiscard]] sim::Plan lower(const StepShape& shape) const;

  /// Price of one op, once.
  [[nodiscard]] Seconds price(const StepOp& op) const;

  /// The same number with its terms and sources; REQUIRES a kernel, not a collective.
  [[nodiscard]] kernels::Estimate explain(const StepOp& op) const;

  /// Idle GPU time that one run of `op` brings in an iteration of `shape`: longer outside CUDA graphs.
  /// time() = Σ count·(price + gap) + message, where the host's launches don't take longer.
  [[nodiscard]] Seconds gap(const StepOp& op, const StepShape& shape) const;

  /// Times for lower(shape)'s plan.
  [[nodiscard]] sim::Pricing pricing(const sim::Plan& plan, const StepShape& shape) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Defaults of ServingConfig::step_overhead and request_overhead, with their sources in step_model.cpp.
[[nodiscard]] Seconds default_step_overhead();
[[nodiscard]] Seconds default_request_overhead();

}  // namespace orrery::models
