#include "scenarios/training/sections.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/experts/exchange.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/schedule/schedule.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/training/fields.hpp"

namespace orrery::scenarios {

namespace {

using hardware::MapReader;
using hardware::Range;

template <class Enum>
Enum read_enum(MapReader& reader, std::string_view key, const std::vector<std::string>& names, Enum fallback) {
  return static_cast<Enum>(reader.choice_or(key, names, static_cast<std::size_t>(fallback)));
}

/// Reads each field of the list in training/fields.hpp from the section.
struct FieldReader {
  MapReader* reader;

  template <class Integer>
  void integer(std::string_view key, Integer& field, const IntegerLimits& limits) const {
    const Range range = Range::between(limits.least, limits.most);
    field = static_cast<Integer>(limits.required ? reader->integer(key, range) : reader->integer_or(key, field, range));
  }
  void boolean(std::string_view key, bool& field) const { field = reader->boolean_or(key, field); }
  template <class Rows>
  void row(std::string_view key, std::string& field, const Rows& rows) const {
    std::vector<std::string> names;
    std::size_t fallback = 0;
    for (const auto& one : rows) {
      if (one.name == field) fallback = names.size();
      names.emplace_back(one.name);
    }
    field = names.at(reader->choice_or(key, names, fallback));
  }
  void schedule(std::string_view key, std::string& field) const { row(key, field, models::schedules()); }
  void exchange(std::string_view key, std::string& field) const { row(key, field, models::expert_exchanges()); }
  void tensor_mode(std::string_view key, std::string& field) const { row(key, field, models::tensor_parallel_modes()); }
  void number(std::string_view key, double& field, const NumberLimits& limits) const {
    field = reader->number_or(key, field, Range::between(limits.least, limits.most));
  }
  void integers(std::string_view key, std::vector<std::int64_t>& field) const {
    field = reader->integers_or(key, field, Range::between(0, 1e6));
  }
  void choice(std::string_view key, models::Recompute& field) const {
    field = read_enum(*reader, key, recompute_names(), field);
  }
  void choice(std::string_view key, models::AttentionImplementation& field) const {
    field = read_enum(*reader, key, attention_names(), field);
  }
  void choice(std::string_view key, models::ZeroStage& field) const {
    field = read_enum(*reader, key, zero_names(), field);
  }
  void choice(std::string_view key, models::OuterState& field) const {
    field = read_enum(*reader, key, outer_state_names(), field);
  }
  void dtype(std::string_view key, Dtype& field) const { field = read_dtype(*reader, key, field); }
  void bytes(std::string_view key, Bytes& field) const { field = reader->bytes_or(key, field); }
  void ratio(std::string_view key, double& field) const {
    field = reader->number_or(key, field, Range::between(0.0, 1.0));
  }
  void seconds(std::string_view key, Seconds& field) const { field = reader->duration_or(key, field); }
};

/// Axes that are not named follow in the order of Megatron-LM.
models::JobPlacement mesh_placement(const PlacementConfig& config) {
  models::JobPlacement placement;
  placement.first_node = config.first_node;
  placement.spread = config.spread;
  std::vector<models::MeshAxis> order;
  for (const std::string& axis : config.order) order.push_back(*models::find_mesh_axis(axis));
  for (const models::MeshAxis axis : models::kMegatronOrder) {
    if (std::find(order.begin(), order.end(), axis) == order.end()) order.push_back(axis);
  }
  std::copy(order.begin(), order.end(), placement.order.begin());
  return placement;
}

/// A plan grows with microbatches x layers; above this it would take tens of gigabytes (some 70 steps of 8 bytes per
/// layer and microbatch), so a slip of the keyboard is told at once. Korthikanti's 1T has 512 x 128 = 65,536.
std::vector<models::JobError> check_size(const models::TrainingJob& job) {
  constexpr double kMostLayerPasses = 5e6;
  const models::TrainingConfig& config = job.config;
  const double microbatches = static_cast<double>(config.global_batch_size) /
                              (static_cast<double>(config.micro_batch_size) * models::data_parallel_degree(job));
  const double chunks = static_cast<double>(config.pipeline_parallel) * config.virtual_pipeline;
  if (microbatches * (static_cast<double>(job.llm.layers) + chunks) <= kMostLayerPasses) return {};
  return {{"training.global_batch_size",
           fmt::format("{:.0f} microbatches through {} layers are more than the {:.0f} passes of a layer that one step "
                       "may have",
                       microbatches, job.llm.layers, kMostLayerPasses)}};
}

}  // namespace

const std::vector<std::string>& recompute_names() {
  static const std::vector<std::string> names = {"none", "selective", "full"};
  return names;
}
const std::vector<std::string>& attention_names() {
  static const std::vector<std::string> names = {"flash", "unfused"};
  return names;
}
const std::vector<std::string>& zero_names() {
  static const std::vector<std::string> names = {"none", "optimizer"};
  return names;
}
const std::vector<std::string>& outer_state_names() {
  static const std::vector<std::string> names = {"gpu", "host"};
  return names;
}
const std::vector<std::string>& flop_convention_names() {
  static const std::vector<std::string> names = {"model", "model_causal", "palm"};
  return names;
}

std::shared_ptr<const JobSpec> read_training(const JobSource& source) {
  auto spec = std::make_shared<TrainingSpec>();
  spec->job.llm = source.llm;
  spec->job.cluster = source.cluster;
  spec->job.placement = mesh_placement(source.placement);
  MapReader reader(&source.node, "training", *source.diagnostics);
  visit_training(spec->job.config, FieldReader{&reader});
  spec->steps = static_cast<int>(reader.integer_or("steps", spec->steps, Range::between(1, kMostSteps)));
  spec->job.flop_convention = read_enum(reader, "flop_convention", flop_convention_names(), spec->job.flop_convention);
  spec->total_tokens = reader.integer_or("total_tokens", 0, Range::between(1, kMostTokens));
  reader.finish();
  return spec;
}

std::vector<models::JobError> check_training(const JobSpec& spec) {
  const auto& training = dynamic_cast<const TrainingSpec&>(spec);
  const models::TrainingJob& job = training.job;
  std::vector<models::JobError> errors = models::check(job);
  if (training.steps > 1 && job.config.outer.is_on()) {
    errors.push_back({"training.steps", "can't go with outer_workers, whose mean step is predicted: leave it out"});
  }
  return errors.empty() ? check_size(job) : errors;
}

}  // namespace orrery::scenarios
