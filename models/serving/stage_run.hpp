// The steps of an engine whose links others share, or whose GPUs slow down: stage by stage, each an Operation of the
// World.
//
//   step k starts at its stage when the stage is free, the stage before has ended, and the host has prepared it
//   at a stage   kernels/speed + collectives, then the message to the next stage
//
// Ends as an engine alone foresees them, to the picosecond, where no link fills and no GPU is slow. The speed is that
// of the slowest GPU of the stage's tensor-parallel group; what is left of the kernels of a step that is on its way
// when it changes is stretched.
//
// Limitation: where the host's launches take longer than the kernels, a slow GPU stretches them too.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "models/serving/iteration_links.hpp"
#include "models/serving/step_model.hpp"
#include "sim/network/world.hpp"

namespace orrery::models {

class StageRun final : private sim::Completion {
 public:
  class Owner {
   public:
    /// Step `step` was at `stage` from `start` to now.
    virtual void stage_ended(std::uint64_t step, std::size_t stage, sim::SimTime start, sim::SimTime now) = 0;
    /// The step at a stage never ends: `link`, which it loads, is down.
    virtual void stage_lost(LinkId link) = 0;

   protected:
    ~Owner() = default;
  };

  /// All outlive it.
  StageRun(sim::World& world, StepModel& steps, IterationLinks& links, Owner& owner);
  StageRun(const StageRun&) = delete;
  StageRun& operator=(const StageRun&) = delete;

  /// A step is decided, and goes to the first stage not before `ready`. Steps leave in the order in which they came.
  void enter(std::uint64_t step, const StepShape& shape, sim::SimTime ready);
  /// Kernels of the stage run at `speed` > 0 of their rate from now on.
  void set_speed(std::size_t stage, double speed);

  /// Takes its steps off the World; nobody is told.
  void leave();

  /// How much longer than alone the steps took because of a link, by stage.
  struct HeldUpStage {
    std::size_t stage = 0;
    LinkId link;
    sim::SimTime delay = 0;
  };
  [[nodiscard]] const std::vector<HeldUpStage>& held_up() const { return held_up_; }

 private:
  struct Step {
    std::uint64_t number = 0;
    StepShape shape;
    sim::SimTime ready = 0;
  };
  /// Of a LinkPart, within what the stage takes in all.
  struct Part {
    sim::SimTime time = 0, work = 0;
  };
  struct Stage {
    std::deque<Step> waiting;  ///< for the stage, the first to come first
    bool busy = false;
    Step step;                            ///< that is at it
    sim::SimTime start = 0, kernels = 0;  ///< of them, from the start on
    Part collectives, message;            ///< after them
    bool sends = false;                   ///< its message is on the way
    sim::OperationId operation;
    double speed = 1.0;
  };

  void begin_next(std::size_t stage);
  [[nodiscard]] static Part fit(const LinkPart& part, sim::SimTime most);
  /// What the step at the stage loads.
  [[nodiscard]] const StageLinks& links_of(std::size_t number) {
    return links_.at(stages_[number].step.shape, static_cast<int>(number));
  }
  /// Kernels until `kernels` after the start, then the collectives.
  void start(std::size_t number, const StageLinks& links);
  void completed(std::uint64_t tag, sim::SimTime now, const sim::HeldUp& held_up) override;
  void lost(std::uint64_t, sim::SimTime, LinkId link) override { owner_.stage_lost(link); }

  sim::World& world_;
  StepModel& steps_;
  IterationLinks& links_;
  Owner& owner_;
  std::vector<Stage> stages_;
  std::vector<HeldUpStage> held_up_;
};

}  // namespace orrery::models
