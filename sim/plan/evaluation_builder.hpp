// Puts an Evaluation together while a plan is evaluated or runs on a clock. Shared by evaluate() and PlanRun, so that
// they can only differ in times.
//
// With a timeline every span is written down and the figures are read off it; without one the figures are added up, and
// a call adds what its block adds up to (block_run.hpp). Both give the same figures.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/network/link_spans.hpp"
#include "sim/plan/block_run.hpp"
#include "sim/plan/busy.hpp"
#include "sim/plan/memory.hpp"
#include "sim/plan/recorder.hpp"
#include "sim/plan/runnable.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::sim {

/// What a plan did with its time and memory.
struct Evaluation {
  SimTime makespan = 0;
  std::vector<BusyTimes> busy;  ///< by rank
  MemoryLedger memory{0};
  Timeline timeline;  ///< empty where not asked for
  /// Links that may be asked for more than they have (network/link_spans.hpp); if there are any these are not the
  /// times, and no other figures are given.
  std::vector<std::uint32_t> filled_links;
  std::vector<LinkUsage> links;  ///< by link; empty without loads
};

class EvaluationBuilder {
 public:
  /// `plan`, `sets` (unions of BusyTimes) and `pacer` must outlive the builder.
  EvaluationBuilder(const RunnablePlan& plan, std::span<const ActivitySet> sets, bool timeline, Pacer& pacer);

  // Times count from the start of the run.

  /// Spans of one stream come in order of start.
  void span(std::uint32_t stream, SimTime start, SimTime end, const StepPrice& price);
  /// Told after the span that it is about.
  void held_up(std::uint32_t stream, LinkId link, SimTime delay) {
    if (recorder_) recorder_->held_up(stream, link, delay);
  }
  /// Told of a stream's alloc and free steps in their order.
  void memory(std::uint32_t stream, SimTime time, Step step);
  /// Told when the stream reaches the mark: after the spans before it, before those behind it.
  void mark(std::uint32_t stream, Step step) {
    if (recorder_) recorder_->mark(stream, step);
  }
  /// A call of `block` whose part 0 was free at `reference`; `streams` by part. `run` must live until take().
  void call(std::uint32_t block, const BlockRun& run, SimTime reference, std::span<const std::uint32_t> streams);

  /// The figures of all that was told, and the timeline if it was asked for. Nothing is left here.
  [[nodiscard]] Evaluation take(SimTime makespan, const RunControl& control);

 private:
  void write_spans(const BlockRun& run, SimTime reference, std::span<const std::uint32_t> streams);
  void add_busy(const BlockRun& run, SimTime reference, std::size_t rank);

  const RunnablePlan& runnable_;
  const Plan& plan_;
  std::span<const ActivitySet> sets_;
  std::optional<TimelineRecorder> recorder_;
  std::vector<BusyTimes> busy_;
  std::vector<UnionLength> unions_;  ///< by rank, then set
  MemoryLedger ledger_;
  bool in_order_;  ///< memory goes straight into the ledger
  std::vector<MemoryChange> changes_;
};

/// `by` after `reference`, which is before it where `by` < 0.
[[nodiscard]] inline SimTime moved(SimTime reference, std::int64_t by) {
  return by >= 0 ? checked_add(reference, static_cast<SimTime>(by)) : reference - static_cast<SimTime>(-by);
}

}  // namespace orrery::sim
