// The parts of `orrery explain` that only a serving run has: where its KV cache comes from, and what hides the host.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "scenarios/serving/steps.hpp"

namespace orrery::scenarios {

/// A term of the KV pool's formula.
struct PoolTerm {
  std::string name;
  Bytes bytes;
  std::string equation;
  std::string source;
};

/// kv = utilisation·HBM − weights − activations − context − graphs, in whole blocks; in that order.
[[nodiscard]] std::vector<PoolTerm> pool_terms(const models::ServingJob& job, const models::ServingResult& result);

void write_pool(std::ostream& out, const models::ServingJob& job, const models::ServingResult& result);

/// What one iteration takes on GPU and host, and which of them shows.
void write_step_times(std::ostream& out, const models::ServingConfig& config, const TypicalStep& step);

/// KV cache of one request of max_model_len tokens, in whole blocks; 0 where there is no block.
[[nodiscard]] Bytes longest_request(const models::ServingResult& result);

/// What the cache has beyond longest_request(). Negative where the engine does not start: what it would need beyond its
/// budget for the first block or for that request, or beyond the GPU for a kv_cache_memory_bytes that is asked for.
[[nodiscard]] Bytes cache_margin(const models::ServingResult& result);

/// What cache_margin() is counted beside, in words that follow it: "beside one request of 4,096 tokens".
[[nodiscard]] std::string margin_basis(const models::ServingResult& result);

}  // namespace orrery::scenarios
