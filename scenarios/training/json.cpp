// A training job in the JSON report.

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "scenarios/memory_verdict.hpp"
#include "scenarios/report_json.hpp"
#include "scenarios/training/fields.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/metrics.hpp"
#include "scenarios/training/report.hpp"
#include "scenarios/training/sections.hpp"
#include "scenarios/training/steps.hpp"

namespace orrery::scenarios {

namespace {

/// Writes each field of `training:` as the scenario file writes it.
struct FieldWriter {
  Json* object;

  template <class Integer>
  void integer(const char* key, const Integer& field, const IntegerLimits&) const {
    (*object)[key] = field;
  }
  void boolean(const char* key, bool field) const { (*object)[key] = field; }
  void schedule(const char* key, const std::string& field) const { (*object)[key] = field; }
  void exchange(const char* key, const std::string& field) const { (*object)[key] = field; }
  void tensor_mode(const char* key, const std::string& field) const { (*object)[key] = field; }
  void number(const char* key, double field, const NumberLimits&) const { (*object)[key] = field; }
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
  void choice(const char* key, models::OuterState field) const {
    (*object)[key] = outer_state_names().at(static_cast<std::size_t>(field));
  }
  void dtype(const char* key, Dtype field) const { (*object)[key] = std::string(name(field)); }
  void bytes(const char* key, Bytes field) const { (*object)[key] = field.value(); }
  void ratio(const char* key, double field) const { (*object)[key] = field; }
  void seconds(const char* key, Seconds field) const { (*object)[key] = field.value(); }
};

std::string convention_of(const JobView& view) {
  const models::TrainingJob& job = spec_of<TrainingSpec>(view.job).job;
  return flop_convention_names().at(static_cast<std::size_t>(job.flop_convention));
}

/// Of steps that were repeated on a World: the figures beside them are those of the median one.
Json steps_json(const StepsSummary& steps) {
  Json json = {{"count", steps.count},
               {"first_s", steps.first.value()},
               {"median_s", steps.median.value()},
               {"last_s", steps.last.value()},
               {"shortest_s", steps.shortest.value()},
               {"longest_s", steps.longest.value()},
               {"spread_s", steps.spread().value()}};
  if (steps.is_cut_off()) json["asked"] = steps.asked;
  for (const StepsUnder& under : steps.events) {
    Json row = event_json(*under.event);
    row["steps"] = under.count;
    row["mean_s"] = under.count > 0 ? Json(under.mean.value()) : Json(nullptr);
    json["events"].push_back(std::move(row));
  }
  return json;
}

}  // namespace

void write_training_setting_json(const JobView& view, Json& section) {
  const auto& spec = spec_of<TrainingSpec>(view.job);
  models::TrainingConfig resolved = spec.job.config;
  resolved.data_parallel = models::data_parallel_degree(spec.job);
  resolved.bucket_size = models::gradient_bucket(spec.job);
  const models::TrainingConfig& config = resolved;
  visit_training(config, FieldWriter{&section});
  if (config.expert_parallel == 1) {  // nothing is exchanged
    for (const char* key :
         {"expert_parallel", "expert_exchange", "expert_exchange_sms", "expert_imbalance", "expert_group_limit"}) {
      section.erase(key);
    }
  }
  if (config.tensor_parallel_mode == "1d") {
    for (const char* key : {"tensor_parallel_mode", "tensor_parallel_depth"}) section.erase(key);
  }
  if (!config.outer.is_on()) {
    for (const char* key :
         {"outer_workers", "outer_steps", "outer_fragments", "outer_dtype", "outer_overlap", "outer_state"}) {
      section.erase(key);
    }
  }
  if (spec.steps > 1) section["steps"] = spec.steps;
  section["flop_convention"] = convention_of(view);
  if (spec.total_tokens > 0) section["total_tokens"] = spec.total_tokens;
}

void write_training_json(const JobView& view, Json& report) {
  const models::TrainingResult& result = result_of<TrainingOutcome>(view).result;
  report["training"]["flop_convention"] = convention_of(view);
  add_metrics(view, report);
  if (const StepsSummary steps = steps_of(view); steps.count > 0) report["training"]["steps"] = steps_json(steps);
  report["memory"]["fullest_stage"] = result.fullest().stage;
  Json stages = Json::array();
  const auto same = [&](const models::StageMemory& memory) { return memory.capacity == result.memory[0].capacity; };
  const bool unlike = !std::all_of(result.memory.begin(), result.memory.end(), same);
  for (const models::StageMemory& memory : result.memory) {
    Json stage = {{"stage", memory.stage}};
    for (const StageMetric& metric : stage_metrics()) {
      stage[std::string(metric.row.name)] = finite(metric.value(memory).value(), metric.row.name);
    }
    if (unlike) stage["capacity_bytes"] = memory.capacity.value();
    stages.push_back(std::move(stage));
  }
  report["memory"]["stages"] = std::move(stages);
  const MemoryVerdict verdict =
      memory_verdict(Bytes{*view.find_metric("memory.margin_bytes")}, result.fullest().capacity, kTrainingMemoryDoubt);
  report["memory"]["verdict"] = std::string(name(verdict.fit));
  report["memory"]["uncertain"] = verdict.uncertain;
  const bool whole_run = spec_of<TrainingSpec>(view.job).total_tokens > 0;
  report["cost"]["basis"] = whole_run ? "training.total_tokens" : "one optimizer step";
}

}  // namespace orrery::scenarios
