// How an engine takes turns: what it does when it wakes, and until when it sleeps then.
#pragma once

#include <cstddef>
#include <memory>

#include "sim/clock.hpp"

namespace orrery::models {

class Engine;

class StepLoop {
 public:
  virtual ~StepLoop() = default;

  /// One turn of the loop, at `now`: may have the engine complete its oldest step, decide others, and sleep. An engine
  /// that is not told to sleep wakes when a request reaches it while it is idle, or when its oldest step ends.
  virtual void turn(Engine& engine, sim::SimTime now) = 0;

  /// Steps in flight while it decides the same step again and again: each time the oldest has ended, one is decided.
  /// Engines of one stage run ahead by that rule where these are one or two; 0: they never do.
  [[nodiscard]] virtual std::size_t depth() const = 0;

 protected:
  StepLoop() = default;
  StepLoop(const StepLoop&) = default;
  StepLoop& operator=(const StepLoop&) = default;
};

/// Up to `depth` steps in flight: while there is room the next one is decided, else the oldest is waited for and its
/// tokens are emitted. Source: vllm/v1/engine/core.py, step (depth 1) and step_with_batch_queue.
[[nodiscard]] std::unique_ptr<StepLoop> batch_queue_loop(std::size_t depth);

}  // namespace orrery::models
