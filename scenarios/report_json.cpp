// The JSON form of reports: keys in a fixed order, numbers in their shortest round-trip form.

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/layer/parameters.hpp"
#include "scenarios/report.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/serving_fields.hpp"
#include "scenarios/training_fields.hpp"

namespace orrery::scenarios {

namespace {

using Json = nlohmann::ordered_json;

/// JSON has no NaN: a number that is none is a mistake of a model, not of the writer.
double finite(double value, std::string_view what) {
  if (!std::isfinite(value)) throw std::logic_error(fmt::format("{} is not a finite number", what));
  return value;
}

/// Writes each field of `training:` as the scenario file writes it.
struct FieldWriter {
  Json* object;

  template <class Integer>
  void integer(const char* key, const Integer& field, const IntegerLimits&) const {
    (*object)[key] = field;
  }
  void boolean(const char* key, bool field) const { (*object)[key] = field; }
  void schedule(const char* key, const std::string& field) const { (*object)[key] = field; }
  void integers(const char* key, const std::vector<std::int64_t>& field) const { (*object)[key] = field; }
  void choice(const char* key, models::Recompute field) const {
    (*object)[key] = recompute_names().at(static_cast<std::size_t>(field));
  }
  void choice(const char* key, models::AttentionImplementation field) const {
    (*object)[key] = attention_names().at(static_cast<std::size_t>(field));
  }
  void choice(const char* key, models::ZeroStage field) const {
    (*object)[key] = zero_names().at(static_cast<std::size_t>(field));
  }
  void dtype(const char* key, Dtype field) const { (*object)[key] = std::string(name(field)); }
  void bytes(const char* key, Bytes field) const { (*object)[key] = field.value(); }
  void ratio(const char* key, double field) const { (*object)[key] = field; }
  void seconds(const char* key, Seconds field) const { (*object)[key] = field.value(); }
};

/// A file as a scenario names it wherever the data lie: the folder that ORRERY_DATA names is left out.
std::string portable_path(const std::string& path) {
  const char* data = std::getenv("ORRERY_DATA");
  std::string root = data != nullptr ? data : "";
  while (!root.empty() && root.back() == '/') root.pop_back();
  if (root.empty() || path.compare(0, root.size() + 1, root + "/") != 0) return path;
  return "${ORRERY_DATA}" + path.substr(root.size());
}

/// Writes each field of `serving:` as the scenario file writes it. What stands for "not given" (an integer below its
/// limits, an empty name, no time in load: or slo:) is left out, since no file may say it.
struct ServingWriter {
  Json* object;
  bool nested = false;  ///< load:, slo: and lengths, where most keys go unused

  template <class Integer>
  void integer(const char* key, const Integer& field, const IntegerLimits& limits) const {
    if (static_cast<double>(field) >= limits.least) (*object)[key] = field;
  }
  void integers(const char* key, const std::vector<std::int64_t>& field, const IntegerLimits&) const {
    if (!field.empty()) (*object)[key] = field;
  }
  void number(const char* key, double field, const NumberLimits&) const {
    if (field != 0.0) (*object)[key] = field;
  }
  void rate(const char* key, double field, const NumberLimits& limits) const { number(key, field, limits); }
  void boolean(const char* key, bool field) const { (*object)[key] = field; }
  void name(const char* key, const std::string& field, NameFamily) const { text(key, field); }
  void text(const char* key, const std::string& field) const {
    if (!field.empty()) (*object)[key] = field;
  }
  void path(const char* key, const std::string& field) const { text(key, portable_path(field)); }
  void dtype(const char* key, Dtype field) const { (*object)[key] = std::string(orrery::name(field)); }
  void kernels(const char* key, kernels::Implementation field) const {
    (*object)[key] = std::string(kernels::name(field));
  }
  void bytes(const char* key, Bytes field) const { number(key, field.value(), {}); }
  void seconds(const char* key, Seconds field) const {
    if (field > Seconds{0.0} || (!nested && field == Seconds{0.0})) (*object)[key] = field.value();
  }
  void lengths(const char* key, const models::LengthConfig& field) const {
    Json inner = Json::object();
    visit_lengths(field, ServingWriter{&inner, true});
    (*object)[key] = std::move(inner);
  }
  void load(const char* key, const models::LoadConfig& field) const {
    Json inner = Json::object();
    visit_load(field, ServingWriter{&inner, true});
    (*object)[key] = std::move(inner);
  }
  void slo(const char* key, const models::SloConfig& field) const {
    Json inner = Json::object();
    visit_slo(field, ServingWriter{&inner, true});
    if (!inner.empty()) (*object)[key] = std::move(inner);
  }
};

Json model_json(const Scenario& scenario) {
  const models::Llm& llm = scenario.job.llm;
  return {{"name", llm.name},
          {"architecture", llm.architecture},
          {"parameters", models::parameters(llm)},
          {"layers", llm.layers},
          {"hidden", llm.hidden},
          {"heads", llm.attention.heads},
          {"kv_heads", llm.attention.kv_heads},
          {"head_dim", llm.attention.head_dim},
          {"inter", llm.mlp.inter},
          {"vocab", llm.vocab}};
}

Json cluster_json(const hardware::Cluster& cluster) {
  return {{"node", cluster.node.name},
          {"nodes", cluster.nodes},
          {"fabric", cluster.fabric.name},
          {"gpu", cluster.gpu.name},
          {"gpus", cluster.gpu_count()},
          {"gpu_memory_bytes", cluster.gpu.memory.value()},
          {"gpu_memory_bandwidth", cluster.gpu.memory_bandwidth.value()},
          {"nvlink_bandwidth", cluster.gpu.nvlink_bandwidth.value()},
          {"nic_bandwidth", cluster.node.nic_bandwidth.value()},
          {"collective_algorithm", cluster.collective_algorithm.empty() ? "automatic" : cluster.collective_algorithm},
          {"price_usd_per_gpu_hour", cluster.gpu.price.value()}};
}

Json training_json(const Scenario& scenario) {
  Json training = Json::object();
  models::TrainingConfig resolved = scenario.job.config;
  resolved.data_parallel = models::data_parallel_degree(scenario.job);
  const models::TrainingConfig& config = resolved;
  visit_training(config, FieldWriter{&training});
  training["flop_convention"] = flop_convention_names().at(static_cast<std::size_t>(scenario.job.flop_convention));
  if (scenario.total_tokens > 0) training["total_tokens"] = scenario.total_tokens;
  return training;
}

Json scenario_json(const Report& report) {
  const Scenario& scenario = report.scenario;
  Json json = {{"name", scenario.name}, {"title", scenario.title}};
  if (!scenario.variant.empty()) json["variant"] = scenario.variant;
  json["timer"] = scenario.timer;
  json["model"] = model_json(scenario);
  json["cluster"] = cluster_json(scenario.job.cluster);
  if (scenario.serving) {
    json["serving"] = Json::object();
    const models::ServingConfig& config = report.serving ? report.serving->config : scenario.serving->config;
    visit_serving(config, ServingWriter{&json["serving"]});
  } else {
    json["training"] = training_json(scenario);
  }
  return json;
}

Json expectations_json(const Report& report) {
  Json list = Json::array();
  for (const ExpectationOutcome& outcome : report.expectations) {
    const Expectation& e = outcome.expectation;
    Json row = {{"metric", e.metric}, {"expected", e.value}, {"tolerance", e.tolerance}};
    if (e.absolute) row["tolerance_is_absolute"] = true;
    row["predicted"] = outcome.predicted ? Json(finite(*outcome.predicted, e.metric)) : Json(nullptr);
    row["outcome"] = std::string(name(outcome.outcome));
    row["source"] = e.source;
    if (!e.known_miss.empty()) row["known_miss"] = e.known_miss;
    list.push_back(std::move(row));
  }
  return list;
}

Json value_json(const MetricRow& row, double value) {
  if (row.unit == Unit::flag) return value != 0.0;
  if (row.unit == Unit::count) return static_cast<std::int64_t>(value);
  return finite(value, row.name);
}

/// "serving.ttft_s.mean" goes to section "serving", object "ttft_s", key "mean". A figure that this run leaves
/// undefined is null.
void add_metrics(const Report& report, Json& json) {
  for (const MetricRow* row : metric_columns({&report})) {
    Json* at = &json;
    std::string_view rest = row->name;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      at = &(*at)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    const std::optional<double> value = report.find_metric(row->name);
    (*at)[std::string(rest)] = value ? value_json(*row, *value) : Json(nullptr);
  }
}

void add_training(const Report& report, Json& json) {
  json["training"]["flop_convention"] =
      flop_convention_names().at(static_cast<std::size_t>(report.scenario.job.flop_convention));
  add_metrics(report, json);
  json["memory"]["fullest_stage"] = report.result.fullest().stage;
  Json stages = Json::array();
  for (const models::StageMemory& memory : report.result.memory) {
    Json stage = {{"stage", memory.stage}};
    for (const StageMetricRow& row : stage_metric_rows()) {
      stage[std::string(row.name)] = finite(row.value(memory).value(), row.name);
    }
    stages.push_back(std::move(stage));
  }
  json["memory"]["stages"] = std::move(stages);
  json["cost"]["basis"] = report.scenario.total_tokens > 0 ? "training.total_tokens" : "one optimizer step";
}

void add_serving(const Report& report, Json& json) {
  add_metrics(report, json);
  const models::KvPool& pool = report.serving->pool;
  json["memory"]["budget_bytes"] = finite(pool.budget.value(), "memory.budget_bytes");
  json["memory"]["context_bytes"] = finite(pool.context.value(), "memory.context_bytes");
  json["memory"]["cuda_graphs_bytes"] = finite(pool.graphs.value(), "memory.cuda_graphs_bytes");
  json["memory"]["kv_block_bytes"] = finite(pool.block_bytes.value(), "memory.kv_block_bytes");
  json["cost"]["basis"] = "the counted requests";
}

Json engine_json(const Report& report) {
  const std::uint64_t events = report.serving ? report.serving->events : report.result.steps;
  const double wall = report.wall_seconds;
  Json json = {
      {"events", events}, {"wall_s", wall}, {"events_per_s", wall > 0.0 ? static_cast<double>(events) / wall : 0.0}};
  if (report.serving) json["steps"] = report.serving->steps;
  return json;
}

Json report_json(const Report& report, bool with_engine) {
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}};
  if (report.partial) json["partial"] = true;
  if (!report.scenario.skipped.empty()) json["skipped"] = report.scenario.skipped;
  json["scenario"] = scenario_json(report);
  json["seed"] = report.scenario.seed;
  json["provenance"] = Json::array();
  for (const Provenance& line : report.provenance) {
    Json row = {{"kind", line.kind}, {"name", line.name}, {"provenance", line.level}};
    if (!line.fit.empty()) row["fit"] = line.fit;
    row["source"] = line.source;
    json["provenance"].push_back(std::move(row));
  }
  json["findings"] = Json::array();
  for (const Finding& finding : report.findings) {
    json["findings"].push_back({{"kind", finding.kind}, {"message", finding.message}, {"expected", finding.expected}});
  }
  if (!report.notes.empty()) json["notes"] = report.notes;
  json["expectations"] = expectations_json(report);
  if (report.scenario.skipped.empty()) report.serving ? add_serving(report, json) : add_training(report, json);
  if (with_engine) json["engine"] = engine_json(report);
  if (!report.variants.empty()) {
    json["variants"] = Json::array();
    for (const Report& variant : report.variants) json["variants"].push_back(report_json(variant, with_engine));
  }
  return json;
}

std::string write(const std::vector<Report>& reports, bool partial, bool with_engine) {
  Json list = Json::array();
  for (const Report& report : reports) list.push_back(report_json(report, with_engine));
  if (partial) return Json{{"partial", true}, {"reports", std::move(list)}}.dump(2) + "\n";
  return (list.size() == 1 ? list[0] : list).dump(2) + "\n";
}

}  // namespace

std::string to_json(const std::vector<Report>& reports, bool partial) { return write(reports, partial, true); }

std::string to_json_without_engine(const std::vector<Report>& reports) { return write(reports, false, false); }

}  // namespace orrery::scenarios
