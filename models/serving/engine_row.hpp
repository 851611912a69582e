// The engine family: what tells one serving engine from another.
//
// What all engines share is no engine's own: requests that wait and run, the clock, what is counted, steps of a model
// and their prices. A row says the rest:
//
//   resolve    what the engine decides where the user says nothing
//   loop       how it takes turns between deciding a step, running it and emitting its tokens
//   schedulers whose rules may form its batches; the first are its own
//   cache      how it keeps keys and values
//   memory     what it leaves of a GPU for them
//   graphs     which steps it captures in CUDA graphs
//   host       what its host costs
//
// To add an engine, copy engines/vllm_v1.cpp, declare its row below and add it to engines/engines.cpp. A scheduler of
// its own is a file in schedulers/, or in the engine's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/sequences/kv_cache.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/step_loop.hpp"

namespace orrery::models {

/// CUDA graphs of an engine's steps.
struct GraphRules {
  /// Batch sizes, in tokens, that are captured, in ascending order; a step is padded to the next. Empty: no graphs.
  std::vector<std::int64_t> (*sizes)(const ServingConfig& resolved) = nullptr;
  /// A step with prompts that fits the largest size is cut into graphs at every attention; else such steps are launched
  /// kernel by kernel.
  bool piecewise = true;
};

/// Host time of an engine, where the user gives none.
struct HostCosts {
  Seconds step;                      ///< to decide a step, prepare its inputs and handle its outputs
  double sequences_per_step = 1e18;  ///< at so many sequences it takes twice as long
  Seconds request;                   ///< from a request's arrival to the scheduler
  Seconds eager_dispatch;            ///< added to each kernel launch where the model is not compiled
};

/// Where the terms of an engine's `memory` come from, as reports say it behind their names.
struct MemorySources {
  std::string_view activations;  ///< "by formula from …"; where the user gives none
  std::string_view graphs;
  std::string_view cache;   ///< how it follows from the other terms
  std::string_view budget;  ///< of which share of the memory they are: "… of what CUDA counts"
};

struct EngineRow {
  std::string_view name;      ///< "vllm_v1"
  std::string_view equation;  ///< in one line, how it serves
  std::string_view source;
  /// The engine whose rules it runs by, since its own are not modelled; empty: its own are.
  std::string_view runs_under{};
  bool needs_cuda = true;  ///< its kernels and graphs are CUDA's
  /// Fills in what the engine decides; max_model_len is there, step_overhead and request_overhead are `host`'s.
  void (*resolve)(const ServingJob& job, ServingConfig& config) = nullptr;
  std::unique_ptr<StepLoop> (*loop)(const ServingConfig& resolved) = nullptr;
  std::vector<SchedulerRow> schedulers;
  std::unique_ptr<KvCache> (*cache)(const ServingConfig& resolved, std::int64_t blocks) = nullptr;
  KvPool (*memory)(const ServingJob& resolved) = nullptr;
  MemorySources memory_sources;
  GraphRules graphs;
  HostCosts host;

  /// By name, an empty one being the engine's own; nullptr if it can't run by that one's rules.
  [[nodiscard]] const SchedulerRow* find_scheduler(std::string_view wanted) const;
};

[[nodiscard]] EngineRow vllm_v1_engine();  // engines/vllm_v1.cpp
[[nodiscard]] EngineRow sglang_engine();   // engines/stand_ins.cpp
[[nodiscard]] EngineRow trtllm_engine();   // engines/stand_ins.cpp
[[nodiscard]] EngineRow tgi_engine();      // engines/stand_ins.cpp

/// Every engine.
[[nodiscard]] const std::vector<EngineRow>& engines();
[[nodiscard]] const EngineRow* find_engine(std::string_view name);

/// Why the engine can't run on the GPU, as whoever is asked says it; empty: it can.
[[nodiscard]] std::string engine_misfit(const EngineRow& row, const hardware::Gpu& gpu);

/// The job's own row, else that of its key. REQUIRES check(job).empty(); throws std::invalid_argument without a row.
[[nodiscard]] const EngineRow& engine_of(const ServingJob& job);

}  // namespace orrery::models
