#include "scenarios/schema.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "kernels/kernel.hpp"
#include "scenarios/format.hpp"
#include "scenarios/schema_fields.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

constexpr double kMostSeed = 1e15;
constexpr double kMostTokens = 1e15;

bool starts_with(std::string_view text, std::string_view head) { return text.substr(0, head.size()) == head; }

void append(std::vector<Field>& all, std::vector<Field> part) {
  for (Field& field : part) all.push_back(std::move(field));
}

/// What training: has beyond the list of TrainingConfig.
std::vector<Field> job_fields() {
  std::vector<Choice> conventions = choices_of("flop_conventions");
  Field convention = make_choice("training", "flop_convention", std::move(conventions));
  convention.fallback = flop_convention_names().front();
  return {std::move(convention), make_integer("training", "total_tokens", {1.0, kMostTokens})};
}

std::vector<Field> last_fields() {
  Field seed = make_integer("", "seed", {0.0, kMostSeed});
  seed.fallback = std::to_string(Scenario{}.seed);
  Field timer = make_choice("", "timer", choices_of("timers"));
  timer.fallback = Scenario{}.timer;
  return {std::move(seed), std::move(timer)};
}

std::string find_value(const std::vector<Field>& fields, std::string_view key) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
  return found == fields.end() ? std::string() : found->fallback;
}

std::string training_value(const Scenario& scenario, std::string_view key) {
  const models::TrainingJob& job = scenario.job;
  if (key == "training.data_parallel") return std::to_string(models::data_parallel_degree(job));
  if (key == "training.flop_convention") return std::string(models::name(job.flop_convention));
  if (key == "training.total_tokens") return scenario.total_tokens > 0 ? std::to_string(scenario.total_tokens) : "";
  if (key == "training.host_overhead" && !(job.config.host_overhead > Seconds{0.0})) {
    return seconds_text(job.cluster.gpu.kernel_launch);
  }
  return find_value(training_fields(job.config), key);
}

}  // namespace

std::vector<Field> scenario_fields(ScenarioKind kind) {
  Field title = make_field("", "scenario", FieldKind::text);
  title.required = true;
  Field model = make_choice("", "model", choices_of("models"));
  model.required = true;
  std::vector<Field> fields = {std::move(title), std::move(model)};
  append(fields, cluster_fields());
  if (kind == ScenarioKind::training) {
    append(fields, training_fields({}));
    append(fields, job_fields());
  } else {
    append(fields, serving_fields({}));
  }
  append(fields, last_fields());
  for (Field& field : fields) {
    // A default that only stands for another decision is none that a form should show as written.
    if (!field.automatic.empty() || field.required) field.fallback.clear();
  }
  return fields;
}

std::string effective_value(const Scenario& scenario, std::string_view key, const models::ServingConfig* serving) {
  if (key == "scenario") return scenario.title;
  if (key == "model") return scenario.model;
  if (key == "seed") return std::to_string(scenario.seed);
  if (key == "timer") return scenario.timer;
  if (starts_with(key, "cluster.")) return cluster_value(scenario.job.cluster, key);
  if (starts_with(key, "serving.")) {
    if (!scenario.serving) return "";
    return find_value(serving_fields(serving != nullptr ? *serving : scenario.serving->config), key);
  }
  return starts_with(key, "training.") && !scenario.serving ? training_value(scenario, key) : std::string();
}

}  // namespace orrery::scenarios
