// A serving scenario that runs in no time.
#pragma once

#include <string>

namespace orrery::scenarios::testing {

/// Llama-3 8B on one H100, 40 requests.
inline std::string small_serving() {
  return "scenario: \"chat\"\n"
         "model: llama-3-8b\n"
         "cluster:\n"
         "  node: dgx_h100\n"
         "  nodes: 1\n"
         "serving:\n"
         "  tensor_parallel: 1\n"
         "  max_model_len: 4096\n"
         "  load:\n"
         "    arrivals: poisson\n"
         "    rate: 10\n"
         "    requests: 40\n"
         "    input: {distribution: lognormal, mean: 500, cv: 0.8, most: 3000}\n"
         "    output: 50\n";
}

}  // namespace orrery::scenarios::testing
