// The links that an operation loads where the fabric goes through several states: cables go down and come back, and
// what crossed them is routed around.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/network/max_min.hpp"
#include "sim/network/message_graph.hpp"

namespace orrery::sim {

/// What it loads in one state.
struct Way {
  std::vector<LinkUse> uses;                          ///< as Operation::uses
  double weight = 0.0;                                ///< as Operation::weight
  std::shared_ptr<const MessageGraph> messages = {};  ///< as Operation::messages; as many hops in every state
};

/// The messages load what the whole does.
[[nodiscard]] inline bool is_same(const Way& a, const Way& b) { return a.weight == b.weight && a.uses == b.uses; }

/// By state; 0 is the fabric as it was built.
using Ways = std::vector<Way>;

}  // namespace orrery::sim
