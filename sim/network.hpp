// What the event-driven interpreter asks of a network in which operations share links.
//
// The interpreter hands over a transfer or a collective when all its ends are ready, and asks when the
// next operation completes. The network owns the flows and their rates; it sees no queue and no clock but
// the times it is given, so that it can be tested on its own.
//
// Protocol, with times that never decrease:
//   start(job, now)      any number of times
//   next_completion()    after every start() and advance() of one time; solve lazily here, so that
//                        operations that start together cost one solution
//   advance(now, done)   with now ≤ next_completion(); operations complete in the order of their ids
//
// Limitations: an operation can't be cancelled, and its route is fixed when it starts.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/clock.hpp"
#include "sim/plan.hpp"

namespace orrery::sim {

/// "No completion is pending."
inline constexpr SimTime kNever = std::numeric_limits<SimTime>::max();

/// Names a started operation until it completes; grows with every start.
using OperationId = std::uint64_t;

struct NetworkJob {
  OperationId id = 0;
  /// Exactly one of the two is set; both point into the plan that is interpreted.
  const TransferEntry* transfer = nullptr;
  const CollectiveEntry* collective = nullptr;
  const Group* group = nullptr;  ///< of the collective
  SimTime alone = 0;             ///< its duration when nothing else uses the links
};

class Network {
 public:
  virtual ~Network() = default;

  /// Takes the operation over at `now`. Returns false to leave it to its duration `alone` (a job that
  /// crosses no modelled link); the network then never reports it.
  [[nodiscard]] virtual bool start(const NetworkJob& job, SimTime now) = 0;

  /// When the next operation completes if nothing else starts before; kNever if none is in flight.
  [[nodiscard]] virtual SimTime next_completion() = 0;

  /// Moves all operations on to `now` and appends those that complete by then, by increasing id.
  virtual void advance(SimTime now, std::vector<OperationId>& completed) = 0;
};

}  // namespace orrery::sim
