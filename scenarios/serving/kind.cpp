// The row of the kind of job `serving:`.

#include <algorithm>

#include <nlohmann/json.hpp>

#include "models/serving/engine_mesh.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/memory_stack.hpp"
#include "scenarios/serving/argument_names.hpp"
#include "scenarios/serving/engine_log.hpp"
#include "scenarios/serving/explanation.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/metrics.hpp"
#include "scenarios/serving/plan.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/serving/report.hpp"
#include "scenarios/serving/requests_csv.hpp"
#include "scenarios/serving/schema.hpp"
#include "scenarios/serving/sections.hpp"
#include "scenarios/serving/timeline.hpp"
#include "scenarios/serving/trace.hpp"
#include "scenarios/serving/validate.hpp"

namespace orrery::scenarios {

namespace {

using models::KvPool;
using models::ServingResult;
using sim::MemoryKind;

/// Of a replica's fullest GPU.
std::vector<MemoryStack> memory_stacks(const JobResult& of_job) {
  const ServingResult& result = dynamic_cast<const ServingOutcome&>(of_job).result;
  const KvPool& pool = result.pool;
  MemoryStack stack;
  stack.name = "fullest GPU";
  stack.parts = {
      {"weights", pool.weights.value(), MemoryKind::weights, "memory.weights_bytes"},
      {"activations", pool.activations.value(), MemoryKind::activations, "memory.activations_bytes"},
      {"context", pool.context.value(), MemoryKind::workspace, "memory.workspace_bytes"},
      {"CUDA graphs", pool.graphs.value(), MemoryKind::optimizer, "memory.workspace_bytes"},
      {"KV cache", pool.kv_cache.value(), MemoryKind::kv_cache, "memory.kv_cache_bytes"},
  };
  stack.peak = pool.peak().value();
  stack.capacity = pool.capacity.value();
  stack.budget = pool.budget.value();
  stack.missing = std::max(0.0, -cache_margin(result).value());
  return {std::move(stack)};
}

SweepTable sweep_table() {
  return {{{"output/GPU", "serving.output_tokens_per_s_per_gpu", 18},
           {"TTFT p95", "serving.ttft_s.p95", 11},
           {"TPOT p95", "serving.tpot_s.p95", 11},
           {"within SLO", "serving.slo_attainment", 11},
           {"USD/M output", "cost.usd_per_million_output_tokens", 13},
           {"fits", "memory.fits", 6}},
          "serving.output_tokens_per_s",
          "cost.usd_per_million_output_tokens"};
}

std::vector<KeyFigure> key_figures(const JobResult& of_job) {
  const ServingResult& result = dynamic_cast<const ServingOutcome&>(of_job).result;
  if (result.requests == 0) {
    return {{"memory.peak_bytes", "memory peak", "of", "memory.capacity_bytes"},
            {"memory.weights_bytes", "weights", "", ""},
            {"memory.kv_cache_bytes", "KV cache", "", ""}};
  }
  std::vector<KeyFigure> figures = {{"serving.output_tokens_per_s", "output", "", "serving.requests_per_s"},
                                    {"serving.ttft_s.p99", "TTFT p99", "p50", "serving.ttft_s.p50"},
                                    {"serving.tpot_s.p99", "TPOT p99", "p50", "serving.tpot_s.p50"}};
  // Without limits every request is within them.
  if (result.config.slo.given()) figures.push_back({"serving.slo_attainment", "within the SLO", "", "serving.goodput"});
  figures.push_back({"serving.kv_cache_usage.peak", "KV cache peak", "mean", "serving.kv_cache_usage.mean"});
  figures.push_back({"cost.usd_per_million_tokens", "per million tokens", "total", "cost.usd"});
  return figures;
}

std::vector<std::string> inputs(const JobSpec& spec) {
  const models::LoadConfig& load = dynamic_cast<const ServingSpec&>(spec).job.config.load;
  std::vector<std::string> files;
  for (const std::string& file : {load.trace, load.input.file, load.output.file}) {
    if (file != "-") files.push_back(file);  // standard input is no file that an output could take the place of
  }
  return files;
}

void write_requests(const JobView* view, bool partial, std::ostream& out) {
  const std::vector<models::RequestRecord> none;
  write_requests_csv(view != nullptr ? result_of<ServingOutcome>(*view).result.records : none, partial, out);
}

Json compare_log(const JobView& view, const std::string& path, std::ostream& out) {
  const std::vector<LoggedTerm> terms = read_engine_log(path, result_of<ServingOutcome>(view).result);
  write_log_text(out, terms, path);
  return log_json(terms);
}

KindRow make_row() {
  KindRow row;
  row.name = "serving";
  row.title = "Serving";
  row.equation = "requests through engines: each iteration takes as long as its kernels and collectives";
  row.source = "models/serving/serving.hpp";
  row.read = read_serving;
  row.check = check_serving;
  row.inputs = inputs;
  row.scenario_template = serving_template;
  row.fields = serving_fields;
  row.help = serving_help;
  row.other_names = argument_names;
  row.effective_value = serving_value;
  row.run = run_serving;
  row.share = share_serving;
  row.occupied = serving_gpu_numbers;
  row.groups = [](const JobSpec& spec) { return models::groups_of(dynamic_cast<const ServingSpec&>(spec).job); };
  row.gpus = [](const JobSpec& spec) { return serving_gpus(dynamic_cast<const ServingSpec&>(spec).job.config); };
  row.metrics = serving_metric_rows;
  row.part_metrics = []() -> const std::vector<PartMetricRow>& {
    static const std::vector<PartMetricRow> none;
    return none;
  };
  row.evaluate = serving_values;
  row.findings = add_serving_findings;
  row.notes = add_serving_notes;
  row.setting_json = write_serving_setting_json;
  row.figures_json = write_serving_json;
  row.setting_text = write_serving_setting;
  row.figures_text = write_serving_figures;
  row.trace = [](const JobView& view, const sim::Timeline&, std::ostream& out) { write_serving_trace(view, out); };
  row.plan = serving_plan;
  row.requests = write_requests;
  row.explain = explain_serving;
  row.compare_log = compare_log;
  row.take_timeline = [](JobResult& result) { return timeline_of(dynamic_cast<ServingOutcome&>(result).result); };
  row.memory = memory_stacks;
  row.key_figures = key_figures;
  row.headline = {"serving.output_tokens_per_s", "output", "nothing served"};
  row.sweep_table = sweep_table;
  row.promises = [](const JobSpec& spec) {
    return promises_slo(dynamic_cast<const ServingSpec&>(spec).job.config.slo);
  };
  row.promise = "serving.slo_attainment";
  row.validate = validate_serving;
  return row;
}

}  // namespace

const KindRow& serving_kind() {
  static const KindRow row = make_row();
  return row;
}

}  // namespace orrery::scenarios
