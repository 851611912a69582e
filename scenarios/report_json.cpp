// The JSON form of reports: keys in a fixed order, numbers in their shortest round-trip form.

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/sections.hpp"
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
          {"price_usd_per_gpu_hour", cluster.gpu.price.value()}};
}

Json scenario_json(const Scenario& scenario) {
  Json training = Json::object();
  models::TrainingConfig resolved = scenario.job.config;
  resolved.data_parallel = models::data_parallel_degree(scenario.job);
  const models::TrainingConfig& config = resolved;
  visit_training(config, FieldWriter{&training});
  training["flop_convention"] = flop_convention_names().at(static_cast<std::size_t>(scenario.job.flop_convention));
  if (scenario.total_tokens > 0) training["total_tokens"] = scenario.total_tokens;
  Json json = {{"name", scenario.name}, {"title", scenario.title}};
  if (!scenario.variant.empty()) json["variant"] = scenario.variant;
  json["timer"] = scenario.timer;
  json["model"] = model_json(scenario);
  json["cluster"] = cluster_json(scenario.job.cluster);
  json["training"] = std::move(training);
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

/// "training.mfu" goes to section "training", key "mfu"; stages become objects of memory.stages[].
void add_metrics(const Report& report, Json& json) {
  json["training"]["flop_convention"] =
      flop_convention_names().at(static_cast<std::size_t>(report.scenario.job.flop_convention));
  for (const MetricRow& row : metric_rows()) {
    const std::size_t dot = row.name.find('.');
    json[std::string(row.name.substr(0, dot))][std::string(row.name.substr(dot + 1))] =
        finite(report.metric(row.name), row.name);
  }
  json["memory"]["fits"] = report.metric("memory.fits") != 0.0;
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

Json report_json(const Report& report, bool with_engine) {
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}};
  if (report.partial) json["partial"] = true;
  json["scenario"] = scenario_json(report.scenario);
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
  add_metrics(report, json);
  if (with_engine) {
    const double events = static_cast<double>(report.result.steps);
    json["engine"] = {{"events", report.result.steps},
                      {"wall_s", report.wall_seconds},
                      {"events_per_s", report.wall_seconds > 0.0 ? events / report.wall_seconds : 0.0}};
  }
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
