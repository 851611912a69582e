// vLLM's V1 engine, as its API server starts it.
//
// Loop: step_with_batch_queue (vllm/v1/engine/core.py). One step in flight; two with asynchronous scheduling, where a
// step is decided while the one before runs, so that a request that arrives during a step is seen one step later; as
// many as there are stages with pipeline parallelism, where a sequence whose token is in flight waits for it.
// Cache: blocks named by their content (vllm/v1/core/kv_cache_manager.py). Memory: what a profiling run of the largest
// step leaves of the budget (kv_pool.hpp). Graphs: FULL_AND_PIECEWISE (vllm/config/compilation.py).
// Device defaults: vllm/engine/arg_utils.py, get_batch_defaults, for the API server; 0.19.
#include <algorithm>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/sequences/paged_cache.hpp"
#include "models/serving/step_model.hpp"

namespace orrery::models {
namespace {

// What Python adds to a launch where the model is not compiled either (enforce_eager). Estimate: Llama-2-7B takes 12 ms
// per token of 5 sequences without graphs (vllm PR 1440), some 290 kernels: at most 41 us each; a Qwen2.5-7B 22 ms
// against 13 ms with graphs on an A800 (vllm-omni issue 7960).
constexpr Seconds kEagerDispatch{30e-6};

// Sequences at which the step overhead doubles (default_step_overhead() has the source).
constexpr double kSequencesPerOverhead = 100.0;

constexpr double kUtilization = 0.9;

// At least 70 GiB and no board that vLLM excepts: 1,024 sequences and 8,192 tokens for the API server; else 256 and
// 2,048.
bool is_large(const hardware::Gpu& gpu) {
  return gpu.memory >= Bytes{70.0 * 1073741824.0} && !gpu.software.vllm_small_batches;
}

// The defaults fit each other and the rest (vllm/engine/arg_utils.py): a prompt that can't be cut needs a step of its
// own, no step is larger than all sequences together, and no more sequences run than a step has tokens.
void resolve_limits(const ServingJob& job, ServingConfig& c) {
  const bool large = is_large(site_of(job).gpu);
  const bool own_budget = c.max_num_batched_tokens == 0;
  if (own_budget) {
    c.max_num_batched_tokens = large ? 8192 : 2048;
    if (!c.enable_chunked_prefill) c.max_num_batched_tokens = std::max(c.max_num_batched_tokens, c.max_model_len);
  }
  if (c.max_num_seqs == 0) c.max_num_seqs = std::min<std::int64_t>(large ? 1024 : 256, c.max_num_batched_tokens);
  if (own_budget) {
    c.max_num_batched_tokens =
        std::min(c.max_num_batched_tokens, c.max_num_seqs * std::max<std::int64_t>(1, c.max_model_len));
  }
  if (c.gpu_memory_utilization == 0.0) c.gpu_memory_utilization = kUtilization;
  if (c.kernels == kernels::Implementation::automatic) c.kernels = kernels::Implementation::vllm;
}

std::size_t depth_of(const ServingConfig& config) {
  if (config.pipeline_parallel > 1) return static_cast<std::size_t>(config.pipeline_parallel);
  return config.async_scheduling ? 2 : 1;
}

}  // namespace

EngineRow vllm_v1_engine() {
  EngineRow row;
  row.name = "vllm_v1";
  row.equation =
      "steps from a batch queue, paged KV cache in what a profiling run leaves, CUDA graphs full or piecewise";
  row.source = "vllm-project/vllm 0.19, vllm/v1/engine/core.py, vllm/engine/arg_utils.py";
  row.resolve = resolve_limits;
  row.loop = [](const ServingConfig& config) { return batch_queue_loop(depth_of(config)); };
  row.schedulers = {vllm_v1_row()};
  row.cache = [](const ServingConfig& config, std::int64_t blocks) -> std::unique_ptr<KvCache> {
    return std::make_unique<PagedCache>(KvCacheConfig{blocks, config.block_size, config.enable_prefix_caching,
                                                      config.kv_sides, config.kv_keeps_tokens});
  };
  row.memory = profiled_kv_pool;
  row.memory_sources = {"by formula from vLLM's profile run",
                        "estimate between sizes that vLLM has logged (models/serving/kv_pool.hpp)",
                        "budget - the terms above (vllm/v1/worker/gpu_worker.py, determine_available_memory)",
                        "of what CUDA counts, with reserved memory and graphs beside it"};
  row.graphs = {graph_sizes, true};
  row.host = {default_step_overhead(), kSequencesPerOverhead, default_request_overhead(), kEagerDispatch};
  return row;
}

}  // namespace orrery::models
