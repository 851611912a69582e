#include <cmath>

#include <nlohmann/json.hpp>

#include "scenarios/ask/answer.hpp"

namespace orrery::scenarios {

namespace {

using Json = nlohmann::ordered_json;

Json question_json(const Question& question) {
  Json json = {{"model", question.model.name}};
  if (!question.model.weight_dtype.empty()) json["weight_dtype"] = question.model.weight_dtype;
  for (const AskedGpu& gpu : question.gpus) json["gpu"].push_back(gpu.name);
  if (question.gpu_count > 0) json["gpus"] = question.gpu_count;
  json["context"] = question.context;
  if (question.users > 0) json["users"] = question.users;
  return json;
}

Json length_json(const AskedLength& length) {
  Json json = {{"mean", length.mean}};
  if (length.cv > 0.0) json["cv"] = length.cv;
  if (length.most > 0) json["most"] = length.most;
  return json;
}

/// Metrics by their names, as `orrery list metrics` has them.
Json plan_json(const Answer& answer, const AskedPlan& plan) {
  Json json = {{"gpu", plan.engine.gpu.name},
               {"node", plan.engine.gpu.node},
               {"gpus", plan.gpus()},
               {"replicas", plan.replicas},
               {"tensor_parallel", plan.engine.tensor_parallel},
               {"pipeline_parallel", plan.engine.pipeline_parallel}};
  if (!plan.engine.dtype.empty()) json["dtype"] = plan.engine.dtype;
  if (!plan.engine.weight_dtype.empty()) json["weight_dtype"] = plan.engine.weight_dtype;
  json["datasheet_only"] = !plan.engine.gpu.measured;
  if (!plan.engine.gpu.fits_of.empty()) json["fits_of"] = plan.engine.gpu.fits_of;
  json["holds"] = plan.holds;
  if (plan.users > 0) json["users"] = plan.users;
  if (plan.left) json["users_estimated"] = true;
  json["usd_per_hour"] = plan.usd_per_hour();
  if (!plan.point.ran()) json["reason"] = plan.point.reason;
  for (const Finding& finding : plan.point.findings) {
    json["findings"].push_back({{"kind", finding.kind}, {"message", finding.message}});
  }
  if (const std::optional<MemoryVerdict> verdict = answer.memory(plan)) {
    json["memory"] = {{"verdict", std::string(name(verdict->fit))},
                      {"margin_bytes", verdict->margin.value()},
                      {"uncertain", verdict->uncertain}};
  }
  json["metrics"] = Json::object();
  if (plan.point.given_up) return json;  // figures of a run that ended early are of no plan
  if (plan.replicas_run() != plan.replicas) json["metrics_of_replicas"] = plan.replicas_run();
  for (std::size_t i = 0; i < plan.point.values.size(); ++i) {
    if (!std::isnan(plan.point.values[i])) json["metrics"][answer.kept.rows[i].name] = plan.point.values[i];
  }
  return json;
}

Json answer_json(const Question& question, const Answer& answer, std::string_view kind) {
  Json json = {{"schema_version", kSchemaVersion}, {"orrery", std::string(kVersion)}, {"ask", std::string(kind)}};
  json["question"] = question_json(question);
  json["holds"] = answer.holds();
  if (!answer.plans.empty()) json["answer"] = plan_json(answer, answer.plans.front());
  if (!answer.binding.empty()) json["binding"] = answer.binding;
  json["runs"] = answer.runs;
  json["plans"] = Json::array();
  for (std::size_t i = 0; i < answer.plans.size(); ++i) {
    json["plans"].push_back(plan_json(answer, answer.plans[i]));
    if (answer.front) json["plans"].back()["pareto"] = static_cast<bool>(answer.front->has[i]);
  }
  if (answer.front) {
    for (const Objective& objective : answer.front->objectives) json["pareto"].push_back(objective.words());
  }
  json["scenario"] = answer.scenario;
  return json;
}

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string serve_json(const ServeQuestion& question, const Answer& answer) {
  Json json = answer_json(question, answer, "serve");
  Json& asked = json["question"];
  asked["input"] = length_json(question.input);
  asked["output"] = length_json(question.output);
  if (question.rate > 0.0) asked["rate"] = question.rate;
  if (question.ttft > Seconds{0.0}) asked["ttft_s"] = question.ttft.value();
  if (question.tpot > Seconds{0.0}) asked["tpot_s"] = question.tpot.value();
  asked["attainment"] = question.attainment;
  if (const std::optional<ApiComparison> api = compare_api(answer, question)) {
    json["api"] = {{"usd_per_request", api->api_per_request},
                   {"own_usd_per_request", api->own_per_request},
                   {"break_even_utilisation", api->break_even()}};
  }
  return dump(json);
}

std::string fit_json(const FitQuestion& question, const Answer& answer) {
  return dump(answer_json(question, answer, "fit"));
}

}  // namespace orrery::scenarios
