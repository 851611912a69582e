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

/// What the cache has beyond the blocks of one request of max_model_len. Negative where the engine does not start: what
/// it would need beyond its budget, at least a block.
[[nodiscard]] Bytes cache_margin(const models::ServingResult& result);

}  // namespace orrery::scenarios
