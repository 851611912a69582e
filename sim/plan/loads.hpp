// What the operations of a plan put on the links of a World.
#pragma once

#include <memory>
#include <vector>

#include "sim/clock.hpp"
#include "sim/network/max_min.hpp"
#include "sim/network/message_graph.hpp"
#include "sim/network/ways.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// What a collective or transfer of a plan puts on the World's links.
struct LinkLoadEntry {
  SimTime work = 0;  ///< of its duration, the last part; 0: it loads none
  std::vector<LinkUse> uses;
  double weight = 0.0;                                ///< as Operation::weight
  std::shared_ptr<const MessageGraph> messages = {};  ///< null: it is one flow
  std::shared_ptr<const Ways> ways = {};              ///< as Operation::ways
};

/// By table entry of a plan; empty tables: nothing is shared.
struct Loads {
  std::vector<LinkLoadEntry> collectives, transfers;

  /// nullptr: a step of its kind loads nothing.
  [[nodiscard]] const LinkLoadEntry* of(Step step) const {
    if (step.kind == StepKind::collective && !collectives.empty()) return &collectives[step.index];
    const bool message = step.kind == StepKind::send || step.kind == StepKind::recv;
    return message && !transfers.empty() ? &transfers[step.index] : nullptr;
  }
};

}  // namespace orrery::sim
