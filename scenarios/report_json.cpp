// The JSON form of reports: keys in a fixed order, numbers in their shortest round-trip form.

#include "scenarios/report_json.hpp"

#include <cmath>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"
#include "scenarios/nccl_section.hpp"
#include "scenarios/network_section.hpp"

namespace orrery::scenarios {

namespace {

/// What the model weighs as its checkpoint stores it, whole, and what its config left open (the library's: nothing).
Json weighed_json(const models::Llm& llm) {
  Json json = {{"parameters", models::parameters(llm)}, {"active_parameters", models::active_parameters(llm)}};
  if (llm.vision_parameters > 0) json["vision_parameters"] = llm.vision_parameters;
  json["weights_bytes"] = models::checkpoint_bytes(llm).value();
  // A model all of whose layers slide a window keeps no token for ever: then of one that is in the window.
  const Bytes kept = models::kv_bytes_per_token(llm, Dtype::bf16);
  json["kv_bytes_per_token"] = (kept > Bytes{} ? kept : models::recent_bytes_per_token(llm, Dtype::bf16)).value();
  json["assumed"] = llm.assumed;
  return json;
}

Json model_json(const models::Llm& llm) {
  Json json = {{"name", llm.name},
               {"architecture", llm.architecture},
               {"parameters", models::parameters(llm)},
               {"layers", llm.layers},
               {"hidden", llm.hidden},
               {"heads", llm.attention.heads},
               {"kv_heads", llm.attention.kv_heads},
               {"head_dim", llm.attention.head_dim},
               {"inter", llm.mlp.inter},
               {"vocab", llm.vocab}};
  if (!llm.assumed.empty()) json.update(weighed_json(llm));
  return json;
}

/// What stands for nodes of one kind; `common` adds what the whole cluster has.
template <class Common>
Json group_json(const hardware::NodeGroup& group, const Common& common) {
  Json json = {{"node", group.node.name}, {"nodes", group.count}};
  common(json, "fabric");
  json["gpu"] = group.gpu.name;
  json["gpus"] = group.gpu_count();
  json["gpu_memory_bytes"] = group.gpu.memory.value();
  json["gpu_memory_bandwidth"] = group.gpu.memory_bandwidth.value();
  if (group.gpu.clock.slowdown > 1.0) {
    if (!group.gpu.clock.name.empty()) json["power_state"] = group.gpu.clock.name;
    json["power_limit_w"] = group.gpu.power.value();
    json["sustained_slowdown"] = group.gpu.clock.slowdown;
  }
  json["nvlink_bandwidth"] = group.gpu.nvlink_bandwidth.value();
  json["nics"] = group.node.nics;
  json["nic_bandwidth"] = group.node.nic_bandwidth.value();
  common(json, "collective_algorithm");
  json["price_usd_per_gpu_hour"] = group.gpu.price.value();
  return json;
}

Json cluster_json(const hardware::Cluster& cluster) {
  const std::string& told = cluster.nccl.algorithms.text;
  const std::string algorithm = told.empty() ? "automatic" : told;
  const Json nccl = nccl_json(cluster.nccl), network = network_json(cluster.network);
  const auto set = [&](Json& json) {
    if (!nccl.empty()) json["nccl"] = nccl;
    if (!network.empty()) json["network"] = network;
    if (!cluster.fabric.torus.empty()) json["torus"] = cluster.fabric.torus;
  };
  const auto common = [&](Json& json, const std::string& key) {
    json[key] = key == "fabric" ? cluster.fabric.name : algorithm;
  };
  if (cluster.groups.size() == 1) {
    Json json = group_json(cluster.groups.front(), common);
    set(json);
    return json;
  }
  Json json = {{"nodes", cluster.node_count()}, {"gpus", cluster.gpu_count()}};
  common(json, "fabric");
  common(json, "collective_algorithm");
  set(json);
  for (const hardware::NodeGroup& group : cluster.groups) {
    json["groups"].push_back(group_json(group, [](Json&, const std::string&) {}));
  }
  return json;
}

bool has_named_jobs(const Scenario& scenario) { return !scenario.jobs.empty() && !scenario.jobs.front().name.empty(); }

Json placement_json(const PlacementConfig& placement) {
  Json json = Json::object();
  if (!placement.order.empty()) json["order"] = placement.order;
  json["first_node"] = placement.first_node;
  json["spread"] = placement.spread;
  return json;
}

/// What one of several jobs is, without its section.
Json job_head(const Job& job) {
  Json json = {{"name", job.name}, {"kind", std::string(job.kind->name)}, {"start_s", job.start.value()}};
  if (job.until) json["until_s"] = job.until->value();
  if (job.kind->has_model) json["model"] = model_json(job.llm);
  if (job.placement != PlacementConfig{}) json["placement"] = placement_json(job.placement);
  return json;
}

Json scenario_json(const Report& report) {
  const Scenario& scenario = report.scenario;
  Json json = {{"name", scenario.name}, {"title", scenario.title}};
  if (!scenario.variant.empty()) json["variant"] = scenario.variant;
  json["timer"] = scenario.timer;
  const bool several = has_named_jobs(scenario);
  if (!several && !scenario.jobs.empty() && scenario.jobs.front().kind->has_model) {
    json["model"] = model_json(scenario.jobs.front().llm);
  }
  json["cluster"] = cluster_json(scenario.cluster);
  for (const JobView& view : job_views(report)) {
    if (several) json["jobs"].push_back(job_head(view.job));
    Json& at = several ? json["jobs"].back() : json;
    const std::string section(view.job.kind->name);
    at[section] = Json::object();
    view.job.kind->setting_json(view, at[section]);
  }
  if (!several && !scenario.jobs.empty() && scenario.jobs.front().placement != PlacementConfig{}) {
    json["cluster"]["placement"] = placement_json(scenario.jobs.front().placement);
  }
  for (const Event& event : scenario.events) json["events"].push_back(event_json(event));
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

/// At most so many operations of a class of links, the longest delays first.
constexpr std::size_t kHeldUpShown = 10;

Json links_json(const std::vector<sim::LinkReport>& links) {
  Json list = Json::array();
  for (const sim::LinkReport& link : links) {
    Json held_up = Json::array();
    for (std::size_t i = 0; i < std::min(kHeldUpShown, link.held_up.size()); ++i) {
      held_up.push_back({{"operation", link.held_up[i].operation}, {"delay_s", link.held_up[i].delay.value()}});
    }
    list.push_back({{"class", link.link_class},
                    {"count", link.count},
                    {"capacity_bytes_per_s", link.capacity.value()},
                    {"bytes", link.bytes.value()},
                    {"mean_load", link.mean_load},
                    {"peak_load", link.peak_load},
                    {"held_up", std::move(held_up)}});
  }
  return list;
}

Json engine_json(const Report& report, EnginePart part) {
  std::uint64_t events = 0;
  std::optional<std::uint64_t> iterations;
  for (const std::shared_ptr<JobResult>& result : report.results) {
    if (!result) continue;
    events += result->events();
    if (const std::optional<std::uint64_t> of_job = result->iterations()) iterations = iterations.value_or(0) + *of_job;
  }
  const double wall = report.wall_seconds;
  events += report.world_events;
  Json json = {{"reading", report.reading}, {"events", events}};
  if (part == EnginePart::whole) {
    json["wall_s"] = wall;
    json["events_per_s"] = wall > 0.0 ? static_cast<double>(events) / wall : 0.0;
  }
  if (iterations) json["steps"] = *iterations;
  if (const double share = report.scenario.cluster.network.completion_batching; share > 0.0) {
    json["batching"] = {{"share", share},
                        {"batches", report.batched.batches},
                        {"accumulated_bound_s", sim::to_seconds(report.batched.bound).value()}};
  }
  return json;
}

void add_intervals(Json& json, const Intervals& intervals) {
  json["intervals"] = Json::object();
  for (const MetricInterval& one : intervals.metrics)
    json["intervals"][one.metric] = {{"low", one.low}, {"high", one.high}};
  json["interval_sources"] = Json::array();
  for (const IntervalSource& source : intervals.sources) {
    Json line = {{"family", source.family}, {"low", source.low}, {"high", source.high}, {"of", source.of}};
    if (!source.fit.empty()) line["fit"] = source.fit;
    json["interval_sources"].push_back(std::move(line));
  }
}

Json report_json(const Report& report, EnginePart engine) {
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
  for (const JobView& view : job_views(report)) {
    if (view.result == nullptr) continue;
    const bool several = !view.job.name.empty();
    if (several) json["jobs"].push_back({{"name", view.job.name}, {"kind", std::string(view.job.kind->name)}});
    if (view.job.kind->has_model) (several ? json["jobs"].back() : json)["model"] = weighed_json(view.job.llm);
    view.job.kind->figures_json(view, several ? json["jobs"].back() : json);
  }
  if (report.intervals) add_intervals(json, *report.intervals);
  if (!report.links.empty()) json["links"] = links_json(report.links);
  if (engine != EnginePart::none) json["engine"] = engine_json(report, engine);
  if (!report.variants.empty()) {
    json["variants"] = Json::array();
    for (const Report& variant : report.variants) json["variants"].push_back(report_json(variant, engine));
  }
  return json;
}

std::string write(const std::vector<Report>& reports, bool partial, EnginePart engine) {
  Json list = Json::array();
  for (const Report& report : reports) list.push_back(report_json(report, engine));
  if (partial) return json_text({{"partial", true}, {"reports", std::move(list)}});
  return json_text(list.size() == 1 ? list[0] : list);
}

}  // namespace

Json event_json(const Event& event) {
  Json json = {{"at_s", event.at.value()}};
  if (event.until) json["until_s"] = event.until->value();
  event.gpu ? json["gpu"] = *event.gpu : json["link"] = event.link;
  event.down ? json["down"] = true : json["scale"] = event.scale;
  return json;
}

std::string json_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

double finite(double value, std::string_view what) {
  if (!std::isfinite(value)) throw std::logic_error(fmt::format("{} is not a finite number", what));
  return value;
}

void add_metrics(const JobView& view, Json& json) {
  for (const MetricRow& row : view.job.kind->metrics()) {
    const std::optional<double> value = view.find_metric(row.name);
    if (row.optional && !value) continue;
    Json* at = &json;
    std::string_view rest = row.name;
    for (std::size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      at = &(*at)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    (*at)[std::string(rest)] = value ? value_json(row, *value) : Json(nullptr);
  }
}

std::string to_json(const std::vector<Report>& reports, bool partial, EnginePart engine) {
  return write(reports, partial, engine);
}

std::string to_json_without_engine(const std::vector<Report>& reports) {
  return write(reports, false, EnginePart::none);
}

}  // namespace orrery::scenarios
