#include "scenarios/training/metrics.hpp"

#include "scenarios/training/steps.hpp"

namespace orrery::scenarios {

namespace {

using models::StageMemory;
using models::TrainingResult;
using R = const TrainingResult&;

constexpr Direction kMore = Direction::more_is_better;
constexpr Direction kLess = Direction::less_is_better;
constexpr Direction kNeutral = Direction::neutral;

struct Metric {
  MetricRow row;
  double (*value)(R result);
};

/// Of the stage that has least to spare.
Bytes memory_margin(R result) {
  Bytes least = result.memory.front().capacity - result.memory.front().peak;
  for (const StageMemory& stage : result.memory) least = min(least, stage.capacity - stage.peak);
  return least;
}

Bytes model_state(const StageMemory& m) { return m.weights + m.gradients + m.optimizer; }

std::vector<Metric> step_metrics() {
  return {
      {{"training.step_time_s", Unit::seconds,
        "makespan of one optimizer step; of several, the (lower) median one; of workers the mean", kLess},
       [](R r) { return r.step_time.value(); }},
      {{"training.tokens_per_s", Unit::tokens_per_second, "global_batch_size * sequence_length / step_time", kMore},
       [](R r) { return r.tokens_per_second; }},
      {{"training.tokens_per_s_per_gpu", Unit::tokens_per_second, "tokens_per_s / GPUs", kMore},
       [](R r) { return r.tokens_per_second_per_gpu; }},
      {{"training.model_tflops_per_gpu", Unit::tflops, "model FLOPs (no recompute) / step_time / GPUs / 1e12", kMore},
       [](R r) { return r.model_flops_per_gpu.value() / 1e12; }},
      {{"training.hardware_tflops_per_gpu", Unit::tflops, "FLOPs with recompute / step_time / GPUs / 1e12", kNeutral},
       [](R r) { return r.hardware_flops_per_gpu.value() / 1e12; }},
      {{"training.mfu", Unit::ratio, "model FLOP/s per GPU / dense peak", kMore}, [](R r) { return r.mfu; }},
      {{"training.hfu", Unit::ratio, "hardware FLOP/s per GPU / dense peak", kNeutral}, [](R r) { return r.hfu; }},
      {{"training.bubble_fraction", Unit::ratio, "idle share of the pipeline between first and last pass", kLess},
       [](R r) { return r.bubble_fraction; }},
      {{"training.exposed_communication_s", Unit::seconds, "communication during which the GPU computes nothing, mean",
        kLess},
       [](R r) { return r.exposed_communication.value(); }},
      {{"training.compute_s", Unit::seconds, "time with a kernel running, mean over GPUs", kLess},
       [](R r) { return r.compute.value(); }},
      {{"training.communication_s", Unit::seconds, "time with communication running, mean over GPUs", kLess},
       [](R r) { return r.communication.value(); }},
      {{"training.optimizer_s", Unit::seconds, "time of the optimizer step, mean over GPUs", kLess},
       [](R r) { return r.optimizer.value(); }},
  };
}

/// Of steps that were repeated; a single one has none of these.
struct StepsMetric {
  MetricRow row;
  Seconds (*value)(const StepsSummary& steps);
};

const std::vector<StepsMetric>& steps_metrics() {
  static const std::vector<StepsMetric> rows = {
      {{"training.steps.first_s", Unit::seconds, "the first of several steps", kLess, true},
       [](const StepsSummary& s) { return s.first; }},
      {{"training.steps.median_s", Unit::seconds, "the (lower) median of several steps", kLess, true},
       [](const StepsSummary& s) { return s.median; }},
      {{"training.steps.last_s", Unit::seconds, "the last of several steps", kLess, true},
       [](const StepsSummary& s) { return s.last; }},
      {{"training.steps.longest_s", Unit::seconds, "the longest of several steps", kLess, true},
       [](const StepsSummary& s) { return s.longest; }},
      {{"training.steps.spread_s", Unit::seconds, "the longest less the shortest of several steps", kLess, true},
       [](const StepsSummary& s) { return s.spread(); }},
  };
  return rows;
}

/// Of workers that synchronise every so many steps; other jobs have none of these.
struct OuterMetric {
  MetricRow row;
  double (*value)(const models::OuterStep& outer);
};

const std::vector<OuterMetric>& outer_metrics() {
  using O = const models::OuterStep&;
  static const std::vector<OuterMetric> rows = {
      {{"training.outer.inner_step_s", Unit::seconds, "an inner step of a worker", kLess, true},
       [](O o) { return o.inner.value(); }},
      {{"training.outer.exchange_s", Unit::seconds, "one exchange of pseudo-gradients between workers", kLess, true},
       [](O o) { return o.exchange.value(); }},
      {{"training.outer.update_s", Unit::seconds, "kernels and host copies of one exchange", kLess, true},
       [](O o) { return o.update.value(); }},
      {{"training.outer.gather_s", Unit::seconds, "new weights after one exchange, within a worker", kLess, true},
       [](O o) { return o.gather.value(); }},
      {{"training.outer.exposed_s", Unit::seconds, "what exchanges add to the mean step", kLess, true},
       [](O o) { return o.exposed.value(); }},
      {{"training.outer.rank_sent_bytes", Unit::bytes, "by the rank that sends most to other workers, an exchange",
        kLess, true},
       [](O o) { return o.sent.value(); }},
      {{"training.outer.worker_sent_bytes", Unit::bytes, "by a worker to others in outer_steps", kLess, true},
       [](O o) { return o.worker_sent.value(); }},
  };
  return rows;
}

/// Of the fullest GPU.
std::vector<Metric> memory_metrics() {
  const auto of = [](std::string_view name, double (*value)(R)) { return Metric{shared_metric(name), value}; };
  return {
      of("memory.peak_bytes", [](R r) { return r.fullest().peak.value(); }),
      of("memory.weights_bytes", [](R r) { return r.fullest().weights.value(); }),
      of("memory.gradients_bytes", [](R r) { return r.fullest().gradients.value(); }),
      of("memory.optimizer_bytes", [](R r) { return r.fullest().optimizer.value(); }),
      of("memory.activations_bytes", [](R r) { return r.fullest().activations.value(); }),
      of("memory.kv_cache_bytes", [](R) { return 0.0; }),
      of("memory.workspace_bytes", [](R r) { return r.fullest().workspace.value(); }),
      of("memory.capacity_bytes", [](R r) { return r.fullest().capacity.value(); }),
      of("memory.margin_bytes", [](R r) { return memory_margin(r).value(); }),
      of("memory.model_state_bytes", [](R r) { return model_state(r.fullest()).value(); }),
      of("memory.fits", [](R r) { return r.out_of_memory() ? 0.0 : 1.0; }),
  };
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = [] {
    std::vector<Metric> rows = step_metrics();
    for (Metric& row : memory_metrics()) rows.push_back(std::move(row));
    return rows;
  }();
  return all;
}

}  // namespace

const std::vector<StageMetric>& stage_metrics() {
  static const std::vector<StageMetric> rows = [] {
    std::vector<StageMetric> all;
    const auto add = [&](std::string_view name, std::string_view equation, Bytes (*value)(const StageMemory&)) {
      all.push_back({{"memory.stages.", "stage", name, Unit::bytes, equation, kLess}, value});
    };
    add("peak_bytes", "largest sum over the step", [](const StageMemory& m) { return m.peak; });
    add("weights_bytes", "weights in the training precision", [](const StageMemory& m) { return m.weights; });
    add("gradients_bytes", "gradient buffer", [](const StageMemory& m) { return m.gradients; });
    add("optimizer_bytes", "master weights and moments", [](const StageMemory& m) { return m.optimizer; });
    add("activations_bytes", "activations at their peak", [](const StageMemory& m) { return m.activations; });
    add("workspace_bytes", "temporaries and buffers", [](const StageMemory& m) { return m.workspace; });
    add("model_state_bytes", "weights + gradients + optimizer", model_state);
    return all;
  }();
  return rows;
}

const std::vector<MetricRow>& training_metric_rows() {
  static const std::vector<MetricRow> rows = [] {
    std::vector<MetricRow> all;
    for (const Metric& metric : metrics()) all.push_back(metric.row);
    for (const StepsMetric& metric : steps_metrics()) all.push_back(metric.row);
    for (const OuterMetric& metric : outer_metrics()) all.push_back(metric.row);
    for (MetricRow& row : cost_metric_rows(false)) all.push_back(std::move(row));
    return all;
  }();
  return rows;
}

const std::vector<PartMetricRow>& stage_metric_rows() {
  static const std::vector<PartMetricRow> rows = [] {
    std::vector<PartMetricRow> all;
    for (const StageMetric& metric : stage_metrics()) all.push_back(metric.row);
    return all;
  }();
  return rows;
}

std::vector<MetricValue> evaluate_metrics(const TrainingResult& result, const CostBasis& cost) {
  std::vector<MetricValue> values;
  for (const Metric& metric : metrics()) values.push_back({metric.row.name, metric.row.unit, metric.value(result)});
  if (count_of(result.repeated_steps) > 1) {
    const StepsSummary steps = summarise_steps(result.repeated_steps, Seconds{}, {});
    for (const StepsMetric& metric : steps_metrics()) {
      values.push_back({metric.row.name, metric.row.unit, metric.value(steps).value()});
    }
  }
  if (result.outer) {
    for (const OuterMetric& metric : outer_metrics()) {
      values.push_back({metric.row.name, metric.row.unit, metric.value(*result.outer)});
    }
  }
  append_cost(values, cost, false);
  for (const StageMemory& stage : result.memory) {
    for (const StageMetric& metric : stage_metrics()) {
      values.push_back({metric.row.of(stage.stage), metric.row.unit, metric.value(stage).value()});
    }
  }
  return values;
}

}  // namespace orrery::scenarios
