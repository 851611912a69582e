// A serving engine: one replica's loop of deciding, running and finishing steps.
//
// The loop is the engine's row's (step_loop.hpp): it decides when the engine decides a step, completes its oldest one
// and sleeps. Whatever the loop,
//   step k starts at its stage when the stage is free, the stage before has ended, and the host has prepared it
// and a token's time is when the loop sees its step's end.
//
// Runs of identical decode steps are one event: as long as the scheduler says that it would decide the same again,
// blocks suffice, and nothing from outside can reach the engine, the loop is followed without coming back to the queue
// (engine_run_ahead.cpp). The times are the same to the picosecond; a test compares.
//
// On links that others load too, and on GPUs that may slow down, nobody knows beforehand when a step ends: each is an
// Operation of the World then (stage_run.hpp), and none runs ahead.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "models/serving/block_usage.hpp"
#include "models/serving/pace.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/stage_run.hpp"
#include "models/serving/step_loop.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/tally.hpp"
#include "sim/network/world.hpp"

namespace orrery::models {

class Engine final : public sim::Resource, private StageRun::Owner {
 public:
  /// What surrounds an engine; all of it outlives the engine.
  struct Surroundings {
    sim::World& world;
    StepModel& steps;
    Tally& tally;
    Pace& pace;
    /// A request has been answered in full.
    std::function<void(const Request&, sim::SimTime)> ended;
    /// Asked after each step whose tokens break the promise for good (Tally::is_missed()); may be empty.
    std::function<void()> missed = {};
    /// When a request may reach the engine next (World::foretell()); nullptr: that isn't known.
    const sim::SimTime* next_request = nullptr;
    /// What its iterations load, where the links are others' too or a GPU may slow down; nullptr: they are its own, and
    /// no step takes any other time than the model says.
    IterationLinks* links = nullptr;
    /// A link that a step loads is down: the engine goes no further.
    std::function<void(LinkId)> lost = {};
  };

  /// `job` is resolved. `replica` numbers the engine in records.
  Engine(const ServingJob& job, std::int64_t blocks, bool coalesce, std::uint32_t replica, Surroundings around);

  /// Puts a request into the scheduler's queue now, or refuses it for good (false): longer than the model or the whole
  /// cache allows.
  bool submit(Request request);

  [[nodiscard]] ReplicaView view() const;
  /// Requests that have not been answered.
  [[nodiscard]] std::size_t live() const { return live_; }

  /// Takes the engine off the clock and the links.
  void leave();

  /// Kernels of a stage take 1/speed of their time from now on. REQUIRES Surroundings::links.
  void set_speed(std::size_t stage, double speed) { stages_->set_speed(stage, speed); }
  /// What held its steps up.
  [[nodiscard]] std::vector<StageRun::HeldUpStage> held_up() const;

  /// Adds up the use of blocks until `now` and reports it.
  void finish(sim::SimTime now);

  void fire(sim::SimTime now) override;

  // For its loop.

  /// Steps that were decided and are not completed.
  [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }
  /// When the oldest of them ends; kNever: that is known once it has. REQUIRES one.
  [[nodiscard]] sim::SimTime oldest_end() const { return flights_.front().end; }
  /// When the host has prepared the step decided last.
  [[nodiscard]] sim::SimTime host_free() const { return host_free_; }
  /// Asks the scheduler for a step and sends it on its way; false if it has none now.
  bool decide(sim::SimTime now);
  /// Emits the tokens of the oldest step and ends what is answered. REQUIRES oldest_end() ≤ now.
  void complete(sim::SimTime now);
  /// The next turn is then, or when the host is free if that is later; kNever: when the oldest step has ended.
  void sleep_until(sim::SimTime time);

 private:
  /// A step on its way.
  struct Flight {
    Batch batch;
    StepShape shape;
    sim::SimTime end = 0;
  };

  [[nodiscard]] SequenceIndex take_sequence(Request request);
  void see_arrivals(sim::SimTime now);
  void dispatch(Flight& flight, sim::SimTime now);
  void run_stages(Flight& flight, sim::SimTime ready);
  void stage_ended(std::uint64_t step, std::size_t stage, sim::SimTime start, sim::SimTime now) override;
  void stage_lost(LinkId link) override { around_.lost(link); }
  void emit(const Batch& batch, sim::SimTime now);
  void end(SequenceIndex index, sim::SimTime now);
  void recycle(SequenceIndex index);
  [[nodiscard]] StepShape shape_of(const Batch& batch) const;
  [[nodiscard]] bool may_run_ahead() const;
  void run_ahead();
  void account(sim::SimTime now) {
    usage_.until(now);
    usage_.set(cache_->used_blocks());
  }
  [[nodiscard]] StepRecord record_of(const Flight& flight, std::int64_t repeats) const;
  void keep(StepRecord record, sim::SimTime start, sim::SimTime end, std::size_t stage);

  ServingConfig config_;
  bool coalesce_;
  std::uint32_t replica_;
  Surroundings around_;
  sim::ResourceId id_;
  std::unique_ptr<StepLoop> loop_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<KvCache> cache_;
  std::vector<Sequence> sequences_;
  std::vector<SequenceIndex> free_sequences_;
  std::vector<SequenceIndex> arrived_;  ///< since the loop last looked
  std::deque<SequenceIndex> waiting_;
  std::vector<SequenceIndex> running_;
  SchedulerView view_;
  std::deque<Flight> flights_;  ///< oldest first
  std::vector<Flight> spare_;   ///< their lists keep their memory
  std::vector<sim::SimTime> stage_free_;
  std::optional<StageRun> stages_;  ///< on shared links
  std::uint64_t completed_ = 0;     ///< steps: the number of the oldest in flight
  std::deque<StepRecord> records_;  ///< of the steps in flight as they were decided: on shared links, with a timeline
  sim::SimTime host_free_ = 0;
  std::size_t live_ = 0;
  BlockUsage usage_;
};

}  // namespace orrery::models
