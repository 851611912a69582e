// Giving times to a Plan: the static evaluator and the event-driven interpreter.
//
// evaluate() is a longest-path pass over the frozen plan in topological order: exact where durations and
// the order within each stream are fixed beforehand. interpret() replays the plan through the event queue
// and is exact also where a fabric shares links between transfers. On uncontended plans they agree to the
// picosecond.
#pragma once

#include <functional>
#include <vector>

#include "sim/clock.hpp"
#include "sim/network.hpp"
#include "sim/plan.hpp"
#include "sim/timeline.hpp"

namespace orrery::sim {

/// The duration of every table entry of a plan, in the plan's order.
struct Durations {
  std::vector<SimTime> kernels;  ///< of all `repeat` runs together
  std::vector<SimTime> collectives;
  std::vector<SimTime> transfers;
  std::vector<SimTime> copies;
};

/// What evaluating asks of the outside.
struct Pricing {
  std::function<Seconds(const KernelEntry&)> kernel;  ///< one run, launch gap included
  std::function<Seconds(const CollectiveEntry&, const Group&)> collective;
  std::function<Seconds(const TransferEntry&)> transfer;
  std::function<Seconds(const CopyEntry&)> copy;
};

/// Prices each table entry once. Throws TimeOverflow.
[[nodiscard]] Durations price(const Plan& plan, const Pricing& pricing, const RunControl& control = {});

/// A plan laid out for evaluation: a straight program over a few registers that hold times.
///
///   register[target] = max(register[first], register[second]) + duration
///
/// in topological order. record, wait, alloc, free and mark are compiled away: they only say which
/// registers an operation reads. Registers are reused as soon as no later step needs their time, so that a
/// pass reads 8 bytes per operation in sequence (16 with more than 65,536 registers or table entries) and
/// keeps the rest in cache.
/// Reusable for any number of Durations. Throws std::invalid_argument on a plan that check() refuses.
class FrozenPlan {
 public:
  explicit FrozenPlan(const Plan& plan);

  /// Time at which the last step ends. No allocation after the first call with the same scratch.
  /// Throws TimeOverflow, and std::invalid_argument if the durations are not of this plan.
  [[nodiscard]] SimTime makespan(const Durations& durations, std::vector<SimTime>& scratch) const;

  /// Makespans of many sets of durations, eight per pass over the program. The same numbers as makespan():
  /// a pass counts picoseconds in doubles, which are exact below 2^53 (2.5 hours), and a set that ends
  /// later is evaluated again in integers.
  [[nodiscard]] std::vector<SimTime> makespans(const std::vector<Durations>& durations) const;

  /// Timed operations that one pass evaluates: launches, copies, collectives (one for all its members) and
  /// transfers (one for send and recv together).
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
  struct TableSizes {
    std::size_t kernels = 0, collectives = 0, transfers = 0, copies = 0;
  };
  template <class Time>
  void load_durations(const Durations& durations, Time* table, std::size_t stride) const;
  [[nodiscard]] std::size_t duration_count() const;

  // One of the two programs is empty.
  std::vector<Instruction<std::uint16_t>> narrow_;
  std::vector<Instruction<std::uint32_t>> wide_;
  std::vector<std::uint32_t> results_;  ///< registers that hold the ends of the streams
  std::uint32_t registers_ = 1;         ///< register 0 holds the start, time 0
  std::size_t operations_ = 0;
  TableSizes tables_;
};

/// Static evaluation with spans and memory samples.
[[nodiscard]] Timeline evaluate(const Plan& plan, const Durations& durations, const RunControl& control = {});

/// Event-driven interpretation with the same result type.
[[nodiscard]] Timeline interpret(const Plan& plan, const Durations& durations);

/// The same, with transfers and collectives on a network where they share links: they start as above and
/// end when the network says so.
[[nodiscard]] Timeline interpret(const Plan& plan, const Durations& durations, Network& network);

}  // namespace orrery::sim
