#include "scenarios/metrics.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

using models::ServingResult;
using models::StageMemory;
using models::TrainingResult;

Bytes model_state(const StageMemory& m) { return m.weights + m.gradients + m.optimizer; }

double gpu_hours(const CostBasis& cost) { return cost.time.value() * cost.gpus / 3600.0; }
double dollars(const CostBasis& cost) { return gpu_hours(cost) * cost.price.value(); }

constexpr std::string_view kStagePrefix = "memory.stages.";

std::vector<MetricRow> training_rows() {
  using R = const TrainingResult&;
  using C = const CostBasis&;
  return {
      {"training.step_time_s", Unit::seconds, "makespan of the plan of one optimizer step",
       [](R r, C) { return r.step_time.value(); }},
      {"training.tokens_per_s", Unit::tokens_per_second, "global_batch_size * sequence_length / step_time",
       [](R r, C) { return r.tokens_per_second; }},
      {"training.tokens_per_s_per_gpu", Unit::tokens_per_second, "tokens_per_s / GPUs",
       [](R r, C) { return r.tokens_per_second_per_gpu; }},
      {"training.model_tflops_per_gpu", Unit::tflops, "model FLOPs (no recompute) / step_time / GPUs / 1e12",
       [](R r, C) { return r.model_flops_per_gpu.value() / 1e12; }},
      {"training.hardware_tflops_per_gpu", Unit::tflops, "FLOPs with recompute / step_time / GPUs / 1e12",
       [](R r, C) { return r.hardware_flops_per_gpu.value() / 1e12; }},
      {"training.mfu", Unit::ratio, "model FLOP/s per GPU / dense peak", [](R r, C) { return r.mfu; }},
      {"training.hfu", Unit::ratio, "hardware FLOP/s per GPU / dense peak", [](R r, C) { return r.hfu; }},
      {"training.bubble_fraction", Unit::ratio, "idle share of the pipeline between first and last pass",
       [](R r, C) { return r.bubble_fraction; }},
      {"training.exposed_communication_s", Unit::seconds, "communication during which the GPU computes nothing, mean",
       [](R r, C) { return r.exposed_communication.value(); }},
      {"training.compute_s", Unit::seconds, "time with a kernel running, mean over GPUs",
       [](R r, C) { return r.compute.value(); }},
      {"training.communication_s", Unit::seconds, "time with communication running, mean over GPUs",
       [](R r, C) { return r.communication.value(); }},
      {"training.optimizer_s", Unit::seconds, "time of the optimizer step, mean over GPUs",
       [](R r, C) { return r.optimizer.value(); }},
  };
}

std::optional<double> dollars_per_million(const CostBasis& cost, double tokens) {
  return tokens > 0.0 ? std::optional<double>(dollars(cost) / tokens * 1e6) : std::nullopt;
}

std::vector<MetricRow> memory_rows() {
  using R = const TrainingResult&;
  using S = const ServingResult&;
  using C = const CostBasis&;
  using V = std::optional<double>;
  return {
      {"memory.peak_bytes", Unit::bytes, "largest sum over the step, fullest GPU; serving: with the whole KV cache",
       [](R r, C) { return r.fullest().peak.value(); }, [](S r, C) { return V(r.pool.peak().value()); }},
      {"memory.weights_bytes", Unit::bytes, "weights in the precision of training or serving",
       [](R r, C) { return r.fullest().weights.value(); }, [](S r, C) { return V(r.pool.weights.value()); }},
      {"memory.gradients_bytes", Unit::bytes, "gradient buffer; 0 in serving",
       [](R r, C) { return r.fullest().gradients.value(); }, [](S, C) { return V(0.0); }},
      {"memory.optimizer_bytes", Unit::bytes, "master weights and moments (a shard with ZeRO); 0 in serving",
       [](R r, C) { return r.fullest().optimizer.value(); }, [](S, C) { return V(0.0); }},
      {"memory.activations_bytes", Unit::bytes,
       "activations kept for the backward pass, at their peak; serving: of the largest step",
       [](R r, C) { return r.fullest().activations.value(); }, [](S r, C) { return V(r.pool.activations.value()); }},
      {"memory.kv_cache_bytes", Unit::bytes, "blocks of the KV cache; 0 in training", [](R, C) { return 0.0; },
       [](S r, C) { return V(r.pool.kv_cache.value()); }},
      {"memory.workspace_bytes", Unit::bytes,
       "recomputed tensors, library and communication buffers; serving: context and CUDA graphs",
       [](R r, C) { return r.fullest().workspace.value(); },
       [](S r, C) { return V((r.pool.context + r.pool.graphs).value()); }},
      {"memory.capacity_bytes", Unit::bytes,
       "GPU memory less what context and driver take; serving: as sold, since the peak counts them",
       [](R r, C) { return r.memory_capacity.value(); }, [](S r, C) { return V(r.pool.capacity.value()); }},
      {"memory.model_state_bytes", Unit::bytes, "weights + gradients + optimizer",
       [](R r, C) { return model_state(r.fullest()).value(); }, [](S r, C) { return V(r.pool.weights.value()); }},
      {"memory.fits", Unit::flag, "1 when the peak is within the capacity, else 0; serving: when the engine starts",
       [](R r, C) { return r.out_of_memory() ? 0.0 : 1.0; }, [](S r, C) { return V(r.started ? 1.0 : 0.0); }},
  };
}

std::vector<MetricRow> cost_rows() {
  using R = const TrainingResult&;
  using S = const ServingResult&;
  using C = const CostBasis&;
  using V = std::optional<double>;
  return {
      {"cost.gpu_hours", Unit::hours, "GPUs * time of the basis", [](R, C c) { return gpu_hours(c); },
       [](S, C c) { return V(gpu_hours(c)); }},
      {"cost.usd", Unit::dollars, "gpu_hours * price", [](R, C c) { return dollars(c); },
       [](S, C c) { return V(dollars(c)); }},
      {"cost.usd_per_million_tokens", Unit::dollars, "usd / tokens of the basis * 1e6; serving: input and output",
       [](R, C c) { return dollars_per_million(c, c.tokens).value_or(0.0); },
       [](S, C c) { return dollars_per_million(c, c.tokens); }},
      {"cost.usd_per_million_output_tokens", Unit::dollars, "usd / output tokens * 1e6", nullptr,
       [](S, C c) { return dollars_per_million(c, c.output_tokens); }},
  };
}

}  // namespace

std::string_view name(Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return "s";
    case Unit::bytes:
      return "B";
    case Unit::ratio:
      return "ratio";
    case Unit::tflops:
      return "TFLOP/s";
    case Unit::tokens_per_second:
      return "tokens/s";
    case Unit::hours:
      return "h";
    case Unit::dollars:
      return "USD";
    case Unit::flag:
      return "0 or 1";
    case Unit::requests_per_second:
      return "requests/s";
    case Unit::count:
    case Unit::number:
      return "number";
  }
  return "";
}

const std::vector<MetricRow>& metric_rows() {
  static const std::vector<MetricRow> rows = [] {
    std::vector<MetricRow> all = training_rows();
    for (std::vector<MetricRow>& part :
         std::vector<std::vector<MetricRow>>{serving_metric_rows(), memory_rows(), cost_rows()}) {
      for (MetricRow& row : part) all.push_back(std::move(row));
    }
    return all;
  }();
  return rows;
}

const std::vector<StageMetricRow>& stage_metric_rows() {
  static const std::vector<StageMetricRow> rows = {
      {"peak_bytes", "largest sum over the step", [](const StageMemory& m) { return m.peak; }},
      {"weights_bytes", "weights in the training precision", [](const StageMemory& m) { return m.weights; }},
      {"gradients_bytes", "gradient buffer", [](const StageMemory& m) { return m.gradients; }},
      {"optimizer_bytes", "master weights and moments", [](const StageMemory& m) { return m.optimizer; }},
      {"activations_bytes", "activations at their peak", [](const StageMemory& m) { return m.activations; }},
      {"workspace_bytes", "temporaries and buffers", [](const StageMemory& m) { return m.workspace; }},
      {"model_state_bytes", "weights + gradients + optimizer", model_state},
  };
  return rows;
}

std::vector<MetricValue> evaluate_metrics(const models::TrainingResult& result, const CostBasis& cost) {
  std::vector<MetricValue> values;
  for (const MetricRow& row : metric_rows()) {
    if (row.training != nullptr) values.push_back({row.name, row.unit, row.training(result, cost)});
  }
  for (const StageMemory& stage : result.memory) {
    for (const StageMetricRow& row : stage_metric_rows()) {
      values.push_back(
          {fmt::format("{}{}.{}", kStagePrefix, stage.stage, row.name), Unit::bytes, row.value(stage).value()});
    }
  }
  return values;
}

std::vector<MetricValue> evaluate_metrics(const ServingResult& result, const CostBasis& cost) {
  std::vector<MetricValue> values;
  for (const MetricRow& row : metric_rows()) {
    const std::optional<double> value = row.serving != nullptr ? row.serving(result, cost) : std::nullopt;
    if (value) values.push_back({row.name, row.unit, *value});
  }
  return values;
}

std::optional<Unit> metric_unit(std::string_view name) {
  for (const MetricRow& row : metric_rows()) {
    if (row.name == name) return row.unit;
  }
  if (name.substr(0, kStagePrefix.size()) != kStagePrefix) return std::nullopt;
  const std::string_view rest = name.substr(kStagePrefix.size());
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const bool numeric = std::all_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(dot),
                                   [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  if (!numeric) return std::nullopt;
  for (const StageMetricRow& row : stage_metric_rows()) {
    if (row.name == rest.substr(dot + 1)) return Unit::bytes;
  }
  return std::nullopt;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricRow& row : metric_rows()) names.push_back(row.name);
  for (const StageMetricRow& row : stage_metric_rows()) names.push_back(fmt::format("{}0.{}", kStagePrefix, row.name));
  return names;
}

}  // namespace orrery::scenarios
