// The kinds of job that a scenario can hold: one row each.
//
// A row says how a job of that kind is read and checked, how it runs, and what is said of it in every form: metrics,
// findings, JSON, text, trace, explanation, menus. Nothing else asks what kind a job is. A new kind is a folder beside
// training/ and serving/ that fills such a row, and its line in kinds.cpp.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hardware/config/config.hpp"
#include "kernels/kernel.hpp"
#include "models/training/training.hpp"
#include "models/world_job.hpp"
#include "scenarios/job.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/provenance.hpp"
#include "sim/plan/timeline.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

using Json = nlohmann::ordered_json;

class JobExplanation;
class SharedJob;
struct Surroundings;
struct Console;
struct Field;
struct FieldHelp;
struct Finding;
struct JobView;
struct Keep;
struct MemoryStack;
struct ValidateRequest;
struct Validation;

/// What a section is read from.
struct JobSource {
  const hardware::ConfigNode& node;  ///< the section, as `training:`
  std::string folder;                ///< where relative paths start
  models::Llm llm;
  hardware::Cluster cluster;
  std::uint64_t seed = 1;
  PlacementConfig placement;
  std::string* skipped;  ///< receives why the scenario can't be run here
  hardware::Diagnostics* diagnostics;
};

struct JobRun {
  std::shared_ptr<JobResult> result;
  std::vector<Provenance> provenance;
};

/// What happens around a job on a World.
struct Surroundings {
  const std::vector<models::Disturbance>& disturbances;
  const hardware::Topology* topology;  ///< nullptr where nothing leaves a node
  const Keep& keep;
  const sim::RunControl& control;
};

/// A job on its way through a World.
class SharedJob {
 public:
  virtual ~SharedJob() = default;
  [[nodiscard]] virtual models::WorldJob& job() = 0;
  /// What it leaves once the World has stopped.
  [[nodiscard]] virtual JobRun finish(const models::WorldOutcome& outcome) = 0;
};

/// A line of large figures: a metric, and a second one as a note beside it.
struct KeyFigure {
  std::string_view metric;
  std::string_view title;
  std::string_view note;         ///< text before the second metric
  std::string_view note_metric;  ///< empty: none
};

/// The one figure that tells runs of a kind apart in a list.
struct Headline {
  std::string_view metric;  ///< "training.step_time_s"
  std::string_view title;   ///< "step"
  std::string_view absent;  ///< what a run without it is called: "nothing served"
};

/// How a sweep shows its points.
struct SweepColumn {
  std::string_view heading, metric;
  int width = 12;
};
struct SweepTable {
  std::vector<SweepColumn> columns;
  std::string_view speed;  ///< the metric that the best point has most of …
  std::string_view price;  ///< … or least, where points take GPUs of unlike price or number
};

/// Another name of a key of a section.
struct OtherName {
  std::string_view name;      ///< "tensor_parallel_size"
  std::string_view key;       ///< "tensor_parallel"
  std::string_view equation;  ///< in one line, what it stands for
  std::string_view source;    ///< whose name it is
};

struct KindRow {
  std::string_view name;      ///< "training": its section, and the first part of its metrics
  std::string_view title;     ///< "Training"
  std::string_view equation;  ///< in one line, what a run of it is
  std::string_view source;    ///< where that is described
  bool has_model = true;      ///< a job of it needs `model:`; else it may have none

  // Reading. Each reports through the source's diagnostics, or returns errors of keys as "training.micro_batch_size".
  std::shared_ptr<const JobSpec> (*read)(const JobSource& source) = nullptr;
  std::vector<models::JobError> (*check)(const JobSpec& spec) = nullptr;
  std::vector<std::string> (*inputs)(const JobSpec& spec) = nullptr;  ///< files that a run of it reads

  // Its keys as data.
  std::string_view (*scenario_template)() = nullptr;         ///< what `orrery new` prints
  std::vector<Field> (*fields)() = nullptr;                  ///< of the section, with defaults
  const std::vector<FieldHelp>& (*help)() = nullptr;         ///< a sentence on each
  const std::vector<OtherName>& (*other_names)() = nullptr;  ///< nullptr: keys have one name each
  std::string (*effective_value)(const JobView& view, std::string_view key) = nullptr;  ///< see schema.hpp

  // Running.
  JobRun (*run)(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                const sim::RunControl& control) = nullptr;
  /// The same on a World, beside others or where something happens meanwhile.
  std::unique_ptr<SharedJob> (*share)(const JobSpec& spec, const kernels::KernelTimer& timer,
                                      const Surroundings& around) = nullptr;
  int (*gpus)(const JobSpec& spec) = nullptr;  ///< that it occupies
  /// Their numbers in the cluster, in ascending order.
  std::vector<std::uint32_t> (*occupied)(const JobSpec& spec) = nullptr;
  /// The cluster's node groups that they are of, in ascending order.
  std::vector<std::size_t> (*groups)(const JobSpec& spec) = nullptr;

  // Figures.
  const std::vector<MetricRow>& (*metrics)() = nullptr;  ///< all that a run may have, in the order of the report
  const std::vector<PartMetricRow>& (*part_metrics)() = nullptr;  ///< those of its parts
  std::vector<MetricValue> (*evaluate)(const JobSpec& spec, const JobResult& result) = nullptr;
  void (*findings)(const JobView& view, std::vector<Finding>& findings) = nullptr;
  void (*notes)(const JobView& view, std::vector<std::string>& notes) = nullptr;

  // The forms of a report.
  void (*setting_json)(const JobView& view, Json& section) = nullptr;  ///< its section of the resolved scenario
  void (*figures_json)(const JobView& view, Json& report) = nullptr;   ///< what goes before and after the metrics
  void (*setting_text)(std::ostream& out, const JobView& view) = nullptr;
  void (*figures_text)(std::ostream& out, const JobView& view) = nullptr;
  /// A Chrome trace; `timeline` is what take_timeline() gave.
  void (*trace)(const JobView& view, const sim::Timeline& timeline, std::ostream& out) = nullptr;
  /// What its ranks do, as sim::to_text() writes a Plan: what stands for the run; empty: nothing ran. REQUIRES a result
  /// that was made with Keep::timeline.
  std::string (*plan)(const JobView& view) = nullptr;
  /// nullptr: the kind has no requests.
  void (*requests)(const JobView* view, bool partial, std::ostream& out) = nullptr;

  // Where its figures come from.
  std::unique_ptr<JobExplanation> (*explain)(const JobView& view) = nullptr;
  bool explain_keeps_timeline = false;  ///< an explanation needs Keep::timeline
  /// Predictions beside what the run's program logged: as text, and the same as JSON. nullptr: it logs nothing known.
  Json (*compare_log)(const JobView& view, const std::string& path, std::ostream& out) = nullptr;

  // What the window and sweeps show.
  sim::Timeline (*take_timeline)(JobResult& result) =
      nullptr;  ///< what every stream did; may move it out of the result
  std::vector<MemoryStack> (*memory)(const JobResult& result) = nullptr;
  std::vector<KeyFigure> (*key_figures)(const JobResult& result) = nullptr;
  Headline headline;
  SweepTable (*sweep_table)() = nullptr;
  /// It has limits that a share of its requests must hold.
  bool (*promises)(const JobSpec& spec) = nullptr;
  std::string_view promise;  ///< the metric that says how far it does; empty: the kind promises nothing

  /// Predictions beside a table of measurements: `orrery validate`. nullptr: there are no such tables.
  Validation (*validate)(const ValidateRequest& request, Console& console) = nullptr;
};

/// The rows, each defined in the folder of its kind.
[[nodiscard]] const KindRow& training_kind();
[[nodiscard]] const KindRow& serving_kind();
[[nodiscard]] const KindRow& collective_kind();

/// In the order of the report's sections; the first is the default of `orrery new`.
[[nodiscard]] const std::vector<const KindRow*>& kinds();
/// nullptr: there is no kind of that name.
[[nodiscard]] const KindRow* find_kind(std::string_view name);
/// "training, serving", with another word between two names.
[[nodiscard]] std::string kind_names(std::string_view separator = ", ");

}  // namespace orrery::scenarios
