#include "scenarios/serving/metrics.hpp"

#include <fmt/format.h>

#include "scenarios/serving/pool.hpp"

namespace orrery::scenarios {

namespace {

using models::LatencySummary;
using models::ServingResult;
using Value = std::optional<double>;
using R = const ServingResult&;
using C = const CostBasis&;

constexpr Direction kMore = Direction::more_is_better;
constexpr Direction kLess = Direction::less_is_better;
constexpr Direction kNeutral = Direction::neutral;

struct Metric {
  MetricRow row;
  /// nullopt: this run leaves it undefined (TPOT of answers of one token).
  Value (*value)(R result, C cost);
};

/// Figures of a run that served nothing are undefined, not 0: a mean batch, a rate, a share of requests.
Value if_served(R result, double value) { return result.requests > 0 ? Value(value) : std::nullopt; }

template <LatencySummary ServingResult::*latency, double LatencySummary::*figure>
Value latency_value(R result, C) {
  const LatencySummary& summary = result.*latency;
  return summary.count > 0 ? Value(summary.*figure) : std::nullopt;
}

template <LatencySummary ServingResult::*latency>
void add_latency(std::vector<Metric>& rows, std::string_view name, std::string_view equation) {
  const auto add = [&](std::string_view figure, Value (*value)(R, C)) {
    rows.push_back({{fmt::format("serving.{}.{}", name, figure), Unit::seconds, equation, kLess}, value});
  };
  add("mean", latency_value<latency, &LatencySummary::mean>);
  add("p50", latency_value<latency, &LatencySummary::p50>);
  add("p90", latency_value<latency, &LatencySummary::p90>);
  add("p95", latency_value<latency, &LatencySummary::p95>);
  add("p99", latency_value<latency, &LatencySummary::p99>);
}

std::vector<Metric> rate_rows() {
  return {
      {{"serving.requests", Unit::count, "requests that were answered, without those of the warm-up", kNeutral},
       [](R r, C) { return Value(static_cast<double>(r.requests)); }},
      {{"serving.duration_s", Unit::seconds, "from the first counted arrival to the last token", kNeutral},
       [](R r, C) { return r.given_up ? Value(r.duration.value()) : if_served(r, r.duration.value()); }},
      {{"serving.input_tokens_per_s", Unit::tokens_per_second, "prompt tokens of the counted requests / duration",
        kMore},
       [](R r, C) { return if_served(r, r.input_tokens_per_second()); }},
      {{"serving.output_tokens_per_s", Unit::tokens_per_second, "answer tokens of the counted requests / duration",
        kMore},
       [](R r, C) { return if_served(r, r.output_tokens_per_second()); }},
      {{"serving.requests_per_s", Unit::requests_per_second, "requests / duration", kMore},
       [](R r, C) { return if_served(r, r.requests_per_second()); }},
      {{"serving.output_tokens_per_s_per_gpu", Unit::tokens_per_second, "output_tokens_per_s / GPUs of all replicas",
        kMore},
       [](R r, C c) { return if_served(r, c.gpus > 0 ? r.output_tokens_per_second() / c.gpus : 0.0); }},
      {{"serving.output_tokens_per_s_per_user", Unit::tokens_per_second, "1 / mean tpot_s: what one user sees", kMore},
       [](R r, C) { return r.tpot.mean > 0.0 ? Value(1.0 / r.tpot.mean) : std::nullopt; }},
  };
}

std::vector<Metric> share_rows() {
  return {
      {{"serving.goodput", Unit::requests_per_second, "requests within the limits of slo: (all without) / duration",
        kMore},
       [](R r, C) { return if_served(r, r.goodput()); }},
      {{"serving.slo_attainment", Unit::ratio, "requests within the limits of slo: (all without) / requests", kMore},
       [](R r, C) { return if_served(r, r.attainment()); }},
      {{"serving.kv_cache_usage.mean", Unit::ratio, "KV blocks in use / all blocks, mean over time", kNeutral},
       [](R r, C) { return if_served(r, r.kv_usage_mean); }},
      {{"serving.kv_cache_usage.peak", Unit::ratio, "KV blocks in use / all blocks, largest", kNeutral},
       [](R r, C) { return if_served(r, r.kv_usage_peak); }},
      {{"serving.prefix_hit_rate", Unit::ratio, "cached tokens / prompt tokens, when first scheduled", kMore},
       [](R r, C) { return if_served(r, r.prefix_hit_rate); }},
  };
}

std::vector<Metric> counter_rows() {
  return {
      {{"serving.preemptions", Unit::count, "how often a sequence lost its blocks to another", kLess},
       [](R r, C) { return Value(static_cast<double>(r.preemptions)); }},
      {{"serving.rejected", Unit::count, "requests longer than max_model_len", kLess},
       [](R r, C) { return Value(static_cast<double>(r.rejected)); }},
      {{"serving.truncated", Unit::count, "answers cut at max_model_len", kLess},
       [](R r, C) { return Value(static_cast<double>(r.truncated)); }},
      {{"serving.mean_batch", Unit::number, "sequences per step, mean over steps", kNeutral},
       [](R r, C) { return if_served(r, r.mean_batch); }},
      {{"serving.saturated", Unit::flag, "1 when the queue grows without bound, else 0", kLess},
       [](R r, C) { return Value(r.saturated ? 1.0 : 0.0); }},
      {{"serving.kv_cache_tokens", Unit::count, "num_gpu_blocks * block_size, of one replica", kMore},
       [](R r, C) { return Value(static_cast<double>(r.pool.tokens())); }},
      {{"serving.max_concurrency", Unit::number, "requests of max_model_len tokens that one replica's KV cache holds",
        kMore},
       [](R r, C) {
         const std::int64_t each = r.pool.block_size > 0 ? r.pool.longest_blocks() : 0;
         return each > 0 ? Value(static_cast<double>(r.pool.blocks) / static_cast<double>(each)) : std::nullopt;
       }},
      {{"serving.num_gpu_blocks", Unit::count, "blocks of the KV cache of one replica", kMore},
       [](R r, C) { return Value(static_cast<double>(r.pool.blocks)); }},
  };
}

std::vector<Metric> memory_metrics() {
  const auto of = [](std::string_view name, Value (*value)(R, C)) { return Metric{shared_metric(name), value}; };
  return {
      of("memory.peak_bytes", [](R r, C) { return Value(r.pool.peak().value()); }),
      of("memory.weights_bytes", [](R r, C) { return Value(r.pool.weights.value()); }),
      of("memory.gradients_bytes", [](R, C) { return Value(0.0); }),
      of("memory.optimizer_bytes", [](R, C) { return Value(0.0); }),
      of("memory.activations_bytes", [](R r, C) { return Value(r.pool.activations.value()); }),
      of("memory.kv_cache_bytes", [](R r, C) { return Value(r.pool.kv_cache.value()); }),
      of("memory.workspace_bytes", [](R r, C) { return Value((r.pool.context + r.pool.graphs).value()); }),
      of("memory.capacity_bytes", [](R r, C) { return Value(r.pool.capacity.value()); }),
      of("memory.model_state_bytes", [](R r, C) { return Value(r.pool.weights.value()); }),
      of("memory.margin_bytes", [](R r, C) { return Value(cache_margin(r).value()); }),
      of("memory.fits", [](R r, C) { return Value(r.started ? 1.0 : 0.0); }),
  };
}

std::vector<Metric> all_metrics() {
  std::vector<Metric> rows = rate_rows();
  add_latency<&ServingResult::ttft>(rows, "ttft_s", "first token - arrival");
  add_latency<&ServingResult::tpot>(rows, "tpot_s",
                                    "(last token - first token) / (tokens - 1), without one-token ones");
  add_latency<&ServingResult::itl>(rows, "itl_s", "gap between two tokens of a request");
  add_latency<&ServingResult::e2e>(rows, "e2e_s", "last token - arrival");
  add_latency<&ServingResult::queue>(rows, "queue_s", "first scheduled - arrival");
  for (std::vector<Metric>& part : std::vector<std::vector<Metric>>{share_rows(), counter_rows(), memory_metrics()}) {
    for (Metric& row : part) rows.push_back(std::move(row));
  }
  return rows;
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = all_metrics();
  return all;
}

}  // namespace

const std::vector<MetricRow>& serving_metric_rows() {
  static const std::vector<MetricRow> rows = [] {
    std::vector<MetricRow> all;
    for (const Metric& metric : metrics()) all.push_back(metric.row);
    for (MetricRow& row : cost_metric_rows(true)) all.push_back(std::move(row));
    return all;
  }();
  return rows;
}

std::vector<MetricValue> evaluate_metrics(const ServingResult& result, const CostBasis& cost) {
  std::vector<MetricValue> values;
  for (const Metric& metric : metrics()) {
    const Value value = metric.value(result, cost);
    if (value) values.push_back({metric.row.name, metric.row.unit, *value});
  }
  append_cost(values, cost, true);
  return values;
}

}  // namespace orrery::scenarios
