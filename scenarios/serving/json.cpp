// A serving job in the JSON report.

#include <cmath>

#include <nlohmann/json.hpp>

#include "scenarios/memory_verdict.hpp"
#include "scenarios/report_json.hpp"
#include "scenarios/serving/fields.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/serving/report.hpp"
#include "scenarios/serving/sections.hpp"

namespace orrery::scenarios {

namespace {

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
  void rate(const char* key, double field, const NumberLimits& limits) const {
    if (std::isinf(field)) return text(key, "inf");  // JSON has no such number
    number(key, field, limits);
  }
  void boolean(const char* key, bool field) const { (*object)[key] = field; }
  /// The engine is named where it is another than a scenario gets that names none.
  void name(const char* key, const std::string& field, NameFamily family) const {
    if (family == NameFamily::engines && field == models::ServingConfig().engine) return;
    text(key, field);
  }
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

}  // namespace

void write_serving_setting_json(const JobView& view, Json& section) {
  const auto* outcome = find_result<ServingOutcome>(view);
  const models::ServingConfig& config =
      outcome != nullptr ? outcome->result.config : spec_of<ServingSpec>(view.job).job.config;
  visit_serving(config, ServingWriter{&section});
}

void write_serving_json(const JobView& view, Json& report) {
  add_metrics(view, report);
  const models::KvPool& pool = result_of<ServingOutcome>(view).result.pool;
  report["memory"]["budget_bytes"] = finite(pool.budget.value(), "memory.budget_bytes");
  report["memory"]["context_bytes"] = finite(pool.context.value(), "memory.context_bytes");
  report["memory"]["cuda_graphs_bytes"] = finite(pool.graphs.value(), "memory.cuda_graphs_bytes");
  report["memory"]["kv_block_bytes"] = finite(pool.block_bytes.value(), "memory.kv_block_bytes");
  const models::ServingResult& result = result_of<ServingOutcome>(view).result;
  const MemoryVerdict verdict = memory_verdict(cache_margin(result), pool.capacity, kServingMemoryDoubt);
  report["memory"]["verdict"] = std::string(name(verdict.fit));
  report["memory"]["uncertain"] = verdict.uncertain;
  report["cost"]["basis"] = "the counted requests";
}

}  // namespace orrery::scenarios
