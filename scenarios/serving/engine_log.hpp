// What a serving engine logged of its memory when it started, beside what is predicted: `orrery explain FILE --log
// LOG`.
//
// Known are the lines of vLLM (vllm/v1/worker/gpu_worker.py, vllm/v1/core/kv_cache_utils.py, vllm/worker/worker.py and
// older releases; by their wording in 0.5 to 0.21). Where a log has several (one a rank, or several starts), the last
// counts.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

/// One term, predicted and logged.
struct LoggedTerm {
  std::string name;  ///< as in the report: "weights", "KV cache"
  Unit unit = Unit::bytes;
  double predicted = 0.0, logged = 0.0;
  std::int64_t line = 0;  ///< of the log

  [[nodiscard]] double difference() const { return predicted - logged; }
};

/// The terms that the log has, in the order of the report. Throws ConfigError: the file can't be read, or has none.
[[nodiscard]] std::vector<LoggedTerm> read_engine_log(const std::string& path, const models::ServingResult& result);

/// A table of them, and the term of memory that differs most.
void write_log_text(std::ostream& out, const std::vector<LoggedTerm>& terms, const std::string& path);
[[nodiscard]] Json log_json(const std::vector<LoggedTerm>& terms);

}  // namespace orrery::scenarios
