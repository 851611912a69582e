#include "scenarios/training/schema.hpp"

#include "models/training/parallel.hpp"
#include "scenarios/training/fields.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/sections.hpp"

namespace orrery::scenarios {

namespace {

/// The rows of TrainingConfig with its values.
struct TrainingLister : FieldLister {
  void schedule(std::string_view key, const std::string& value) const { menu(key, choices_of("schedules"), value); }
  void exchange(std::string_view key, const std::string& value) const {
    menu(key, choices_of("expert_exchanges"), value);
  }
  void tensor_mode(std::string_view key, const std::string& value) const {
    menu(key, choices_of("tensor_parallel_modes"), value);
  }
  void ratio(std::string_view key, double value) const { number(key, value, NumberLimits{0.0, 1.0}); }
  template <class Enum>
  void choose(std::string_view key, const std::vector<std::string>& names, Enum value) const {
    small(key, names, names.at(static_cast<std::size_t>(value)));
  }
  void choice(std::string_view key, models::Recompute value) const { choose(key, recompute_names(), value); }
  void choice(std::string_view key, models::AttentionImplementation value) const {
    choose(key, attention_names(), value);
  }
  void choice(std::string_view key, models::OuterState value) const { choose(key, outer_state_names(), value); }
  void choice(std::string_view key, models::ZeroStage value) const { choose(key, zero_names(), value); }
};

std::vector<Field> fields_of(const models::TrainingConfig& config) {
  std::vector<Field> fields;
  visit_training(config, TrainingLister{{"training", &fields}});
  return fields;
}

}  // namespace

std::vector<Field> training_fields() {
  std::vector<Field> fields = fields_of({});
  Field steps = make_integer("training", "steps", {1.0, kMostSteps});
  steps.fallback = "1";
  fields.push_back(std::move(steps));
  Field convention = make_choice("training", "flop_convention", choices_of("flop_conventions"));
  convention.fallback = flop_convention_names().front();
  fields.push_back(std::move(convention));
  fields.push_back(make_integer("training", "total_tokens", {1.0, kMostTokens}));
  return fields;
}

std::string training_value(const JobView& view, std::string_view key) {
  const auto& spec = spec_of<TrainingSpec>(view.job);
  const models::TrainingJob& job = spec.job;
  if (key == "training.data_parallel") return std::to_string(models::data_parallel_degree(job));
  if (key == "training.steps") return std::to_string(spec.steps);
  if (key == "training.flop_convention") return std::string(models::name(job.flop_convention));
  if (key == "training.total_tokens") return spec.total_tokens > 0 ? std::to_string(spec.total_tokens) : "";
  if (key == "training.host_overhead" && !(job.config.host_overhead > Seconds{0.0})) {
    return seconds_text(job.cluster.groups[models::groups_of(job).front()].gpu.kernel_launch);
  }
  models::TrainingConfig shown = job.config;
  shown.bucket_size = models::gradient_bucket(job);
  return find_value(fields_of(shown), key);
}

}  // namespace orrery::scenarios
