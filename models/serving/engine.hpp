// A serving engine: one replica's loop of deciding, running and finishing steps.
//
// The loop is vLLM's (vllm/v1/engine/core.py, step and step_with_batch_queue): up to `depth` steps are in flight; while
// there is room the next one is decided, else the oldest is waited for and its tokens are emitted. Depth is 1; 2 with
// asynchronous scheduling, where a step is decided while the one before runs, so that a request that arrives during a
// step is seen one step later; the number of pipeline stages with pipeline parallelism, where a sequence whose token
// is in flight waits for it (no placeholders).
//   step k starts at its stage when the stage is free, the stage before has ended, and the host has prepared it
// A token's time is when the loop sees its step's end.
//
// Runs of identical decode steps are one event: as long as the scheduler says that it would decide the same again,
// blocks suffice, and nothing from outside can reach the engine, the loop is followed without coming back to the queue.
// The times are the same to the picosecond; a test compares.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "models/serving/pace.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/serving.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/tally.hpp"
#include "sim/simulator.hpp"

namespace orrery::models {

class Engine final : public sim::Resource {
 public:
  /// What surrounds an engine; all of it outlives the engine.
  struct Surroundings {
    sim::Simulator& simulator;
    StepModel& steps;
    Tally& tally;
    Pace& pace;
    /// A request has been answered in full.
    std::function<void(const Request&, sim::SimTime)> ended;
    /// Until when nothing from outside can reach the engine.
    std::function<sim::SimTime()> horizon;
  };

  /// `job` is resolved. `replica` numbers the engine in records.
  Engine(const ServingJob& job, std::int64_t blocks, bool coalesce, std::uint32_t replica, Surroundings around);

  /// Puts a request into the scheduler's queue now, or refuses it for good (false): longer than the model or the whole
  /// cache allows.
  bool submit(Request request);

  [[nodiscard]] ReplicaView view() const;
  /// Requests that have not been answered.
  [[nodiscard]] std::size_t live() const { return live_; }

  /// Takes the engine off the clock.
  void leave() { around_.simulator.remove(id_); }

  /// Adds up the use of blocks until `now` and reports it.
  void finish(sim::SimTime now);

  void fire(sim::SimTime now) override;

 private:
  /// A step on its way.
  struct Flight {
    Batch batch;
    StepShape shape;
    sim::SimTime end = 0;
  };

  void see_arrivals(sim::SimTime now);
  [[nodiscard]] bool decide(sim::SimTime now);
  void dispatch(Flight& flight, sim::SimTime now);
  void complete(sim::SimTime now);
  void emit(const Batch& batch, sim::SimTime now);
  void end(SequenceIndex index, sim::SimTime now);
  void recycle(SequenceIndex index);
  [[nodiscard]] StepShape shape_of(const Batch& batch) const;
  [[nodiscard]] bool may_run_ahead() const;
  void run_ahead();
  void integrate(sim::SimTime now);
  void account(sim::SimTime now);
  void keep(const Flight& flight, sim::SimTime start, sim::SimTime end, std::size_t stage, std::int64_t repeats);
  void sleep_until(sim::SimTime time);

  ServingConfig config_;
  bool coalesce_;
  std::uint32_t replica_;
  Surroundings around_;
  sim::ResourceId id_;
  std::unique_ptr<Scheduler> scheduler_;
  KvCache cache_;
  std::vector<Sequence> sequences_;
  std::vector<SequenceIndex> free_sequences_;
  std::vector<SequenceIndex> arrived_;  ///< since the loop last looked
  std::deque<SequenceIndex> waiting_;
  std::vector<SequenceIndex> running_;
  SchedulerView view_;
  std::size_t depth_;
  std::deque<Flight> flights_;  ///< oldest first
  std::vector<Flight> spare_;   ///< their lists keep their memory
  std::vector<sim::SimTime> stage_free_;
  sim::SimTime host_free_ = 0;
  std::size_t live_ = 0;
  // Use of the KV cache: blocks × picoseconds up to accounted_.
  TimeSum block_time_ = 0;
  sim::SimTime accounted_ = 0;
  std::int64_t used_ = 0, peak_ = 0;
};

}  // namespace orrery::models
