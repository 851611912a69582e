// Serving a model on replicas of one GPU group: what the user asks for and what comes back.
//
//   predict(ServingJob) : Llm × ServingConfig × Cluster → KV pool, then requests × scheduler × step times → latencies
//
// Each replica is an engine with its own scheduler and KV cache; one iteration of it is one event, whose duration the
// kernel timers give. Definitions (vLLM's, vllm/v1/metrics/stats.py):
//   TTFT   first token emitted − arrival
//   TPOT   (last token − first token)/(n − 1); undefined, and left out, for n = 1
//   ITL    one sample per gap between two tokens of a request
//   E2E    last token − arrival;   queue   first scheduled − arrival
// Percentiles interpolate linearly (sim/distribution.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "models/job.hpp"
#include "models/parallel/mesh.hpp"
#include "models/serving/sequences/kv_side.hpp"
#include "models/serving/sequences/request.hpp"
#include "models/serving/workload/workload.hpp"
#include "sim/clock.hpp"
#include "sim/links/link_report.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/run_control.hpp"

namespace orrery::models {

/// What users promise: a request meets it if its TTFT and TPOT are within both limits. 0: no limit.
struct SloConfig {
  Seconds ttft, tpot;
  double attainment = 0.0;  ///< share of requests that must meet it; 0: only reported

  [[nodiscard]] bool given() const { return ttft > Seconds{0.0} || tpot > Seconds{0.0}; }
};

struct EngineRow;

/// As max_model_len: the model's own, or what the KV cache holds where that is less.
inline constexpr std::int64_t kLongestThatFits = -1;

/// The keys of a scenario's `serving:` section, with defaults. 0 or −1: the engine's own default (resolve()).
struct ServingConfig {
  std::string engine = "vllm_v1";
  std::string scheduler;  ///< empty: the engine's own
  std::string router = "round_robin";
  int tensor_parallel = 1;
  int pipeline_parallel = 1;
  int replicas = 1;
  Dtype dtype = Dtype::bf16;         ///< activations, and weights that are not quantised
  Dtype weight_dtype = Dtype::bf16;  ///< of the linear layers; embeddings and head stay in `dtype`
  Dtype kv_cache_dtype = Dtype::bf16;
  /// Of an fp8 checkpoint: activations are scaled by constants, no pass over them looks for the largest. Says nothing
  /// of other weights.
  bool static_activation_scales = false;
  std::int64_t max_model_len = 0;  ///< tokens; 0: the model's own; kLongestThatFits
  std::int64_t max_num_seqs = 0;
  std::int64_t max_num_batched_tokens = 0;
  double gpu_memory_utilization = 0.0;
  bool enforce_eager = false;
  bool enable_prefix_caching = true;
  bool enable_chunked_prefill = true;
  bool async_scheduling = true;
  bool reserve_full_input = true;
  std::int64_t long_prefill_token_threshold = 0;
  std::int64_t block_size = 16;
  std::int64_t num_gpu_blocks = 0;  ///< 0: what memory leaves; else pinned
  Bytes kv_cache_memory;            ///< of a GPU, whatever gpu_memory_utilization says; 0: what memory leaves
  Bytes activation_memory;          ///< 0: by the formula of kv_pool.hpp
  bool ignore_eos = true;           ///< answers end because max_tokens is reached, which the scheduler foresees
  kernels::Implementation kernels = kernels::Implementation::automatic;  ///< automatic: the engine's own
  Seconds step_overhead{-1.0};     ///< host time per step; < 0: step_model.hpp's default
  Seconds request_overhead{-1.0};  ///< host time from arrival to the scheduler; < 0: the default
  LoadConfig load;
  SloConfig slo;
  std::vector<KvSide> kv_sides;      ///< no key: what the pool found, for the cache, and …
  bool kv_keeps_tokens = true;       ///< … whether tokens take blocks of their own
  std::int64_t warmup_requests = 0;  ///< the first so many are served but not counted; steps and KV usage have them
};

/// Tensor-parallel ranks are neighbours, then pipeline stages; replicas, on the axis of data, are the farthest apart.
inline constexpr MeshOrder kServingOrder = {MeshAxis::tensor, MeshAxis::pipeline, MeshAxis::data};

struct ServingJob : Job {
  ServingConfig config;
  JobPlacement placement{kServingOrder};
  const EngineRow* engine = nullptr;  ///< that serves it, outliving the job; nullptr: the row of config.engine
  int replica = 0;                    ///< whose GPUs limits, memory and prices ask, where replicas stand unlike

  /// The weights are served as the checkpoint has them: what it stores in a second format, and its scales, count so.
  [[nodiscard]] bool as_stored() const { return config.weight_dtype == llm.dtype; }
};

/// Memory of the fullest GPU of a replica, and the KV cache that it leaves: of the one with the smallest cache, where
/// replicas stand on unlike GPUs. kv_pool.hpp has the formula.
struct KvPool {
  Bytes capacity;  ///< of the GPU as sold
  Bytes budget;   ///< of all of the terms below together: what utilisation allows, reserved memory and graphs beside it
  Bytes weights;  ///< largest pipeline stage's share
  Bytes activations;  ///< peak of a step of max_num_batched_tokens
  Bytes context;      ///< CUDA context, driver, communicators
  Bytes graphs;       ///< captured CUDA graphs
  Bytes kv_cache;     ///< what is left, in whole blocks
  Bytes block_bytes;  ///< one block on that GPU, all of its layers
  std::int64_t blocks = 0;
  std::int64_t block_size = 0;
  bool pinned = false;
  bool keeps_tokens = true;        ///< some layers keep every token; else windows and states are all that is kept
  std::vector<KvSide> sides;       ///< what a sequence takes beside the blocks of its tokens
  std::int64_t longest = 0;        ///< max_model_len, and …
  std::int64_t longest_sides = 0;  ///< … the blocks that the sides of such a sequence take

  /// Blocks of a sequence of max_model_len tokens.
  [[nodiscard]] std::int64_t longest_blocks() const {
    return (keeps_tokens ? (longest + block_size - 1) / block_size : 0) + longest_sides;
  }
  /// In sequences of max_model_len tokens where these take more than the blocks of their tokens, as vLLM counts.
  [[nodiscard]] std::int64_t tokens() const {
    if (longest_sides == 0) return blocks * block_size;
    return static_cast<std::int64_t>(static_cast<double>(blocks) / static_cast<double>(longest_blocks()) *
                                     static_cast<double>(longest));
  }
  [[nodiscard]] Bytes peak() const { return weights + activations + context + graphs + kv_cache; }
};

struct LatencySummary {
  std::uint64_t count = 0;
  double mean = 0.0, p50 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0;  ///< seconds
};

/// A request's life; times are simulated ones.
struct RequestRecord {
  std::uint64_t id = 0;
  std::uint32_t replica = 0;
  SequenceState state = SequenceState::finished;
  sim::SimTime arrival = 0, queued = 0, scheduled = 0, first_token = 0, last_token = 0;
  std::int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  int preemptions = 0;
  bool warmup = false;
};

/// One iteration of an engine, or the same one many times in a row.
struct StepRecord {
  sim::SimTime start = 0, end = 0;
  std::uint32_t replica = 0;
  std::uint32_t stage = 0;
  std::int64_t repeats = 1;
  std::int64_t prefill_sequences = 0, prefill_tokens = 0, decode_sequences = 0;
  double prefill_pairs = 0.0;      ///< Σ q·(2·kv − q) of the prompts, as in StepShape
  std::int64_t sampled = 0;        ///< sequences that emit a token
  std::int64_t kv_tokens = 0;      ///< of the decoding sequences, in the first repeat
  std::int64_t padded_tokens = 0;  ///< what the CUDA graph computes; equal to the tokens without one
  std::int64_t used_blocks = 0;
  int preempted = 0;
  std::int64_t waiting = 0, running = 0;
};

struct ServingResult {
  ServingConfig config;  ///< with every default filled in, as the first replica has it
  KvPool pool;
  bool started = false;         ///< false: weights or the longest request don't fit; nothing was served
  std::string refusal;          ///< why not
  TraceTally trace;             ///< what was read of the load's trace
  std::uint64_t arrived = 0;    ///< all that were sent, warm-up and refused ones too
  std::uint64_t requests = 0;   ///< finished and counted
  std::uint64_t rejected = 0;   ///< longer than max_model_len or the whole cache
  std::uint64_t truncated = 0;  ///< output cut at max_model_len
  Seconds duration;             ///< from the first counted arrival to the last token
  std::uint64_t input_tokens = 0, output_tokens = 0;  ///< of counted requests
  LatencySummary ttft, tpot, itl, e2e, queue;
  std::uint64_t within_slo = 0;  ///< counted requests that meet the limits
  double kv_usage_mean = 0.0, kv_usage_peak = 0.0;
  double prefix_hit_rate = 0.0;  ///< cached tokens / prompt tokens, at first scheduling
  std::uint64_t preemptions = 0;
  double mean_batch = 0.0;             ///< sequences per step
  std::uint64_t steps = 0;             ///< engine iterations
  std::uint64_t events = 0;            ///< of the simulator: coalesced iterations are one
  sim::Batched batched;                ///< of ends of flows
  bool saturated = false;              ///< the queue grows without bound
  bool cut_off = false;                ///< … and had grown so long that the load ended there (front_end.hpp)
  bool given_up = false;               ///< ServingOptions::until_missed ended it: figures are of what was served so far
  std::vector<sim::LinkReport> links;  ///< what they carried, alone on the cluster; empty where nothing leaves a node
  std::vector<RequestRecord> records;  ///< only where asked for
  std::vector<StepRecord> timeline;    ///< only where asked for

  [[nodiscard]] double requests_per_second() const;
  [[nodiscard]] double input_tokens_per_second() const;
  [[nodiscard]] double output_tokens_per_second() const;
  /// Requests per second that meet the limits.
  [[nodiscard]] double goodput() const;
  [[nodiscard]] double attainment() const;
};

struct ServingOptions {
  bool keep_records = false;   ///< a RequestRecord per request
  bool keep_timeline = false;  ///< a StepRecord per iteration (coalesced ones apart)
  bool coalesce = true;        ///< false: every iteration is an event of its own; the results are the same
  /// The run ends once so many requests have missed their limits that slo.attainment can't be kept any more, whatever
  /// comes: for who only asks whether it is. Needs a load whose number of requests is known. Of predict() alone: on a
  /// World that others share nothing ends early.
  bool until_missed = false;
  /// If set, makes what is served instead of what `load` describes. Asked again for each run: a World may run its jobs
  /// more than once (models/world_job.hpp).
  std::function<std::shared_ptr<Workload>()> workload;
  /// Progress is the share of the load's requests that have ended; −1 where their number isn't known beforehand.
  sim::RunControl control;
};

/// Fills in what the engine decides: batch limits by device, max_model_len by model, utilisation, kernels, overheads.
[[nodiscard]] ServingConfig resolve(const ServingJob& job);

/// Every impossible combination, tied to the scenario key that breaks it.
[[nodiscard]] std::vector<JobError> check(const ServingJob& job);

/// REQUIRES check(job).empty(). Throws std::invalid_argument if the GPU can't compute the dtypes,
/// hardware::ConfigError for a broken trace, and sim::Cancelled once `options.control` says stop.
[[nodiscard]] ServingResult predict(const ServingJob& job, const kernels::KernelTimer& timer,
                                    const ServingOptions& options = {});

}  // namespace orrery::models
