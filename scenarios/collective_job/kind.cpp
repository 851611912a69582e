// The row of the kind of job `collective:`.
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/collective_job/job.hpp"
#include "scenarios/explanation_nodes.hpp"
#include "scenarios/format.hpp"
#include "scenarios/memory_stack.hpp"
#include "scenarios/report_json.hpp"
#include "scenarios/report_lines.hpp"
#include "scenarios/schema_fields.hpp"
#include "sim/plan/trace_writer.hpp"

namespace orrery::scenarios {

namespace {

/// Each field as the scenario file writes it.
struct CollectiveWriter {
  Json* object;

  void operation(const char* key, const std::string& field) const { (*object)[key] = field; }
  void bytes(const char* key, Bytes field) const { (*object)[key] = field.value(); }
  void dtype(const char* key, Dtype field) const { (*object)[key] = std::string(name(field)); }
  void integer(const char* key, int field, const IntegerLimits&) const { (*object)[key] = field; }
  void seconds(const char* key, Seconds field) const { (*object)[key] = field.value(); }
  void boolean(const char* key, bool field) const { (*object)[key] = field; }
};

void write_calls_setting_json(const JobView& view, Json& section) {
  CollectiveSpec shown = spec_of<CollectiveSpec>(view.job);
  shown.job.gpus = models::members_of(shown.job);
  shown.job.gpus_per_node = models::make_placement(shown.job).per_node;
  visit_collective(shown, CollectiveWriter{&section});
  if (shown.job.operation != "incast") section.erase("receivers");
}

void write_calls_json(const JobView& view, Json& report) { add_metrics(view, report); }

void write_calls_setting(std::ostream& out, const JobView& view) {
  const models::CommunicationJob& job = spec_of<CollectiveSpec>(view.job).job;
  out << fmt::format("  Collective: {} of {} among {} GPUs, {} of a node\n", job.operation,
                     readable(job.bytes.value(), Unit::bytes), models::members_of(job),
                     models::make_placement(job).per_node);
}

void write_calls(std::ostream& out, const JobView& view) {
  write_lines(out, view, "Calls",
              {{"time", "collective.time_s"},
               {"longest", "collective.longest_s"},
               {"alone on its links", "collective.alone_s"},
               {"time / alone", "collective.slowdown"},
               {"algorithm bandwidth", "collective.algorithm_bytes_per_s"},
               {"bus bandwidth", "collective.bus_bytes_per_s"},
               {"calls", "collective.calls"},
               {"cost", "cost.usd"}});
}

void add_calls_notes(const JobView& view, std::vector<std::string>& notes) {
  const int asked = spec_of<CollectiveSpec>(view.job).calls.count;
  const std::size_t made = result_of<CollectiveOutcome>(view).times.size();
  if (made >= static_cast<std::size_t>(asked)) return;
  notes.push_back(fmt::format("{} of {} calls had ended when the job did", made, asked));
}

class CallsExplanation final : public JobExplanation {
 public:
  explicit CallsExplanation(const JobView& view) : view_(view), outcome_(result_of<CollectiveOutcome>(view)) {}

  [[nodiscard]] std::optional<ExplainNode> of(const std::string& metric) const override {
    if (metric == "collective.alone_s") return alone();
    if (metric == "collective.time_s") {
      ExplainNode node = metric_node(view_, metric);
      node.parts.push_back(alone());
      add_rest(node, "held up by what else is on its links", "time - alone (links: what held up which)");
      return node;
    }
    if (metric == "collective.bytes") {
      ExplainNode node = metric_node(view_, metric);
      node.level = "asserted";
      node.source = "the scenario";
      return node;
    }
    if (metric == "collective.slowdown") return made_of(metric, {"collective.time_s", "collective.alone_s"});
    if (metric == "collective.algorithm_bytes_per_s") return made_of(metric, {"collective.bytes", "collective.time_s"});
    if (metric == "collective.bus_bytes_per_s") return made_of(metric, {"collective.algorithm_bytes_per_s"});
    const auto hours = [this] { return metric_node(view_, "cost.gpu_hours"); };
    return explain_cost(view_, {hours, [](bool) { return ExplainNode(); }}, metric);
  }
  void write_text(std::ostream& out) const override {
    write_entries(out, "Operations of a call, with nothing else on the links", outcome_.entries);
  }
  void write_json(Json& report) const override { report["operations"] = entries_json(outcome_.entries); }

 private:
  [[nodiscard]] ExplainNode alone() const {
    ExplainNode node = metric_node(view_, "collective.alone_s");
    node.parts.push_back(entries_node("operations with nothing else on the links, mean over GPUs", outcome_.entries,
                                      view_.scenario().cluster, [](const CostedEntry&) { return true; }));
    return node;
  }
  [[nodiscard]] ExplainNode made_of(const std::string& metric, std::initializer_list<const char*> parts) const {
    ExplainNode node = metric_node(view_, metric);
    for (const char* part : parts) node.parts.push_back(metric_node(view_, part));
    return node;
  }

  JobView view_;
  const CollectiveOutcome& outcome_;
};

/// The buffer, or what a receiver takes.
std::vector<MemoryStack> buffer_stacks(const JobResult& result) {
  const auto& outcome = dynamic_cast<const CollectiveOutcome&>(result);
  Bytes buffer;
  for (const sim::CollectiveEntry& entry : outcome.plan.collectives) buffer = max(buffer, entry.bytes);
  for (const sim::TransferEntry& entry : outcome.plan.transfers) {
    buffer = max(buffer, entry.bytes * std::max(1.0, outcome.bus_factor));
  }
  MemoryStack stack;
  stack.name = "GPU";
  stack.parts.push_back({"buffer", buffer.value(), sim::MemoryKind::workspace, "collective.bytes"});
  stack.peak = buffer.value();
  stack.capacity = outcome.memory.value();
  stack.missing = std::max(0.0, stack.peak - stack.capacity);
  return {stack};
}

SweepTable calls_sweep_table() {
  return {{{"time", "collective.time_s", 12},
           {"bus bandwidth", "collective.bus_bytes_per_s", 15},
           {"time / alone", "collective.slowdown", 12}},
          "collective.bus_bytes_per_s",
          "cost.usd"};
}

std::vector<KeyFigure> calls_key_figures(const JobResult&) {
  return {{"collective.time_s", "time of a call", "alone", "collective.alone_s"},
          {"collective.bus_bytes_per_s", "bus bandwidth", "algorithm", "collective.algorithm_bytes_per_s"},
          {"collective.slowdown", "time / alone", "calls", "collective.calls"},
          {"cost.usd", "cost", "GPU hours", "cost.gpu_hours"}};
}

KindRow make_collective_row() {
  KindRow row;
  row.name = "collective";
  row.title = "Collective";
  row.equation =
      "one operation among GPUs that do nothing else, again and again: its time beside what shares its links";
  row.source = "models/communication/communication.hpp";
  row.has_model = false;
  row.read = read_collective;
  row.check = check_collective;
  row.inputs = [](const JobSpec&) { return std::vector<std::string>(); };
  row.scenario_template = collective_template;
  row.fields = collective_fields;
  row.help = collective_help;
  row.effective_value = collective_value;
  row.run = run_collective;
  row.share = share_collective;
  row.gpus = [](const JobSpec& spec) { return models::members_of(dynamic_cast<const CollectiveSpec&>(spec).job); };
  row.occupied = collective_gpu_numbers;
  row.groups = [](const JobSpec& spec) { return models::groups_of(dynamic_cast<const CollectiveSpec&>(spec).job); };
  row.metrics = collective_metric_rows;
  row.part_metrics = []() -> const std::vector<PartMetricRow>& {
    static const std::vector<PartMetricRow> none;
    return none;
  };
  row.evaluate = collective_values;
  row.findings = [](const JobView&, std::vector<Finding>&) {};
  row.notes = add_calls_notes;
  row.setting_json = write_calls_setting_json;
  row.figures_json = write_calls_json;
  row.setting_text = write_calls_setting;
  row.figures_text = write_calls;
  row.trace = [](const JobView&, const sim::Timeline& timeline, std::ostream& out) { sim::write_trace(timeline, out); };
  row.plan = [](const JobView& view) { return sim::to_text(result_of<CollectiveOutcome>(view).plan); };
  row.explain = [](const JobView& view) -> std::unique_ptr<JobExplanation> {
    return std::make_unique<CallsExplanation>(view);
  };
  row.take_timeline = [](JobResult& result) { return std::move(dynamic_cast<CollectiveOutcome&>(result).timeline); };
  row.memory = buffer_stacks;
  row.key_figures = calls_key_figures;
  row.headline = {"collective.time_s", "call", ""};
  row.sweep_table = calls_sweep_table;
  row.promises = [](const JobSpec&) { return false; };
  return row;
}

}  // namespace

const KindRow& collective_kind() {
  static const KindRow row = make_collective_row();
  return row;
}

}  // namespace orrery::scenarios
