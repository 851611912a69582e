// Runs a Plan without a clock: matches the steps that happen together and visits all steps in an order
// in which everything a step waits for comes first.
//
// Checking, freezing and static evaluation are three visitors of this one walk, so that they can't
// disagree about what waits for what. The order is breadth-first over the streams (each advances by one
// timed operation in turn): measured 1.5 times faster to evaluate than depth-first, because neighbours
// in the order are independent.
//
// Cost: linear in the number of steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// Which steps happen together. A meeting is one collective of all members, one send with its recv, or one call on all
/// the lanes of its block.
struct PlanLinks {
  static constexpr std::uint32_t kNone = 0xffffffffu;

  std::vector<std::size_t> first_step;      ///< of stream s in the concatenation of all streams; one more at the end
  std::vector<std::uint32_t> meeting;       ///< of each step in the concatenation; kNone where it is alone
  std::vector<std::uint32_t> meeting_size;  ///< streams that take part

  [[nodiscard]] std::uint32_t meeting_of(std::size_t stream, std::size_t step) const {
    return meeting[first_step[stream] + step];
  }
};

/// REQUIRES that all indices of the plan are in range. Unequal counts give meetings that never fill.
[[nodiscard]] PlanLinks link(const Plan& plan, Pacer& pacer);

/// Where an unfinished walk stands: each stream's first step that could not be done.
struct WalkState {
  std::vector<std::size_t> position;
  std::vector<std::uint32_t> arrivals;  ///< per meeting
  std::vector<std::uint8_t> recorded;   ///< per event

  [[nodiscard]] bool finished(const Plan& plan) const {
    for (std::size_t s = 0; s < plan.streams.size(); ++s) {
      if (position[s] < plan.streams[s].steps.size()) return false;
    }
    return true;
  }
};

/// Visits every step that can be done. Visitor:
///   alone(stream, position, step)          launch, copy, a collective without other members in the plan, a call of a
///                                          block with one part
///   meet(streams, positions, step)         all streams of a meeting, in order of arrival
///   instant(stream, position, step)        record, alloc, free, mark; wait, once its event is recorded
template <class Visitor>
class PlanWalk {
 public:
  PlanWalk(const Plan& plan, const PlanLinks& links, Visitor& visitor, Pacer& pacer)
      : plan_(plan), links_(links), visitor_(visitor), pacer_(pacer) {
    state_.position.assign(plan.streams.size(), 0);
    state_.arrivals.assign(links.meeting_size.size(), 0);
    state_.recorded.assign(plan.events, 0);
    meeting_waiters_.assign(links.meeting_size.size(), {});
    event_waiter_.assign(plan.events, PlanLinks::kNone);
    next_waiter_.assign(plan.streams.size(), PlanLinks::kNone);
  }

  /// Walks as far as it goes and returns where each stream stands.
  WalkState run() {
    std::vector<std::uint32_t> turn;
    for (std::uint32_t s = 0; s < plan_.streams.size(); ++s) ready_.push_back(s);
    while (!ready_.empty()) {
      turn.swap(ready_);
      ready_.clear();
      for (const std::uint32_t stream : turn) advance(stream);
      pacer_.add(turn.size());
    }
    return std::move(state_);
  }

 private:
  struct Waiters {
    std::uint32_t first = PlanLinks::kNone;
    std::uint32_t last = PlanLinks::kNone;
  };

  /// Instant steps and one timed operation of a stream.
  void advance(std::uint32_t stream) {
    const std::vector<Step>& steps = plan_.streams[stream].steps;
    std::size_t& position = state_.position[stream];
    while (position < steps.size()) {
      const Step step = steps[position];
      switch (step.kind) {
        case StepKind::launch:
        case StepKind::copy:
          finish_alone(stream, step);
          return;
        case StepKind::collective:
        case StepKind::send:
        case StepKind::recv:
        case StepKind::call:
          arrive(stream, step);
          return;
        case StepKind::wait:
          if (state_.recorded[step.index] == 0) {
            next_waiter_[stream] = event_waiter_[step.index];
            event_waiter_[step.index] = stream;
            return;
          }
          break;
        case StepKind::record:
          wake(step.index);
          break;
        case StepKind::alloc:
        case StepKind::free:
        case StepKind::mark:
          break;
      }
      visitor_.instant(stream, position, step);
      ++position;
    }
  }

  void finish_alone(std::uint32_t stream, Step step) {
    visitor_.alone(stream, state_.position[stream], step);
    ++state_.position[stream];
    ready_.push_back(stream);
  }

  void arrive(std::uint32_t stream, Step step) {
    const std::uint32_t meeting = links_.meeting_of(stream, state_.position[stream]);
    if (meeting == PlanLinks::kNone) {
      finish_alone(stream, step);
      return;
    }
    Waiters& waiters = meeting_waiters_[meeting];
    next_waiter_[stream] = PlanLinks::kNone;
    (waiters.first == PlanLinks::kNone ? waiters.first : next_waiter_[waiters.last]) = stream;
    waiters.last = stream;
    if (++state_.arrivals[meeting] < links_.meeting_size[meeting]) return;
    streams_.clear();
    positions_.clear();
    for (std::uint32_t s = waiters.first; s != PlanLinks::kNone; s = next_waiter_[s]) {
      streams_.push_back(s);
      positions_.push_back(state_.position[s]);
    }
    visitor_.meet(streams_, positions_, step);
    for (const std::uint32_t s : streams_) {
      ++state_.position[s];
      ready_.push_back(s);
    }
  }

  void wake(std::uint32_t event) {
    state_.recorded[event] = 1;
    for (std::uint32_t s = event_waiter_[event]; s != PlanLinks::kNone; s = next_waiter_[s]) ready_.push_back(s);
    event_waiter_[event] = PlanLinks::kNone;
  }

  const Plan& plan_;
  const PlanLinks& links_;
  Visitor& visitor_;
  Pacer& pacer_;
  WalkState state_;
  std::vector<Waiters> meeting_waiters_;
  std::vector<std::uint32_t> event_waiter_;  ///< head of the list of streams that wait for an event
  std::vector<std::uint32_t> next_waiter_;   ///< per stream; a stream waits in one list at most
  std::vector<std::uint32_t> ready_;
  std::vector<std::uint32_t> streams_;
  std::vector<std::size_t> positions_;
};

template <class Visitor>
WalkState walk(const Plan& plan, const PlanLinks& links, Visitor& visitor, Pacer& pacer) {
  return PlanWalk<Visitor>(plan, links, visitor, pacer).run();
}

}  // namespace orrery::sim
