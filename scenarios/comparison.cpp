#include "scenarios/comparison.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

struct DirectionRow {
  std::string_view metric;  ///< of a latency: without the last part, "serving.ttft_s" for its mean and percentiles
  Direction direction;
};

constexpr Direction kMore = Direction::more_is_better;
constexpr Direction kLess = Direction::less_is_better;
constexpr Direction kNeutral = Direction::neutral;

// Neutral is what is a means or an accident: hardware FLOP/s rise when work is done twice, the duration of a serving
// run follows from its load, and a full KV cache is good use or the limit, as one likes.
constexpr DirectionRow kDirections[] = {
    {"training.step_time_s", kLess},
    {"training.tokens_per_s", kMore},
    {"training.tokens_per_s_per_gpu", kMore},
    {"training.model_tflops_per_gpu", kMore},
    {"training.hardware_tflops_per_gpu", kNeutral},
    {"training.mfu", kMore},
    {"training.hfu", kNeutral},
    {"training.bubble_fraction", kLess},
    {"training.exposed_communication_s", kLess},
    {"training.compute_s", kLess},
    {"training.communication_s", kLess},
    {"training.optimizer_s", kLess},
    {"serving.requests", kNeutral},
    {"serving.duration_s", kNeutral},
    {"serving.input_tokens_per_s", kMore},
    {"serving.output_tokens_per_s", kMore},
    {"serving.requests_per_s", kMore},
    {"serving.output_tokens_per_s_per_gpu", kMore},
    {"serving.ttft_s", kLess},
    {"serving.tpot_s", kLess},
    {"serving.itl_s", kLess},
    {"serving.e2e_s", kLess},
    {"serving.queue_s", kLess},
    {"serving.goodput", kMore},
    {"serving.slo_attainment", kMore},
    {"serving.kv_cache_usage.mean", kNeutral},
    {"serving.kv_cache_usage.peak", kNeutral},
    {"serving.prefix_hit_rate", kMore},
    {"serving.preemptions", kLess},
    {"serving.rejected", kLess},
    {"serving.truncated", kLess},
    {"serving.mean_batch", kNeutral},
    {"serving.saturated", kLess},
    {"serving.kv_cache_tokens", kMore},
    {"serving.num_gpu_blocks", kMore},
    {"memory.peak_bytes", kLess},
    {"memory.weights_bytes", kLess},
    {"memory.gradients_bytes", kLess},
    {"memory.optimizer_bytes", kLess},
    {"memory.activations_bytes", kLess},
    {"memory.kv_cache_bytes", kMore},
    {"memory.workspace_bytes", kLess},
    {"memory.capacity_bytes", kNeutral},
    {"memory.model_state_bytes", kLess},
    {"memory.fits", kMore},
    {"cost.gpu_hours", kLess},
    {"cost.usd", kLess},
    {"cost.usd_per_million_tokens", kLess},
    {"cost.usd_per_million_output_tokens", kLess},
};

constexpr std::string_view kFigures[] = {"mean", "p50", "p90", "p95", "p99"};
constexpr std::string_view kStages = "memory.stages.";

std::optional<Direction> find_row(std::string_view metric) {
  for (const DirectionRow& row : kDirections) {
    if (row.metric == metric) return row.direction;
  }
  return std::nullopt;
}

bool is_stage(std::string_view metric) { return metric.substr(0, kStages.size()) == kStages; }

}  // namespace

std::optional<Direction> find_direction(std::string_view metric) {
  if (is_stage(metric)) {
    if (!metric_unit(metric)) return std::nullopt;
    return find_row(fmt::format("memory.{}", metric.substr(metric.rfind('.') + 1)));
  }
  if (const std::optional<Direction> found = find_row(metric)) return found;
  const std::size_t dot = metric.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view figure = metric.substr(dot + 1);
  const bool known = std::find(std::begin(kFigures), std::end(kFigures), figure) != std::end(kFigures);
  return known ? find_row(metric.substr(0, dot)) : std::nullopt;
}

Direction direction(std::string_view metric) { return find_direction(metric).value_or(Direction::neutral); }

std::optional<double> MetricChange::difference() const {
  if (!a || !b) return std::nullopt;
  return *b - *a;
}

std::optional<double> MetricChange::ratio() const {
  if (!a || !b || *a == 0.0) return std::nullopt;
  return *b / *a;
}

int MetricChange::verdict() const {
  const std::optional<double> change = difference();
  const Direction wanted = direction(name);
  if (!change || *change == 0.0 || wanted == Direction::neutral) return 0;
  return (*change > 0.0) == (wanted == Direction::more_is_better) ? 1 : -1;
}

std::vector<MetricChange> compare_values(const MetricLookup& a, const MetricLookup& b) {
  std::vector<MetricChange> changes;
  for (const MetricRow& row : metric_rows()) {
    MetricChange change{row.name, row.unit, a(row.name), b(row.name)};
    if (change.a || change.b) changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<MetricChange> compare_reports(const Report& a, const Report& b) {
  std::vector<MetricChange> changes = compare_values([&a](const std::string& name) { return a.find_metric(name); },
                                                     [&b](const std::string& name) { return b.find_metric(name); });
  // Stages go by their number: with unequal pipelines the later ones are on one side only.
  const Report& deeper = a.result.memory.size() >= b.result.memory.size() ? a : b;
  for (const MetricValue& value : deeper.metrics) {
    if (!is_stage(value.name)) continue;
    changes.push_back({value.name, value.unit, a.find_metric(value.name), b.find_metric(value.name)});
  }
  return changes;
}

}  // namespace orrery::scenarios
