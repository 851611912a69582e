// A Run: what one simulation leaves for the views. Made by a worker, immutable from then on, shared by pointer.
//
// Everything that costs more than a few milliseconds is computed here, away from the window's thread: the report, the
// timeline with its index, the series of the plots, the sources of the figures. Views only draw.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gui/run/serving_series.hpp"
#include "gui/run/timeline_index.hpp"
#include "scenarios/explanation.hpp"
#include "scenarios/report.hpp"
#include "sim/plan/timeline.hpp"
#include "sim/run_control.hpp"

namespace orrery::gui {

/// What to simulate.
struct RunRequest {
  std::uint64_t number = 0;  ///< 1, 2, … in the order in which they were asked for
  std::string text;          ///< of the scenario
  std::string file;          ///< names it in messages; relative paths in the text start at its folder
  std::string change;        ///< what was edited since the run before: "training.tensor_parallel: 8 → 4"
};

struct Run {
  RunRequest request;
  std::uint64_t ordinal = 0;  ///< "#3": counts results, where numbers also count requests that a newer one overtook
  scenarios::Report report;   ///< the timeline of its first job may have moved to `timeline`
  sim::Timeline timeline;     ///< of the first job: its step, or an iteration a span; empty if it was skipped
  TimelineIndex index;        ///< of `timeline`
  ServingSeries series;       ///< empty where nothing serves
  scenarios::Explanation explanation;  ///< of `report`

  Run() = default;
  Run(const Run&) = delete;  // `index` and `explanation` point into the run
  Run& operator=(const Run&) = delete;

  /// It ran a job of that kind, "serving".
  [[nodiscard]] bool has_kind(std::string_view kind) const;
  /// Both ran jobs of the same kinds, so that their figures can be compared.
  [[nodiscard]] bool has_kinds_of(const Run& other) const;
  /// Every job that ran fits its GPUs' memory. If not, it can't run, and no figure of it is better than another's.
  [[nodiscard]] bool fits() const;
  /// "#3 training.tensor_parallel: 8 → 4", for lists of runs.
  [[nodiscard]] std::string label() const;
  /// Rows that it holds (spans, requests, iterations): what its memory grows with.
  [[nodiscard]] std::size_t weight() const;
};

/// The last owner may be the window: a run of ten million spans is then released by a worker.
using RunPtr = std::shared_ptr<const Run>;

/// Reads, runs and prepares. Throws ConfigError (the text is wrong, or the GPU can't compute the job) and
/// sim::Cancelled. Thread-safe. `lowered`: keeps training steps from run to run, so that a change of prices alone, a
/// dragged bandwidth, lowers nothing again.
[[nodiscard]] std::shared_ptr<Run> make_run(RunRequest request, const sim::RunControl& control = {},
                                            const std::shared_ptr<models::LoweredSteps>& lowered = {});

}  // namespace orrery::gui
