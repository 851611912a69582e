// One Plan on a World's clock; any number at once.
//
// A stream takes its steps in order, and a call in one go where nothing can come between (whole_calls.hpp). Instant
// steps happen where the stream stands; a timed step that is alone, or whose last participant has just come, begins;
// streams that wait for others stand in a list of the event or meeting and cost nothing. Kernels and copies are events
// of the clock; collectives and transfers are Operations of the World where Loads says what links they use.
//
// Agrees with evaluate() to the picosecond where nothing shares links: same steps, same meetings, same recorder.
//
// A rank may run slower for a time (set_speed): kernels and copies of it that are on their way are stretched by what is
// left of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/network/world.hpp"
#include "sim/plan/durations.hpp"
#include "sim/plan/evaluation_builder.hpp"
#include "sim/plan/gpu_shares.hpp"
#include "sim/plan/held_up.hpp"
#include "sim/plan/loads.hpp"
#include "sim/plan/runnable.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

class PlanRun {
 public:
  /// All arguments must outlive the run. Throws std::invalid_argument if durations or loads are not of this plan.
  /// `sets`: the unions that an EvaluationBuilder of start() was made for.
  PlanRun(World& world, const RunnablePlan& plan, const Durations& durations, const Loads& loads,
          std::span<const ActivitySet> sets = {}, const RunControl& control = {});
  ~PlanRun();
  PlanRun(const PlanRun&) = delete;
  PlanRun& operator=(const PlanRun&) = delete;

  /// Begins at `at` ≥ now; `ended` is told the time of the last step's end. Once it has ended it may start again.
  /// `out`: nullptr, or told of every step, with times counted from `at`.
  void start(SimTime at, std::function<void(SimTime)> ended, EvaluationBuilder* out = nullptr);
  /// Takes it off the clock and the links; nobody is told. It may start again.
  void stop();
  /// Of a rank whose speed may change, before the start: its calls go step by step.
  void step_by_step(RankId rank);
  /// Collectives take their parts of the GPUs from the kernels beside them (gpu_shares.hpp), before the start: all
  /// calls go step by step. `shares` must outlive the run. Throws std::invalid_argument if they are not of this plan.
  void share_gpus(const GpuShares& shares);
  /// Who is told, in place of LinkDown, of a link that is down and that an operation of the plan comes to load: it
  /// never completes. May not stop() the run itself.
  void on_lost(std::function<void(LinkId)> lost);
  /// From now on the rank's kernels and copies take 1/speed of their durations. > 0. Throws std::logic_error while the
  /// rank is in a call that it takes in one go.
  void set_speed(RankId rank, double speed);

  /// The run that ended last counts `times` times more: what was held up in it.
  void count_again(std::uint64_t times);
  /// What was held up so far, by entry.
  [[nodiscard]] std::vector<HeldUpEntry> held_up() const;
  /// The same without a run that is under way.
  [[nodiscard]] std::vector<HeldUpEntry> held_up_in_ended() const;

 private:
  class Walker;
  std::unique_ptr<Walker> walker_;
};

/// The whole plan on a World of its own without links, step by step: evaluate() by other means.
[[nodiscard]] Timeline run_alone(const RunnablePlan& plan, const Durations& durations, const RunControl& control = {});

}  // namespace orrery::sim
