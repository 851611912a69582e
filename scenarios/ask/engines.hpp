// The engines that may answer a question: GPUs, how the model is split over them, the weights' format; and the scenario
// that one of them is.
#pragma once

#include <string>
#include <vector>

#include "scenarios/ask/question.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::scenarios {

/// One replica.
struct AskedEngine {
  AskedGpu gpu;
  int tensor_parallel = 1, pipeline_parallel = 1;
  std::string weight_dtype;  ///< empty: the model's own
  std::string dtype = {};    ///< of activations and what is not quantised; empty: bf16, as models are stored

  [[nodiscard]] int gpus() const { return tensor_parallel * pipeline_parallel; }
};

/// What may be tried: every GPU, TP 1, 2, 4, 8 within a node or the one that is asked for, the pipeline depths given,
/// and the model's own weights beside fp8 where nothing fixes the format. A GPU that has no bf16 is asked in fp16, as
/// vLLM's --dtype half does, and in fp8 only from Ampere on, whose Marlin widens it. Splits that the model's heads
/// don't allow are left in: running one says so. Source: vllm-project/vllm docs/features/quantization/README.md
/// (Supported Hardware: Marlin from SM 8.0), vllm/config/ model.py (bfloat16 needs compute capability 8.0).
[[nodiscard]] std::vector<AskedEngine> engines_for(const Question& question, const std::vector<int>& depths);

/// The engines that may serve a request for least money first, by datasheets: which of them are run first changes how
/// soon others are too dear, and no answer.
/// — Equation: price · GPUs · (2·P·tokens / peak + answer·bytes(P) / (bandwidth · 32 sequences)), P active parameters.
void sort_by_promise(std::vector<AskedEngine>& engines, const ServeQuestion& question);

/// The keys of so many replicas of an engine.
[[nodiscard]] std::vector<Override> engine_keys(const AskedEngine& engine, std::int64_t replicas);

/// Of one replica under one request: whether it starts at all, which no number of replicas changes.
[[nodiscard]] std::vector<Override> starting_keys(const AskedEngine& engine);

/// The text of a scenario, without the engine.
[[nodiscard]] std::string serve_text(const ServeQuestion& question);
[[nodiscard]] std::string fit_text(const FitQuestion& question);

/// "2 x TP 2, fp8" with the GPUs' number and name before it.
[[nodiscard]] std::string describe(const AskedEngine& engine, std::int64_t replicas);

}  // namespace orrery::scenarios
