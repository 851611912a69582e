// Giving times to a Plan whose operations share nothing.
//
//   end(step) = max(end of what it waits for) + duration
//
// One pass over the plan's steps in an order in which everything a step waits for comes first; a call is one step of
// the pass (block_run.hpp). Exact where durations and the order within each stream are fixed beforehand; where links
// are shared, PlanRun takes the plan through a World.
#pragma once

#include <span>
#include <vector>

#include "sim/plan/durations.hpp"
#include "sim/plan/evaluation_builder.hpp"
#include "sim/plan/loads.hpp"
#include "sim/plan/runnable.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::sim {

struct EvaluateOptions {
  bool timeline = true;                    ///< a span per timed step, marks and memory samples
  std::span<const ActivitySet> busy = {};  ///< unions of BusyTimes
  /// What operations put on links of these capacities; none: nobody asks whether they share any.
  const Loads* loads = nullptr;
  std::span<const BytesPerSecond> capacities = {};
};

/// Throws std::invalid_argument if the durations are not of this plan, and TimeOverflow.
[[nodiscard]] Evaluation evaluate(const RunnablePlan& plan, const Durations& durations, const EvaluateOptions& options,
                                  const RunControl& control = {});

/// The timeline alone.
[[nodiscard]] Timeline evaluate(const RunnablePlan& plan, const Durations& durations, const RunControl& control = {});

}  // namespace orrery::sim
