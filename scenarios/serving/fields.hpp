// The keys of `serving:` with its `load:` and `slo:` in one list, for the reader and for the resolved scenario of the
// report alike. Keys are vLLM's own argument names where it has one.
//
// A new field of models::ServingConfig is a new line here. The visitor is called with the key, the field and the kind
// of value it is; `Config` is the struct or const. Nested mappings (load, slo, input, output) are visited through
// load(), slo() and lengths(), which call the list of that mapping again.
#pragma once

#include <cstdint>

#include "models/serving/serving.hpp"
#include "scenarios/field_limits.hpp"

namespace orrery::scenarios {

/// Which table a name is looked up in.
enum class NameFamily : std::uint8_t { engines, schedulers, routers, arrivals, lengths, trace_formats };

inline constexpr NumberLimits kPositive{0.0, 1e12, true};

/// The share of requests that a limit of `slo:` is promised to where no `attainment` is given.
inline constexpr double kPromised = 0.99;

template <class Config, class Visitor>
void visit_lengths(Config& config, Visitor&& visit) {
  visit.name("distribution", config.distribution, NameFamily::lengths);
  visit.number("mean", config.mean, kPositive);
  visit.number("cv", config.cv, kPositive);
  visit.integer("least", config.least, IntegerLimits{});
  visit.integer("most", config.most, IntegerLimits{});
  visit.integers("values", config.values, IntegerLimits{});
  visit.path("file", config.file);
  visit.text("column", config.column);
}

template <class Config, class Visitor>
void visit_load(Config& config, Visitor&& visit) {
  visit.name("arrivals", config.arrivals, NameFamily::arrivals);
  visit.rate("rate", config.rate, kPositive);
  visit.number("cv", config.cv, kPositive);
  visit.integer("burst_size", config.burst_size, IntegerLimits{});
  visit.seconds("burst_interval", config.burst_interval);
  visit.integer("concurrency", config.concurrency, IntegerLimits{});
  visit.seconds("think_time", config.think_time);
  visit.integer("requests", config.requests, IntegerLimits{});
  visit.lengths("input", config.input);
  visit.lengths("output", config.output);
  visit.integer("prefix_tokens", config.prefix_tokens, IntegerLimits{0.0});
  visit.integer("prefix_groups", config.prefix_groups, IntegerLimits{});
  visit.path("trace", config.trace);
  visit.name("trace_format", config.trace_format, NameFamily::trace_formats);
  visit.number("rate_scale", config.rate_scale, kPositive);
}

template <class Config, class Visitor>
void visit_slo(Config& config, Visitor&& visit) {
  visit.seconds("ttft", config.ttft);
  visit.seconds("tpot", config.tpot);
  visit.number("attainment", config.attainment, NumberLimits{0.0, 1.0});
}

template <class Config, class Visitor>
void visit_serving(Config& config, Visitor&& visit) {
  visit.name("engine", config.engine, NameFamily::engines);
  visit.name("scheduler", config.scheduler, NameFamily::schedulers);
  visit.name("router", config.router, NameFamily::routers);
  visit.integer("tensor_parallel", config.tensor_parallel, IntegerLimits{1.0, 1e6});
  visit.integer("pipeline_parallel", config.pipeline_parallel, IntegerLimits{1.0, 1e6});
  visit.integer("replicas", config.replicas, IntegerLimits{1.0, 1e6});
  visit.dtype("dtype", config.dtype);
  visit.dtype("weight_dtype", config.weight_dtype);
  visit.dtype("kv_cache_dtype", config.kv_cache_dtype);
  visit.boolean("static_activation_scales", config.static_activation_scales);
  visit.integer("max_model_len", config.max_model_len, IntegerLimits{});
  visit.integer("max_num_seqs", config.max_num_seqs, IntegerLimits{});
  visit.integer("max_num_batched_tokens", config.max_num_batched_tokens, IntegerLimits{});
  visit.number("gpu_memory_utilization", config.gpu_memory_utilization, NumberLimits{0.0, 1.0, true});
  visit.boolean("enforce_eager", config.enforce_eager);
  visit.boolean("enable_prefix_caching", config.enable_prefix_caching);
  visit.boolean("enable_chunked_prefill", config.enable_chunked_prefill);
  visit.boolean("async_scheduling", config.async_scheduling);
  visit.boolean("reserve_full_input", config.reserve_full_input);
  visit.integer("long_prefill_token_threshold", config.long_prefill_token_threshold, IntegerLimits{0.0});
  visit.integer("block_size", config.block_size, IntegerLimits{1.0, 1e6});
  visit.integer("num_gpu_blocks", config.num_gpu_blocks, IntegerLimits{});
  visit.bytes("kv_cache_memory_bytes", config.kv_cache_memory);
  visit.bytes("activation_memory", config.activation_memory);
  visit.boolean("ignore_eos", config.ignore_eos);
  visit.kernels("kernels", config.kernels);
  visit.seconds("step_overhead", config.step_overhead);
  visit.seconds("request_overhead", config.request_overhead);
  visit.integer("warmup_requests", config.warmup_requests, IntegerLimits{0.0});
  visit.load("load", config.load);
  visit.slo("slo", config.slo);
}

}  // namespace orrery::scenarios
