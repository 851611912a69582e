#include "scenarios/schema.hpp"

#include <fmt/format.h>

#include "kernels/kernel.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/schema_fields.hpp"

namespace orrery::scenarios {

namespace {

constexpr double kMostSeed = 1e15;

bool starts_with(std::string_view text, std::string_view head) { return text.substr(0, head.size()) == head; }

void append(std::vector<Field>& all, std::vector<Field> part) {
  for (Field& field : part) all.push_back(std::move(field));
}

std::vector<Field> last_fields() {
  Field seed = make_integer("", "seed", {0.0, kMostSeed});
  seed.fallback = std::to_string(Scenario{}.seed);
  Field timer = make_choice("", "timer", choices_of("timers"));
  timer.fallback = Scenario{}.timer;
  return {std::move(seed), std::move(timer)};
}

}  // namespace

std::vector<Field> scenario_fields(const KindRow& kind) {
  Field title = make_field("", "scenario", FieldKind::text);
  title.required = true;
  Field model = make_choice("", "model", choices_of("models"));
  model.required = true;
  std::vector<Field> fields = {std::move(title)};
  if (kind.has_model) fields.push_back(std::move(model));
  append(fields, cluster_fields());
  append(fields, kind.fields());
  append(fields, last_fields());
  for (Field& field : fields) {
    // A default that only stands for another decision is none that a form should show as written.
    if (!field.automatic.empty() || field.required) field.fallback.clear();
  }
  return fields;
}

std::string effective_value(const Report& report, std::string_view key) {
  const Scenario& scenario = report.scenario;
  if (key == "scenario") return scenario.title;
  if (key == "model") return scenario.jobs.empty() ? std::string() : scenario.jobs.front().model;
  if (key == "seed") return std::to_string(scenario.seed);
  if (key == "timer") return scenario.timer;
  if (starts_with(key, "cluster.")) return cluster_value(scenario.cluster, key);
  for (const JobView& view : job_views(report)) {
    if (starts_with(key, fmt::format("{}.", view.job.kind->name))) return view.job.kind->effective_value(view, key);
  }
  return "";
}

}  // namespace orrery::scenarios
