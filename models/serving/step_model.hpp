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
#include "sim/plan/builder.hpp"
#include "sim/plan/plan.hpp"
#include "sim/prices/prices.hpp"

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

  /// What the iteration runs on a replica's GPUs, as a Plan of one rank per stage, to be priced by prices(): for
  /// explain, traces, links and execution.
  [[nodiscard]] sim::Plan lower(const StepShape& shape, int replica = 0) const;

  /// The prices of the plans that lower() makes. This must outlive them. At each stage
  ///   time() = Σ repeat·time(kernel) + Σ time(collective) + message, where the host's launches don't take longer.
  [[nodiscard]] std::unique_ptr<sim::ClusterPrices> prices() const;

 private:
  struct State;
  class StepPrices;

  [[nodiscard]] std::vector<StepOp> ops(const StepShape& shape, int stage) const;
  /// Puts an op of `group` on the stream.
  static void append(sim::PlanBuilder& builder, StreamId stream, GroupId group, const StepOp& op,
                     sim::LaunchPath launch);

  std::unique_ptr<State> state_;
};

/// vLLM's defaults of ServingConfig::step_overhead and request_overhead, with their sources in step_model.cpp.
[[nodiscard]] Seconds default_step_overhead();
[[nodiscard]] Seconds default_request_overhead();

}  // namespace orrery::models
