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
[[nodiscard]] Durations price(const Plan& plan, const Pricing& pricing);

/// A plan laid out for evaluation: steps in topological order, dependencies as indices.
/// Reusable for any number of Durations. Throws std::invalid_argument on a plan that check() refuses.
class FrozenPlan {
 public:
  explicit FrozenPlan(const Plan& plan);

  /// Time at which the last step ends. No allocation after the first call with the same scratch.
  [[nodiscard]] SimTime makespan(const Durations& durations, std::vector<SimTime>& scratch) const;

  [[nodiscard]] std::size_t step_count() const;

 private:
  friend Timeline evaluate(const Plan&, const Durations&);
  struct Node {
    std::uint32_t table = 0;       ///< index into the concatenated duration table
    std::uint32_t first_wait = 0;  ///< its dependencies: waits_[first_wait, first_wait + wait_count)
    std::uint32_t wait_count = 0;
  };
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> waits_;
};

/// Static evaluation with spans and memory samples.
[[nodiscard]] Timeline evaluate(const Plan& plan, const Durations& durations);

/// Event-driven interpretation with the same result type.
[[nodiscard]] Timeline interpret(const Plan& plan, const Durations& durations);

/// The same, with transfers and collectives on a network where they share links: they start as above and
/// end when the network says so.
[[nodiscard]] Timeline interpret(const Plan& plan, const Durations& durations, Network& network);

}  // namespace orrery::sim
