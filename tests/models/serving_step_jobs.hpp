// Resolved serving jobs on the library's hardware and models.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/kernel.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/step_model.hpp"
#include "sim/plan/plan.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::models::testing {

inline ServingJob serving_job(std::string_view node, std::string_view model, int tensor_parallel = 1) {
  ServingJob job;
  job.llm = load_model(model);
  job.cluster = hardware::make_cluster(node, "single_node", 1);
  job.config.tensor_parallel = tensor_parallel;
  job.config.max_num_seqs = 1024;
  job.config.max_num_batched_tokens = 8192;
  job.config.max_model_len = 8192;
  job.config.gpu_memory_utilization = 0.9;
  job.config.kernels = kernels::Implementation::vllm;
  return job;
}

inline std::unique_ptr<kernels::KernelTimer> fitted_timer() {
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

/// `sequences` decodes that attend to `kv` tokens each.
inline StepShape decodes(std::int64_t sequences, std::int64_t kv) {
  StepShape shape;
  shape.decode_sequences = shape.sampled = sequences;
  shape.decode_kv_tokens = sequences * kv;
  return shape;
}

/// `sequences` whole prompts of `tokens` each.
inline StepShape prompts(std::int64_t sequences, std::int64_t tokens) {
  StepShape shape;
  shape.prefill_sequences = shape.sampled = sequences;
  shape.prefill_tokens = sequences * tokens;
  shape.prefill_pairs = static_cast<double>(sequences) * static_cast<double>(tokens) * static_cast<double>(tokens);
  return shape;
}

/// What an iteration runs, with its prices. `model` must outlive it.
struct PricedStep {
  PricedStep(const StepModel& model, const StepShape& shape) : plan(model.lower(shape)), prices(model.prices()) {}

  /// The first kernel of that label. Throws std::out_of_range without one.
  [[nodiscard]] const sim::KernelEntry& kernel(std::string_view label) const {
    for (const sim::KernelEntry& entry : plan.kernels) {
      if (plan.labels[entry.label.index()] == label) return entry;
    }
    throw std::out_of_range(std::string(label));
  }
  /// Of one run of it, without what its stream idles.
  [[nodiscard]] Seconds alone(std::string_view label) const { return prices->explain(kernel(label), 0).kernel.time; }

  /// All kernels and collectives of a stage, what its stream idles included; no messages.
  [[nodiscard]] double sum(int stage = 0) const {
    double seconds = 0.0;
    for (const sim::Stream& stream : plan.streams) {
      if (stream.rank != RankId(stage)) continue;
      for (const sim::Step step : stream.steps) {
        if (step.kind == sim::StepKind::launch) {
          const sim::KernelEntry& entry = plan.kernels[step.index];
          seconds += static_cast<double>(entry.repeat) * prices->time(entry, 0).value();
        } else if (step.kind == sim::StepKind::collective) {
          seconds += prices->time(plan.collectives[step.index], plan).value();
        }
      }
    }
    return seconds;
  }

  sim::Plan plan;
  std::unique_ptr<sim::Prices> prices;
};

inline double milliseconds(sim::SimTime time) { return sim::to_seconds(time).value() * 1e3; }

}  // namespace orrery::models::testing
