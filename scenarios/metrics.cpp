#include "scenarios/metrics.hpp"

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include <fmt/format.h>

#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

constexpr Direction kMore = Direction::more_is_better;
constexpr Direction kLess = Direction::less_is_better;
constexpr std::string_view kJobPrefix = "jobs.";
constexpr std::string_view kOutputPrice = "cost.usd_per_million_output_tokens";

double gpu_hours(const CostBasis& cost) { return cost.time.value() * cost.gpus / 3600.0; }
double dollars(const CostBasis& cost) { return gpu_hours(cost) * cost.price.value(); }

std::optional<double> dollars_per_million(const CostBasis& cost, double tokens) {
  return tokens > 0.0 ? std::optional<double>(dollars(cost) / tokens * 1e6) : std::nullopt;
}

/// "3.peak_bytes" is a metric of part 3.
bool is_of_part(const PartMetricRow& row, std::string_view name) {
  if (name.substr(0, row.prefix.size()) != row.prefix) return false;
  const std::string_view rest = name.substr(row.prefix.size());
  const std::size_t dot = rest.find('.');
  if (dot == std::string_view::npos || dot == 0 || rest.substr(dot + 1) != row.name) return false;
  return std::all_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(dot),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
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
    case Unit::bytes_per_second:
      return "B/s";
    case Unit::count:
    case Unit::number:
      return "number";
  }
  return "";
}

std::string PartMetricRow::of(int index) const { return fmt::format("{}{}.{}", prefix, index, name); }

const std::vector<MetricRow>& shared_metric_rows() {
  static const std::vector<MetricRow> rows = {
      {"memory.peak_bytes", Unit::bytes, "largest sum over the step, fullest GPU; serving: with the whole KV cache",
       kLess},
      {"memory.weights_bytes", Unit::bytes, "weights in the precision of training or serving", kLess},
      {"memory.gradients_bytes", Unit::bytes, "gradient buffer; 0 in serving", kLess},
      {"memory.optimizer_bytes", Unit::bytes, "master weights and moments (a shard with ZeRO); 0 in serving", kLess},
      {"memory.activations_bytes", Unit::bytes,
       "activations kept for the backward pass, at their peak; serving: of the largest step", kLess},
      {"memory.kv_cache_bytes", Unit::bytes, "blocks of the KV cache; 0 in training", kMore},
      {"memory.workspace_bytes", Unit::bytes,
       "recomputed tensors, library and communication buffers; serving: context and CUDA graphs", kLess},
      {"memory.capacity_bytes", Unit::bytes,
       "GPU memory less what context and driver take; serving: as sold, since the peak counts them",
       Direction::neutral},
      {"memory.margin_bytes", Unit::bytes,
       "capacity - peak where that is least, negative: missing; serving: cache beyond one request of max_model_len",
       kMore},
      {"memory.model_state_bytes", Unit::bytes, "weights + gradients + optimizer", kLess},
      {"memory.fits", Unit::flag, "1 when the peak is within the capacity, else 0; serving: when the engine starts",
       kMore},
      {"cost.gpu_hours", Unit::hours, "GPUs * time of the basis", kLess},
      {"cost.usd", Unit::dollars, "gpu_hours * price", kLess},
      {"cost.usd_per_million_tokens", Unit::dollars, "usd / tokens of the basis * 1e6; serving: input and output",
       kLess},
      {std::string(kOutputPrice), Unit::dollars, "usd / output tokens * 1e6", kLess},
  };
  return rows;
}

const MetricRow& shared_metric(std::string_view name) {
  for (const MetricRow& row : shared_metric_rows()) {
    if (row.name == name) return row;
  }
  throw std::logic_error(fmt::format("no metric is shared by the name {}", name));
}

std::vector<MetricRow> cost_metric_rows(bool with_output_tokens) {
  std::vector<MetricRow> rows;
  for (const MetricRow& row : shared_metric_rows()) {
    if (row.name.rfind("cost.", 0) == 0 && (with_output_tokens || row.name != kOutputPrice)) rows.push_back(row);
  }
  return rows;
}

void append_cost(std::vector<MetricValue>& values, const CostBasis& cost, bool with_output_tokens) {
  const auto add = [&](std::string_view name, std::optional<double> value) {
    if (value) values.push_back({std::string(name), shared_metric(name).unit, *value});
  };
  add("cost.gpu_hours", gpu_hours(cost));
  add("cost.usd", dollars(cost));
  add("cost.usd_per_million_tokens", dollars_per_million(cost, cost.tokens));
  if (with_output_tokens) add(kOutputPrice, dollars_per_million(cost, cost.output_tokens));
}

const std::vector<MetricRow>& metric_rows() {
  static const std::vector<MetricRow> rows = [] {
    std::vector<MetricRow> all;
    const auto is_shared = [](const MetricRow& row) {
      const auto same = [&](const MetricRow& shared) { return shared.name == row.name; };
      return std::any_of(shared_metric_rows().begin(), shared_metric_rows().end(), same);
    };
    for (const KindRow* kind : kinds()) {
      for (const MetricRow& row : kind->metrics()) {
        if (!is_shared(row)) all.push_back(row);
      }
    }
    all.insert(all.end(), shared_metric_rows().begin(), shared_metric_rows().end());
    return all;
  }();
  return rows;
}

const std::vector<PartMetricRow>& part_metric_rows() {
  static const std::vector<PartMetricRow> rows = [] {
    std::vector<PartMetricRow> all;
    for (const KindRow* kind : kinds()) {
      all.insert(all.end(), kind->part_metrics().begin(), kind->part_metrics().end());
    }
    return all;
  }();
  return rows;
}

std::string_view job_of(std::string_view metric) {
  if (metric.substr(0, kJobPrefix.size()) != kJobPrefix) return {};
  const std::size_t dot = metric.find('.', kJobPrefix.size());
  return dot == std::string_view::npos ? std::string_view() : metric.substr(kJobPrefix.size(), dot - kJobPrefix.size());
}

std::string_view own_name(std::string_view metric) {
  const std::string_view job = job_of(metric);
  return job.empty() ? metric : metric.substr(kJobPrefix.size() + job.size() + 1);
}

std::optional<MetricRow> find_metric_row(std::string_view name) {
  const std::string_view own = own_name(name);
  for (const MetricRow& row : metric_rows()) {
    if (row.name == own) return MetricRow{std::string(name), row.unit, row.equation, row.direction};
  }
  for (const PartMetricRow& row : part_metric_rows()) {
    if (is_of_part(row, own)) return MetricRow{std::string(name), row.unit, row.equation, row.direction};
  }
  return std::nullopt;
}

bool is_part_metric(std::string_view name) {
  const auto of_part = [&](const PartMetricRow& row) { return is_of_part(row, own_name(name)); };
  return std::any_of(part_metric_rows().begin(), part_metric_rows().end(), of_part);
}

std::optional<Unit> metric_unit(std::string_view name) {
  const std::optional<MetricRow> row = find_metric_row(name);
  return row ? std::optional<Unit>(row->unit) : std::nullopt;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const MetricRow& row : metric_rows()) names.push_back(row.name);
  for (const PartMetricRow& row : part_metric_rows()) names.push_back(row.of(0));
  return names;
}

}  // namespace orrery::scenarios
