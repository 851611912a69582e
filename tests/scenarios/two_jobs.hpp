// Two jobs on one cluster, and one, as texts to read and to break.
#pragma once

#include <string>

#include "hardware/config/config.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios::testing {

inline const char* const kHead =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n";

inline const char* const kJobs =
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}\n"
    "  - name: chat\n"
    "    start: 2 s\n"
    "    until: 60 s\n"
    "    model: llama-3-8b\n"
    "    placement: {order: [tp, pp], first_node: 1}\n"
    "    serving: {load: {rate: 4, requests: 40, input: 128, output: 32}}\n";

inline const char* const kOneJob =
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64}\n";

inline Scenario read(const std::string& text) { return parse_scenario(text, "two.yaml"); }

inline std::string error_of(const std::string& text) {
  try {
    (void)read(text);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

}  // namespace orrery::scenarios::testing
