// The row of the kind of job `training:`.

#include <fmt/format.h>

#include "models/training/parallel.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/memory_stack.hpp"
#include "scenarios/training/explanation.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/metrics.hpp"
#include "scenarios/training/report.hpp"
#include "scenarios/training/schema.hpp"
#include "scenarios/training/sections.hpp"
#include "scenarios/training/steps.hpp"
#include "scenarios/training/validate.hpp"
#include "sim/plan/trace_writer.hpp"

namespace orrery::scenarios {

namespace {

using sim::MemoryKind;

/// One per pipeline stage.
std::vector<MemoryStack> memory_stacks(const JobResult& of_job) {
  const models::TrainingResult& result = dynamic_cast<const TrainingOutcome&>(of_job).result;
  std::vector<MemoryStack> stacks;
  for (const models::StageMemory& m : result.memory) {
    MemoryStack stack;
    stack.name = fmt::format("stage {}", m.stage);
    const auto add = [&](std::string_view name, Bytes bytes, MemoryKind kind) {
      stack.parts.push_back(
          {std::string(name), bytes.value(), kind, fmt::format("memory.stages.{}.{}_bytes", m.stage, name)});
    };
    add("weights", m.weights, MemoryKind::weights);
    add("gradients", m.gradients, MemoryKind::gradients);
    add("optimizer", m.optimizer, MemoryKind::optimizer);
    add("activations", m.activations, MemoryKind::activations);
    add("workspace", m.workspace, MemoryKind::workspace);
    stack.peak = m.peak.value();
    stack.capacity = m.capacity.value();
    stack.missing = std::max(0.0, stack.peak - stack.capacity);
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

SweepTable sweep_table() {
  return {{{"step time", "training.step_time_s", 12},
           {"per GPU", "training.tokens_per_s_per_gpu", 18},
           {"MFU", "training.mfu", 9},
           {"peak memory", "memory.peak_bytes", 12},
           {"fits", "memory.fits", 6}},
          "training.tokens_per_s",
          "cost.usd_per_million_tokens"};
}

std::vector<KeyFigure> key_figures(const JobResult&) {
  return {{"training.step_time_s", "step time", "bubble", "training.bubble_fraction"},
          {"training.tokens_per_s_per_gpu", "per GPU", "", "training.tokens_per_s"},
          {"training.mfu", "MFU", "HFU", "training.hfu"},
          {"memory.peak_bytes", "memory peak", "of", "memory.capacity_bytes"},
          {"cost.usd_per_million_tokens", "per million tokens", "total", "cost.usd"}};
}

KindRow make_row() {
  KindRow row;
  row.name = "training";
  row.title = "Training";
  row.equation = "one optimizer step: the makespan of its plan";
  row.source = "models/training/training.hpp";
  row.read = read_training;
  row.check = check_training;
  row.inputs = [](const JobSpec&) { return std::vector<std::string>(); };
  row.scenario_template = training_template;
  row.fields = training_fields;
  row.help = training_help;
  row.effective_value = training_value;
  row.run = run_training;
  row.share = share_training;
  row.gpus = training_gpus;
  row.occupied = training_gpu_numbers;
  row.groups = [](const JobSpec& spec) { return models::groups_of(dynamic_cast<const TrainingSpec&>(spec).job); };
  row.metrics = training_metric_rows;
  row.part_metrics = stage_metric_rows;
  row.evaluate = training_values;
  row.findings = add_training_findings;
  row.notes = add_training_notes;
  row.setting_json = write_training_setting_json;
  row.figures_json = write_training_json;
  row.setting_text = write_training_setting;
  row.figures_text = write_training_figures;
  row.trace = [](const JobView&, const sim::Timeline& timeline, std::ostream& out) { sim::write_trace(timeline, out); };
  row.plan = [](const JobView& view) { return sim::to_text(*result_of<TrainingOutcome>(view).result.plan); };
  row.explain = explain_training;
  row.explain_keeps_timeline = true;
  row.take_timeline = [](JobResult& result) {
    return std::move(dynamic_cast<TrainingOutcome&>(result).result.timeline);
  };
  row.memory = memory_stacks;
  row.key_figures = key_figures;
  row.headline = {"training.step_time_s", "step", ""};
  row.sweep_table = sweep_table;
  row.promises = [](const JobSpec&) { return false; };
  row.validate = validate_training;
  return row;
}

}  // namespace

const KindRow& training_kind() {
  static const KindRow row = make_row();
  return row;
}

}  // namespace orrery::scenarios
