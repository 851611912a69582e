#include "scenarios/serving/pool.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

std::string time_text(Seconds time) { return readable(time.value(), Unit::seconds); }

std::string fact_source(const hardware::Gpu& gpu, const std::string& key) {
  const auto found = gpu.sources.find(key);
  return found == gpu.sources.end() ? "profile of " + gpu.name : found->second;
}

}  // namespace

std::vector<PoolTerm> pool_terms(const models::ServingJob& job, const models::ServingResult& result) {
  const models::KvPool& pool = result.pool;
  const hardware::Gpu& gpu = models::site_of(job).gpu;
  const models::MemorySources& sources = models::engine_of(job).memory_sources;
  const models::ServingConfig& config = result.config;
  const bool activations_given = config.activation_memory > Bytes{0.0};
  return {
      {"budget", pool.budget,
       fmt::format("gpu_memory_utilization {:g} {}", config.gpu_memory_utilization, sources.budget),
       fact_source(gpu, "memory")},
      {"weights", pool.weights, "parameters of the fullest pipeline stage / tensor_parallel, in weight_dtype and dtype",
       "the model's configuration"},
      {"activations", pool.activations,
       activations_given ? "activation_memory"
                         : fmt::format("peak of a step of {} tokens", config.max_num_batched_tokens),
       activations_given ? "the scenario's own figure" : std::string(sources.activations)},
      {"context", pool.context, "what the driver reserves, and communicators' buffers",
       fact_source(gpu, "reserved_memory")},
      {"CUDA graphs", pool.graphs, config.enforce_eager ? "none: enforce_eager" : "per captured batch size and layer",
       std::string(sources.graphs)},
      {"KV cache", pool.kv_cache,
       fmt::format("{} blocks of {} tokens, {} each", pool.blocks, pool.block_size,
                   readable(pool.block_bytes.value(), Unit::bytes)),
       pool.pinned                           ? "num_gpu_blocks: the scenario's own figure"
       : config.kv_cache_memory > Bytes{0.0} ? "kv_cache_memory_bytes: the scenario's own figure"
                                             : std::string(sources.cache)},
  };
}

void write_pool(std::ostream& out, const models::ServingJob& job, const models::ServingResult& result) {
  out << "\nMemory of the fullest GPU\n";
  for (const PoolTerm& term : pool_terms(job, result)) {
    out << fmt::format("  {:<12} {:>10}  {}  [{}]\n", term.name, readable(term.bytes.value(), Unit::bytes),
                       term.equation, term.source);
  }
}

void write_step_times(std::ostream& out, const models::ServingConfig& config, const TypicalStep& step) {
  const Seconds shown =
      config.async_scheduling ? std::max(Seconds{0.0}, step.host_time - step.gpu_time) : step.host_time;
  const std::string_view why = config.async_scheduling
                                   ? "async_scheduling: the host prepares a step while the GPU runs the one before"
                                   : "no async_scheduling: the GPU waits for the host before each step";
  out << fmt::format("  GPU {} ({} of it gaps between kernels), host {}, of which {} shows ({})\n",
                     time_text(step.gpu_time), time_text(step.gap_time), time_text(step.host_time), time_text(shown),
                     why);
}

namespace {

bool has_blocks(const models::ServingResult& result) {
  return result.pool.block_size > 0 && (result.started || result.pool.blocks > 0);
}

/// Blocks there are, and enough of them for the longest request: a larger cache was asked for than the GPU leaves.
bool is_short_of_asked(const models::ServingResult& result) {
  return !result.started && has_blocks(result) && result.pool.blocks >= result.pool.longest_blocks() &&
         result.config.kv_cache_memory > result.pool.kv_cache;
}

}  // namespace

Bytes longest_request(const models::ServingResult& result) {
  if (!has_blocks(result)) return Bytes{0.0};
  return result.pool.block_bytes * static_cast<double>(result.pool.longest_blocks());
}

Bytes cache_margin(const models::ServingResult& result) {
  const models::KvPool& pool = result.pool;
  if (is_short_of_asked(result)) return pool.kv_cache - result.config.kv_cache_memory;
  if (has_blocks(result)) {
    const std::int64_t spare = pool.blocks - pool.longest_blocks();
    return pool.block_bytes * static_cast<double>(result.started ? spare : std::min<std::int64_t>(-1, spare));
  }
  const Bytes fixed = pool.weights + pool.activations + pool.context + pool.graphs;
  // What is left may be less than one block.
  return -max(fixed - pool.budget, pool.block_bytes - (pool.budget - fixed));
}

std::string margin_basis(const models::ServingResult& result) {
  if (is_short_of_asked(result)) return "of the KV cache that is asked for";
  if (!has_blocks(result)) return "before the first block of the KV cache";
  const std::string request = fmt::format("one request of {} tokens", grouped(result.pool.longest));
  return (cache_margin(result) < Bytes{0.0} ? "for " : "beside ") + request;
}

}  // namespace orrery::scenarios
