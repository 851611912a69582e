// A plan as a straight program: for many evaluations of one plan with other durations, and for its end alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/plan/durations.hpp"
#include "sim/plan/runnable.hpp"

namespace orrery::sim {

/// A plan laid out for evaluation: a straight program over a few registers that hold times.
///
///   register[target] = max(register[first], register[second]) + duration
///
/// in topological order. record, wait, alloc, free and mark are compiled away: they only say which
/// registers an operation reads. A call of a block is
///
///   end(lane i) = max over the lanes j that it depends on of (free(lane j) + longest(j, i))
///
/// where longest(j, i), the longest path through the block, is worked out once per set of durations. Registers are
/// reused as soon as no later step needs their time, so that a pass reads 8 bytes per operation in sequence (16 with
/// more than 65,536 registers or table entries) and keeps the rest in cache. Reusable for any number of Durations.
class FrozenPlan {
 public:
  /// The plan is asked for nothing afterwards but its blocks: it must outlive this.
  explicit FrozenPlan(const RunnablePlan& plan);

  /// Time at which the last step ends. No allocation after the first call with the same scratch.
  /// Throws TimeOverflow, and std::invalid_argument if the durations are not of this plan.
  [[nodiscard]] SimTime makespan(const Durations& durations, std::vector<SimTime>& scratch) const;

  /// Makespans of many sets of durations, eight per pass over the program. The same numbers as makespan():
  /// a pass counts picoseconds in doubles, which are exact below 2^53 (2.5 hours), and a set that ends
  /// later is evaluated again in integers.
  [[nodiscard]] std::vector<SimTime> makespans(const std::vector<Durations>& durations) const;

  /// Operations that one pass evaluates: launches, copies, collectives (one for all its members), transfers (one for
  /// send and recv together) and calls.
  [[nodiscard]] std::size_t step_count() const { return operations_; }

  /// Instructions of a pass: the operations, and the joins of streams where more than two times meet.
  [[nodiscard]] std::size_t instruction_count() const { return narrow_.size() + wide_.size(); }

 private:
  class Compiler;
  template <class Index>
  struct Instruction {
    Index target = 0;
    Index first = 0;
    Index second = 0;
    Index duration = 0;  ///< into the concatenated tables; 0 takes no time
  };
  /// The longest paths of a block on GPUs of a class; path (j, i) is table entry first + j·parts + i.
  struct BlockPaths {
    std::uint32_t block = 0, gpu_class = 0;
    std::size_t first = 0;
  };
  struct Scratch {
    std::vector<std::int64_t> lanes, events;
  };
  template <class Time>
  void load_durations(const Durations& durations, Time* table, std::size_t stride, Scratch& scratch) const;
  template <class Time>
  void load_paths(const BlockPaths& paths, const Durations& durations, Time* table, std::size_t stride,
                  Scratch& scratch) const;
  [[nodiscard]] std::size_t duration_count() const { return duration_count_; }

  // One of the two programs is empty.
  std::vector<Instruction<std::uint16_t>> narrow_;
  std::vector<Instruction<std::uint32_t>> wide_;
  std::vector<std::uint32_t> results_;  ///< registers that hold the ends of the streams
  std::uint32_t registers_ = 1;         ///< register 0 holds the start, time 0
  std::size_t operations_ = 0;
  std::size_t duration_count_ = 1;
  std::vector<BlockPaths> paths_;
  const RunnablePlan* plan_;
};

}  // namespace orrery::sim
