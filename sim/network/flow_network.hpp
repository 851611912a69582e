// Flows that share links max-min fairly over time.
//
// Rates change only when a flow starts or ends, and only in the connected component of flows and links that it
// touches: that component alone is solved again, once for everything that happens at one time. A flow's
// completion is an integer picosecond, computed anew only when its rate changes, so that a flow that is never
// disturbed ends exactly `work / rate` after its start.
//
// Batching (off by default): completions within ε of the first flow's duration are reported together, at the end
// of that window, which saves solutions when many flows end at nearly the same time. A flow is then
// reported at most ε of its duration late; what others gain from its end is late as well (all-to-all of 48 hosts with
// sizes ±20 %: makespan +0.2 % at ε = 0.1 %, a twentieth of the solutions or fewer).
//
// Source: SimGrid's lazy max-min updates (Velho & Legrand, Simutools 2009) for solving incrementally.
// Limitations: flows react at once (no transport ramp-up), and routes are fixed.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/network.hpp"
#include "sim/network/max_min.hpp"

namespace orrery::sim {

struct FlowOptions {
  double batch = 0.0;  ///< ε: 0 is exact, 0.001 is at most 0.1 % late
};

/// What a flow has to do and what it takes. Work is in any unit; rates are work per picosecond.
struct FlowSpec {
  std::uint64_t tag = 0;  ///< reported on completion
  double work = 0.0;
  double weight = 1.0;            ///< its part of a shared link relative to the others'
  double limit = kUnlimited;      ///< highest rate
  std::span<const LinkUse> uses;  ///< bytes per picosecond on each link at rate 1
};

class FlowNetwork {
 public:
  explicit FlowNetwork(std::span<const BytesPerSecond> capacities, FlowOptions options = {});

  /// Starts a flow at `now` ≥ every earlier time. Throws std::invalid_argument on a link that does not exist or a
  /// spec that max_min.hpp refuses.
  void start(const FlowSpec& flow, SimTime now);

  /// A flow of bytes over links at full share: the usual case.
  void start_bytes(std::uint64_t tag, Bytes bytes, std::span<const LinkId> route, SimTime now);

  /// When the next flow ends if none starts before; kNever without flows.
  [[nodiscard]] SimTime next_completion();

  /// Moves on to `now` ≤ next_completion() and appends the tags of flows that end by then, in increasing order.
  void advance(SimTime now, std::vector<std::uint64_t>& completed);

  [[nodiscard]] std::size_t active() const { return active_; }
  /// Rate of the flow `tag` in work per picosecond; 0 if it is not active. For tests: linear.
  [[nodiscard]] double rate(std::uint64_t tag);
  /// Bytes per second on a link.
  [[nodiscard]] BytesPerSecond load(LinkId link);
  [[nodiscard]] std::uint64_t solutions() const { return solutions_; }
  [[nodiscard]] std::uint64_t flows_solved() const { return flows_solved_; }

 private:
  struct Flow {
    std::uint64_t tag = 0;
    double remaining = 0.0;
    double rate = 0.0;
    double weight = 1.0, limit = kUnlimited;
    SimTime started = 0, updated = 0, end = kNever;
    std::vector<LinkUse> uses;
    std::uint32_t version = 0;  ///< of the entry in the queue that counts
    bool active = false;
    bool marked = false;  ///< in the component being solved
  };
  struct Ending {
    SimTime time;
    std::uint64_t tag;
    std::uint32_t slot, version;
    friend bool operator>(const Ending& a, const Ending& b) {
      return a.time != b.time ? a.time > b.time : (a.tag != b.tag ? a.tag > b.tag : a.version > b.version);
    }
  };

  void touch(const Flow& flow);
  void collect_component();
  void solve();
  void set_rate(std::uint32_t slot, double rate);
  void sort_endings();
  void drop_stale();
  void finish(std::uint32_t slot, std::vector<std::uint64_t>& completed);

  FlowOptions options_;
  SimTime now_ = 0;
  std::size_t active_ = 0;
  std::vector<double> capacities_;  // bytes per picosecond
  std::vector<std::vector<std::uint32_t>> flows_of_link_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Ending> new_endings_;  // of the solution at hand
  std::vector<Ending> endings_;      // min-heap, stale entries dropped when they surface
  std::vector<std::uint32_t> dirty_links_;
  std::vector<char> dirty_;
  std::vector<std::uint32_t> component_, component_links_, local_link_;
  std::vector<LinkUse> local_uses_;
  MaxMinProblem problem_;
  MaxMinSolver solver_;
  std::uint64_t solutions_ = 0, flows_solved_ = 0;
};

}  // namespace orrery::sim
