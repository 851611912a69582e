// What vLLM's load generator saved: the lengths of its requests, how it sent them, and what it measured.
//
// Source: vllm-project/vllm vllm/benchmarks/serve.py, `vllm bench serve --save-result`; input_lens and output_lens with
// --save-detailed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/serving/workload/byte_reader.hpp"

namespace orrery::models {

struct VllmBench {
  std::map<std::string, double> numbers;     ///< top-level keys with a number: "duration", "mean_ttft_ms", …
  std::map<std::string, std::string> texts;  ///< with a short text: "model_id", "request_rate" (of "inf")
  std::vector<std::string> input_lens, output_lens;
};

/// Reads the whole file, keeping no more than the above. Throws std::invalid_argument with a sentence: no complete JSON
/// object, lists of unequal length.
[[nodiscard]] VllmBench read_vllm_bench(ByteReader& bytes);

}  // namespace orrery::models
