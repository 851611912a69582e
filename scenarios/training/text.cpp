// The text form of a training report.

#include <ostream>

#include <fmt/format.h>

#include "models/training/parallel.hpp"
#include "scenarios/format.hpp"
#include "scenarios/memory_verdict.hpp"
#include "scenarios/report_lines.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/report.hpp"
#include "scenarios/training/sections.hpp"
#include "scenarios/training/steps.hpp"

namespace orrery::scenarios {

namespace {

/// What a convention counts, in a few words; models::FlopConvention says more.
std::string_view meaning(models::FlopConvention convention) {
  switch (convention) {
    case models::FlopConvention::model:
      return "attention counted in full, recompute not";
    case models::FlopConvention::model_causal:
      return "causal attention counted as half, recompute not";
    case models::FlopConvention::palm:
      return "6 per parameter and token, and attention in full, as the PaLM paper does";
  }
  return "";
}

void write_stages(std::ostream& out, const models::TrainingResult& result) {
  const std::vector<models::StageMemory>& stages = result.memory;
  if (stages.size() < 2) return;
  out << fmt::format("\n  {:>5} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n", "stage", "weights", "gradients",
                     "optimizer", "activations", "workspace", "peak");
  for (const models::StageMemory& m : stages) {
    // A long pipeline shows its ends and its fullest stage; the JSON report has them all.
    const bool shown = stages.size() <= 16 || m.stage < 3 || m.stage + 3 >= static_cast<int>(stages.size()) ||
                       m.stage == result.fullest().stage;
    if (!shown) {
      if (m.stage == 3) out << "    ...\n";
      continue;
    }
    const auto text = [](Bytes bytes) { return readable(bytes.value(), Unit::bytes); };
    out << fmt::format("  {:>5} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n", m.stage, text(m.weights),
                       text(m.gradients), text(m.optimizer), text(m.activations), text(m.workspace), text(m.peak));
  }
}

/// "GPU 3 at 0.5, from 10 s to 20 s".
std::string event_text(const Event& event) {
  const auto when = [](Seconds time) { return readable(time.value(), Unit::seconds); };
  std::string text = event.gpu ? fmt::format("GPU {}", *event.gpu) : event.link;
  text += event.down ? " down" : " at " + shortest(event.scale);
  text += ", from " + when(event.at);
  return event.until ? text + " to " + when(*event.until) : text + " on";
}

void write_steps(std::ostream& out, const StepsSummary& steps) {
  const auto time = [](Seconds value) { return readable(value.value(), Unit::seconds); };
  const std::string of_which = steps.is_cut_off() ? fmt::format("of the {} asked for", steps.asked) : "in all";
  out << fmt::format("\nSteps\n  {} {}: first {}, median {}, last {}, spread {}\n", steps.count, of_which,
                     time(steps.first), time(steps.median), time(steps.last), time(steps.spread()));
  for (const StepsUnder& under : steps.events) {
    out << fmt::format(
        "  under {}: {}\n", event_text(*under.event),
        under.count > 0 ? fmt::format("{} of {}, mean {}", under.count, steps.count, time(under.mean)) : "none");
  }
}

}  // namespace

void write_training_setting(std::ostream& out, const JobView& view) {
  const models::TrainingJob& job = spec_of<TrainingSpec>(view.job).job;
  const models::TrainingConfig& config = job.config;
  const std::string grid = models::tensor_grid(config).is_line() ? "" : " " + config.tensor_parallel_mode;
  out << fmt::format("  TP {}{}  PP {}x{} {}  DP {}  batch {} x {} tokens, microbatch {}, {}, recompute {}\n",
                     config.tensor_parallel, grid, config.pipeline_parallel, config.virtual_pipeline, config.schedule,
                     models::data_parallel_degree(job), config.global_batch_size, config.sequence_length,
                     config.micro_batch_size, name(config.precision),
                     recompute_names().at(static_cast<std::size_t>(config.recompute)));
  const models::OuterConfig& outer = config.outer;
  if (!outer.is_on()) return;
  out << fmt::format("  {} workers exchange pseudo-gradients in {} every {} steps{}{}, outer state on the {}\n",
                     outer.workers, name(outer.dtype), outer.steps,
                     outer.fragments > 1 ? fmt::format(", {} fragments in turn", outer.fragments) : "",
                     outer.overlap ? ", beside the steps that follow" : "",
                     outer_state_names().at(static_cast<std::size_t>(outer.state)));
}

void write_training_figures(std::ostream& out, const JobView& view) {
  const auto& spec = spec_of<TrainingSpec>(view.job);
  const models::TrainingResult& result = result_of<TrainingOutcome>(view).result;
  const std::string convention = flop_convention_names().at(static_cast<std::size_t>(spec.job.flop_convention));
  write_lines(out, view, "Training step" + datasheet_mark(view),
              {{"step time", "training.step_time_s"},
               {"throughput", "training.tokens_per_s"},
               {"throughput per GPU", "training.tokens_per_s_per_gpu"},
               {"model FLOP rate per GPU", "training.model_tflops_per_gpu"},
               {"hardware FLOP rate per GPU", "training.hardware_tflops_per_gpu"},
               {"MFU", "training.mfu"},
               {"HFU", "training.hfu"},
               {"pipeline bubble", "training.bubble_fraction"},
               {"compute", "training.compute_s"},
               {"communication", "training.communication_s"},
               {"  of it exposed", "training.exposed_communication_s"},
               {"optimizer", "training.optimizer_s"}});
  out << fmt::format("  FLOP convention: {} ({})\n", convention, meaning(spec.job.flop_convention));
  if (result.outer) {
    write_lines(out, view, fmt::format("Exchange between {} workers", spec.job.config.outer.workers),
                {{"inner step", "training.outer.inner_step_s"},
                 {"pseudo-gradients", "training.outer.exchange_s"},
                 {"update", "training.outer.update_s"},
                 {"gather in a worker", "training.outer.gather_s"},
                 {"added to the mean step", "training.outer.exposed_s"},
                 {"sent by a rank", "training.outer.rank_sent_bytes"},
                 {"sent by a worker", "training.outer.worker_sent_bytes"}});
    out << "  how well it converges is not predicted: outer_steps is the user's\n";
  }
  if (const StepsSummary steps = steps_of(view); steps.count > 0) write_steps(out, steps);
  write_lines(out, view, fmt::format("Memory of the fullest GPU (stage {})", result.fullest().stage),
              {{"peak", "memory.peak_bytes"},
               {"capacity", "memory.capacity_bytes"},
               {"weights", "memory.weights_bytes"},
               {"gradients", "memory.gradients_bytes"},
               {"optimizer", "memory.optimizer_bytes"},
               {"activations", "memory.activations_bytes"},
               {"workspace", "memory.workspace_bytes"}});
  out << fmt::format("  {:<26} {}\n", "verdict",
                     describe(memory_verdict(Bytes{view.find_metric("memory.margin_bytes").value_or(0.0)},
                                             result.fullest().capacity, kTrainingMemoryDoubt)));
  write_stages(out, result);
  const std::string basis = spec.total_tokens > 0 ? fmt::format("{} tokens", spec.total_tokens) : "one step";
  write_lines(
      out, view, fmt::format("Cost of {}", basis),
      {{"GPU hours", "cost.gpu_hours"}, {"price", "cost.usd"}, {"per million tokens", "cost.usd_per_million_tokens"}});
}

}  // namespace orrery::scenarios
