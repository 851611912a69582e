// Where the bytes of a serving engine's GPU come from: the terms of its KV pool.

#include <fmt/format.h>

#include "scenarios/serving/explanation.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/pool.hpp"

namespace orrery::scenarios {

namespace {

ExplainNode pool_node(const PoolTerm& term, double sign = 1.0) {
  ExplainNode node =
      figure(sign < 0.0 ? term.name + ", taken off" : term.name, sign * term.bytes.value(), Unit::bytes, term.equation);
  node.source = term.source;
  return node;
}

/// The cache is what the budget leaves, in whole blocks, unless the scenario pins it.
ExplainNode kv_node(const ExplainedRun& e, const std::vector<PoolTerm>& terms) {
  const models::KvPool& pool = result_of<ServingOutcome>(e.view).result.pool;
  ExplainNode node = metric_node(e.view, "memory.kv_cache_bytes");
  node.equation = terms.back().equation;
  node.source = terms.back().source;
  const bool sized = result_of<ServingOutcome>(e.view).result.config.kv_cache_memory > Bytes{0.0};
  if (pool.pinned || sized || pool.blocks == 0) {
    node.parts = {figure("blocks", static_cast<double>(pool.blocks), Unit::count,
                         pool.pinned ? "num_gpu_blocks of the scenario"
                         : sized     ? "kv_cache_memory_bytes of the scenario, in whole blocks"
                                     : "the budget is used up before the first"),
                  figure("bytes of a block", pool.block_bytes.value(), Unit::bytes,
                         "block_size tokens x KV cache of one token on one GPU")};
    return node;
  }
  for (const PoolTerm& term : terms) {
    if (&term == &terms.back()) continue;
    node.parts.push_back(pool_node(term, &term == &terms.front() ? 1.0 : -1.0));
  }
  add_rest(node, "left over", "less than a whole block, or what another pipeline stage has no room for");
  return node;
}

}  // namespace

std::optional<ExplainNode> explain_run_memory(const ExplainedRun& e, const std::string& metric) {
  if (metric.rfind("memory.", 0) != 0) return std::nullopt;
  const models::ServingResult& result = result_of<ServingOutcome>(e.view).result;
  const hardware::Gpu& gpu = e.view.gpu();
  const std::vector<PoolTerm> terms = pool_terms(spec_of<ServingSpec>(e.view.job).job, result);
  const auto term = [&](std::string_view name) {
    for (const PoolTerm& one : terms) {
      if (one.name == name) return pool_node(one);
    }
    return ExplainNode{};
  };
  ExplainNode node = metric_node(e.view, metric);
  if (metric == "memory.kv_cache_bytes") return kv_node(e, terms);
  if (metric == "memory.peak_bytes") {
    node.parts = {term("weights"), term("activations"), term("context"), term("CUDA graphs"), kv_node(e, terms)};
    node.sums = true;
  } else if (metric == "memory.weights_bytes" || metric == "memory.model_state_bytes") {
    node.parts = {term("weights")};
    node.sums = true;
  } else if (metric == "memory.activations_bytes") {
    node.parts = {term("activations")};
    node.sums = true;
  } else if (metric == "memory.workspace_bytes") {
    node.parts = {term("context"), term("CUDA graphs")};
    node.sums = true;
  } else if (metric == "memory.capacity_bytes") {
    node.parts = {gpu_fact("memory of " + gpu.title, gpu, "memory", gpu.memory.value(), Unit::bytes)};
    node.sums = true;
  } else if (metric == "memory.margin_bytes") {
    const models::KvPool& pool = result.pool;
    node.parts = {kv_node(e, terms), figure("one request of max_model_len, taken off",
                                            -pool.block_bytes.value() * static_cast<double>(pool.longest_blocks()),
                                            Unit::bytes, "its blocks, with those of windows and states")};
    node.sums = result.started;
    if (!result.started) node.equation = result.refusal;
  } else if (metric == "memory.fits") {
    node.parts = {term("budget"),  term("weights"),     term("activations"),
                  term("context"), term("CUDA graphs"), term("KV cache")};
    if (!result.started) node.equation = result.refusal;
  } else {
    node.equation = "0: serving keeps none";
  }
  return node;
}

}  // namespace orrery::scenarios
