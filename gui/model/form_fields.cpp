#include "gui/model/form_fields.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "gui/look/text.hpp"
#include "gui/model/form_values.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

using scenarios::Field;
using scenarios::FieldKind;
using scenarios::KindRow;

constexpr std::string_view kJobs = "jobs.";

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool is_of_kind(const Field& field, const KindRow& kind) {
  return starts_with(field.key, fmt::format("{}.", kind.name));
}
bool is_shared(const Field& field) {
  const auto& kinds = scenarios::kinds();
  return std::none_of(kinds.begin(), kinds.end(), [&](const KindRow* kind) { return is_of_kind(field, *kind); });
}

/// The same field of one of the jobs, or of the events.
Field in_section(Field field, const std::string& section) {
  field.section = field.section.empty() ? section : fmt::format("{}.{}", section, field.section);
  field.key = fmt::format("{}.{}", section, field.key);
  return field;
}

Field own_field(const std::string& key, const std::string& help, FieldKind kind, const std::string& automatic) {
  Field field;
  field.key = key;
  field.help = help;
  field.kind = kind;
  field.automatic = automatic;
  if (kind == FieldKind::quantity) field.units = {"s", "ms", "min", "h"};
  return field;
}

void add_job_fields(const KindFields& of_kind, const std::vector<FormJob>& jobs, std::deque<Field>& fields) {
  Field model;
  for (const Field& field : of_kind.at(scenarios::kinds().front())) {
    if (!is_shared(field)) continue;
    fields.push_back(field);
    if (field.key != "model") continue;
    model = field;
    model.required = fields.back().required = false;
    model.automatic = "the scenario's";
    model.section.clear();  // of its job, not of a section in it
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::string job = fmt::format("{}{}", kJobs, i);
    const auto add = [&](Field field) -> Field& { return fields.emplace_back(in_section(std::move(field), job)); };
    add(own_field("name", "Name of the job, by which its metrics are called", FieldKind::text, "")).required = true;
    if (jobs[i].kind == nullptr || jobs[i].kind->has_model) add(model);
    add(own_field("start", "When it starts", FieldKind::quantity, "at once"));
    add(own_field("until", "When it ends; a training job repeats its step until then", FieldKind::quantity,
                  "with the longest job"));
    if (jobs[i].kind == nullptr) continue;
    for (const Field& field : of_kind.at(jobs[i].kind)) {
      if (is_of_kind(field, *jobs[i].kind)) add(field);
    }
  }
}

/// scenarios/events.hpp says what they mean.
void add_event_fields(std::size_t number, std::deque<Field>& fields) {
  const std::string event = fmt::format("events.{}", number);
  const auto add = [&](Field field) -> Field& { return fields.emplace_back(in_section(std::move(field), event)); };
  add(own_field("at", "When it begins", FieldKind::quantity, "")).required = true;
  add(own_field("until", "When it ends", FieldKind::quantity, "for good"));
  Field& gpu = add(own_field("gpu", "The GPU that it is about: its number in the cluster", FieldKind::integer,
                             "none: it is about a link"));
  gpu.most = 1e7 - 1.0;
  add(own_field("link", "The class of links that it is about, as leaf0.spine1.up or node1.nic0.out", FieldKind::text,
                "none: it is about a GPU"));
  Field& scale = add(own_field("scale", "Of the GPU's speed or the link's capacity: 0.5 halves it", FieldKind::number,
                               "none: it is down"));
  scale.most = 10.0;
  add(own_field("down", "Nothing is done, nothing carried meanwhile", FieldKind::choice, "it has a scale")).choices = {
      {"true", "in place of a scale"}};
}

/// "jobs.1.training.zero" → the job's number, and the key in it.
std::optional<std::size_t> job_number(std::string_view& key) {
  if (!starts_with(key, kJobs)) return std::nullopt;
  std::size_t number = 0;
  const char* last = key.data() + key.size();
  const auto [end, code] = std::from_chars(key.data() + kJobs.size(), last, number);
  if (code != std::errc{} || end == last || *end != '.') return std::nullopt;
  key.remove_prefix(static_cast<std::size_t>(end + 1 - key.data()));
  return number;
}

}  // namespace

std::vector<FormJob> form_jobs(const hardware::ConfigNode& root) {
  std::vector<FormJob> jobs;
  const hardware::ConfigNode* list = root.find("jobs");
  if (list == nullptr || list->kind != hardware::NodeKind::sequence) return jobs;
  for (const hardware::NodePtr& item : list->items) {
    FormJob job;
    if (item->kind == hardware::NodeKind::mapping) {
      const hardware::ConfigNode* name = item->find("name");
      if (name != nullptr) job.name = name->scalar;
      job.kind = scenario_kind(*item);
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::size_t form_events(const hardware::ConfigNode& root) {
  const hardware::ConfigNode* list = root.find("events");
  if (list == nullptr || list->kind != hardware::NodeKind::sequence) return 0;
  return std::min(list->items.size(), kMostFormEvents);
}

std::deque<Field> form_fields(const KindFields& of_kind, const FormShape& shape) {
  std::deque<Field> fields;
  if (shape.jobs.empty()) {
    fields.assign(of_kind.at(shape.kind).begin(), of_kind.at(shape.kind).end());
  } else {
    add_job_fields(of_kind, shape.jobs, fields);
  }
  for (std::size_t i = 0; i < shape.events; ++i) add_event_fields(i, fields);
  return fields;
}

bool is_form_of(const scenarios::Scenario& scenario, const FormShape& shape) {
  if (!shape.jobs.empty()) return scenario.jobs.size() == shape.jobs.size();
  return std::any_of(scenario.jobs.begin(), scenario.jobs.end(),
                     [&](const scenarios::Job& job) { return job.kind == shape.kind; });
}

QString effective_in(const scenarios::Report& report, const std::string& key) {
  std::string_view rest = key;
  const std::optional<std::size_t> number = job_number(rest);
  const std::vector<scenarios::JobView> views = scenarios::job_views(report);
  const bool is_of_none = rest == "model" && views.size() > 1;  // each says its own
  if (!number) return is_of_none ? QString() : to_qstring(scenarios::effective_value(report, key));
  if (*number >= views.size()) return {};
  const scenarios::JobView& view = views[*number];
  if (rest == "model") return to_qstring(view.job.model);
  if (!starts_with(rest, fmt::format("{}.", view.job.kind->name))) return {};
  return to_qstring(view.job.kind->effective_value(view, rest));
}

}  // namespace orrery::gui
