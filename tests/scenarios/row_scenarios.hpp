// Small scenarios that use a given row of a table, and nothing that takes long. A row that needs keys of its own is
// named here; a row that is not gets none, so that whoever adds one is told by the tests that run it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tests/places.hpp"

namespace orrery::scenarios::testing {

/// The file that texts below are read as: paths in them start at its folder.
inline std::string row_scenario_file() { return orrery::tests::source_root() + "/tests/scenarios/row.yaml"; }

inline std::string own_keys(const std::map<std::string_view, std::string_view>& keys, std::string_view row) {
  const auto found = keys.find(row);
  return found == keys.end() ? std::string() : std::string(found->second);
}

/// GPT-2 124M in four pipeline stages.
inline std::string training_with_schedule(std::string_view schedule) {
  const std::string own = own_keys({{"interleaved_1f1b", ", virtual_pipeline: 3"}}, schedule);
  return "scenario: schedule\n"
         "model: gpt2-124m\n"
         "cluster: {node: dgx_a100, nodes: 1}\n"
         "training: {sequence_length: 1024, global_batch_size: 32, micro_batch_size: 2, pipeline_parallel: 4, "
         "schedule: " +
         std::string(schedule) + own + "}\n";
}

/// GPT-2 124M, data-parallel on `nodes` nodes, its collectives by that algorithm where NCCL offers it: with one rank a
/// node for PAT, on a fabric that reduces for CollNet, on PCIe boxes for HFReduce.
inline std::string training_with_collective(std::string_view algorithm, int nodes) {
  return "scenario: collective\n"
         "model: gpt2-124m\n"
         "cluster: {node: " +
         std::string(algorithm == "pat"               ? "h100_96gb_node"
                     : algorithm == "hfreduce"        ? "a100_pcie_box"
                     : algorithm == "hfreduce_nvlink" ? "a100_pcie_bridged_box"
                     : algorithm == "torus"           ? "tpu_v5p_host"
                                                      : "dgx_h100") +
         ", nodes: " + std::to_string(nodes) +
         (algorithm == "torus" ? ", fabric: torus_v5p, torus: [2, 2, " + std::to_string(nodes) + "]"
                               : std::string(", fabric: rail_fat_tree_ndr")) +
         ", collective_algorithm: " + std::string(algorithm) +
         (algorithm.substr(0, 7) == "collnet" ? ", nccl: {collnet: true}" : "") +
         "}\n"
         "training: {sequence_length: 1024, global_batch_size: 256, micro_batch_size: 4, tensor_parallel: 4" +
         (algorithm == "pat" ? ", zero: optimizer" : "") + "}\n";
}

/// Mixtral 8x7B, a layer of it, its experts dealt to the node's eight ranks.
inline std::string training_with_exchange(std::string_view exchange) {
  return "scenario: exchange\n"
         "model: {config: mixtral-8x7b, layers: 1}\n"
         "cluster: {node: dgx_h100, nodes: 1}\n"
         "training: {sequence_length: 128, global_batch_size: 8, expert_parallel: 8, expert_exchange: " +
         std::string(exchange) + "}\n";
}

/// One layer on eight GPUs; tensor parallel over four of them or all, as the mode has a grid.
inline std::string training_with_tensor_mode(std::string_view mode) {
  const bool small = mode == "1d" || mode == "2d";
  return "scenario: tensor mode\n"
         "model: {config: llama-3-8b, layers: 1}\n"
         "cluster: {node: dgx_h100, nodes: 1}\n"
         "training: {sequence_length: 4096, global_batch_size: 8, micro_batch_size: 4, tensor_parallel: " +
         std::string(small ? "4" : "8") + (mode == "2.5d" ? ", tensor_parallel_depth: 2" : "") +
         ", tensor_parallel_mode: " + std::string(mode) + "}\n";
}

/// Two workers of a node each that synchronise every so many steps.
inline std::string training_with_workers() {
  return "scenario: workers\n"
         "model: {config: llama-3-8b, layers: 1}\n"
         "cluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
         "training: {sequence_length: 128, global_batch_size: 16, outer_workers: 2}\n";
}

/// An engine of `model`; `more` stands in its section, `load` in its load.
inline std::string serving_with(const std::string& load, const std::string& more = "",
                                const std::string& model = "llama-3-8b") {
  return "scenario: serving\n"
         "model: " +
         model +
         "\n"
         "cluster: {node: hgx_h200, nodes: 1}\n"
         "serving: {" +
         more + "max_model_len: 2048, slo: {ttft: 500 ms}, load: {" + load + "}}\n";
}

inline std::string serving_with_arrivals(std::string_view row) {
  const std::string synthetic = "requests: 24, input: 64, output: 8, ";
  const std::string name(row);
  if (row == "trace") return serving_with("arrivals: trace, trace: ../fuzz/corpus/trace/table.csv");
  const std::string own = own_keys({{"constant", ", rate: 8"},
                                    {"poisson", ", rate: 8"},
                                    {"gamma", ", rate: 8, cv: 2"},
                                    {"burst", ", burst_size: 4, burst_interval: 1 s"},
                                    {"closed_loop", ", concurrency: 4, think_time: 100 ms"}},
                                   row);
  return serving_with(synthetic + "arrivals: " + name + own);
}

inline std::string serving_with_lengths(std::string_view row) {
  const std::string own = own_keys({{"fixed", ", mean: 64"},
                                    {"lognormal", ", mean: 64, cv: 0.5"},
                                    {"uniform", ", least: 32, most: 96"},
                                    {"empirical", ", values: [16, 64, 128]"}},
                                   row);
  return serving_with("rate: 8, requests: 24, output: 8, input: {distribution: " + std::string(row) + own + "}");
}

inline std::string serving_with_trace(std::string_view row) {
  const std::string file = own_keys({{"burstgpt", "burstgpt.csv"},
                                     {"vidur", "vidur.csv"},
                                     {"vidur_lengths", "vidur_lengths.csv"},
                                     {"lengths", "lengths.csv"},
                                     {"llmservingsim", "llmservingsim.jsonl"},
                                     {"aiperf", "aiperf.jsonl"},
                                     {"inputs_json", "inputs.json"},
                                     {"sharegpt", "sharegpt.json"},
                                     {"vllm_bench", "vllm_bench.json"},
                                     {"mooncake", "mooncake.jsonl"},
                                     {"mooncake_csv", "mooncake.csv"},
                                     {"azure", "azure_2023.csv"},
                                     {"azure_csv", "table.csv"}},
                                    row);
  return serving_with("trace: ../fuzz/corpus/trace/" + file + ", trace_format: " + std::string(row),
                      "max_num_batched_tokens: 2048, ");
}

}  // namespace orrery::scenarios::testing
