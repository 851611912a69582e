// The text form of a report: one screen, readable units.

#include <ostream>

#include <fmt/format.h>

#include "models/layer/parameters.hpp"
#include "scenarios/format.hpp"
#include "scenarios/report_lines.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/serving_report.hpp"

namespace orrery::scenarios {

std::string value_of(const Report& report, std::string_view metric) {
  const std::optional<double> value = report.find_metric(metric);
  return value ? readable(*value, metric_unit(metric).value_or(Unit::ratio)) : "-";
}

void write_lines(std::ostream& out, const Report& report, std::string_view heading,
                 const std::vector<ReportLine>& lines) {
  out << "\n" << heading << "\n";
  for (const ReportLine& line : lines) {
    out << fmt::format("  {:<26} {:>18}\n", line.label, value_of(report, line.metric));
  }
}

namespace {

void write_training_setting(std::ostream& out, const Scenario& scenario) {
  const models::TrainingConfig& config = scenario.job.config;
  out << fmt::format("  TP {}  PP {}x{} {}  DP {}  batch {} x {} tokens, microbatch {}, {}, recompute {}\n",
                     config.tensor_parallel, config.pipeline_parallel, config.virtual_pipeline, config.schedule,
                     models::data_parallel_degree(scenario.job), config.global_batch_size, config.sequence_length,
                     config.micro_batch_size, name(config.precision),
                     recompute_names().at(static_cast<std::size_t>(config.recompute)));
}

void write_setting(std::ostream& out, const Report& report) {
  const Scenario& scenario = report.scenario;
  const hardware::Cluster& cluster = scenario.job.cluster;
  out << scenario.title;
  if (!scenario.variant.empty()) out << " [" << scenario.variant << "]";
  out << "\n";
  out << fmt::format("  {}: {:.3f} B parameters, {} layers\n", scenario.job.llm.name,
                     static_cast<double>(models::parameters(scenario.job.llm)) * 1e-9, scenario.job.llm.layers);
  out << fmt::format("  {} x {} ({} GPUs, {}), {}\n", cluster.nodes, cluster.node.name, cluster.gpu_count(),
                     cluster.gpu.name, cluster.fabric.name);
  scenario.serving ? write_serving_setting(out, report) : write_training_setting(out, scenario);
  if (!scenario.skipped.empty()) out << "  Skipped: " << scenario.skipped << "\n";
  for (const std::string& note : report.notes) out << "  Note: " << note << "\n";
}

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

void write_stages(std::ostream& out, const Report& report) {
  const std::vector<models::StageMemory>& stages = report.result.memory;
  if (stages.size() < 2) return;
  out << fmt::format("\n  {:>5} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n", "stage", "weights", "gradients",
                     "optimizer", "activations", "workspace", "peak");
  for (const models::StageMemory& m : stages) {
    // A long pipeline shows its ends and its fullest stage; the JSON report has them all.
    const bool shown = stages.size() <= 16 || m.stage < 3 || m.stage + 3 >= static_cast<int>(stages.size()) ||
                       m.stage == report.result.fullest().stage;
    if (!shown) {
      if (m.stage == 3) out << "    ...\n";
      continue;
    }
    const auto text = [](Bytes bytes) { return readable(bytes.value(), Unit::bytes); };
    out << fmt::format("  {:>5} {:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\n", m.stage, text(m.weights),
                       text(m.gradients), text(m.optimizer), text(m.activations), text(m.workspace), text(m.peak));
  }
}

void write_expectations(std::ostream& out, const Report& report) {
  if (report.expectations.empty()) return;
  out << "\nExpectations\n";
  for (const ExpectationOutcome& outcome : report.expectations) {
    const Expectation& e = outcome.expectation;
    const std::string tolerance =
        e.absolute ? readable(e.tolerance, e.unit) : fmt::format("{:.3g} %", e.tolerance * 100.0);
    out << fmt::format("  {:<10} {} expected {}{}, predicted {}", name(outcome.outcome), e.metric,
                       readable(e.value, e.unit), e.unit == Unit::flag ? "" : " +- " + tolerance,
                       outcome.predicted ? readable(*outcome.predicted, e.unit) : "nothing");
    if (outcome.predicted && e.value != 0.0 && e.unit != Unit::flag) {
      out << fmt::format(" ({:+.1f} %)", (*outcome.predicted / e.value - 1.0) * 100.0);
    }
    out << "\n             " << e.source << "\n";
    if (!e.known_miss.empty()) out << "             known miss: " << e.known_miss << "\n";
  }
}

void write_provenance(std::ostream& out, const Report& report) {
  out << "\nWhere the numbers come from (orrery explain says more)\n";
  for (const std::string_view level : {"measured", "published", "datasheet"}) {
    std::string names;
    for (const Provenance& line : report.provenance) {
      if (line.level != level) continue;
      const std::string entry = line.fit.empty() ? line.name : line.fit;
      names += (names.empty() ? "" : ", ") + entry;
    }
    if (!names.empty()) out << fmt::format("  {:<10} {}\n", level, names);
  }
}

void write_training_figures(std::ostream& out, const Report& report) {
  const std::string convention =
      flop_convention_names().at(static_cast<std::size_t>(report.scenario.job.flop_convention));
  write_lines(out, report, "Training step",
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
  out << fmt::format("  FLOP convention: {} ({})\n", convention, meaning(report.scenario.job.flop_convention));
  write_lines(out, report, fmt::format("Memory of the fullest GPU (stage {})", report.result.fullest().stage),
              {{"peak", "memory.peak_bytes"},
               {"capacity", "memory.capacity_bytes"},
               {"weights", "memory.weights_bytes"},
               {"gradients", "memory.gradients_bytes"},
               {"optimizer", "memory.optimizer_bytes"},
               {"activations", "memory.activations_bytes"},
               {"workspace", "memory.workspace_bytes"}});
  write_stages(out, report);
  const std::string basis =
      report.scenario.total_tokens > 0 ? fmt::format("{} tokens", report.scenario.total_tokens) : "one step";
  write_lines(
      out, report, fmt::format("Cost of {}", basis),
      {{"GPU hours", "cost.gpu_hours"}, {"price", "cost.usd"}, {"per million tokens", "cost.usd_per_million_tokens"}});
}

}  // namespace

void write_text(std::ostream& out, const Report& report) {
  write_setting(out, report);
  if (report.scenario.skipped.empty()) {
    report.serving ? write_serving_figures(out, report) : write_training_figures(out, report);
  }
  write_expectations(out, report);
  for (const Finding& finding : report.findings) {
    out << fmt::format("\nFinding{}: {}\n", finding.expected ? " (expected)" : "", finding.message);
  }
  if (report.scenario.skipped.empty()) write_provenance(out, report);
  for (const Report& variant : report.variants) {
    out << "\n";
    write_text(out, variant);
  }
}

}  // namespace orrery::scenarios
