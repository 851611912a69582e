// Flows that share links max-min fairly over time.
//
// A flow has `work` to do and does it at a rate ≤ `limit`; at rate r it puts r·share on each link that it uses.
// Rates change only when a flow starts or leaves or a capacity changes, and only in the connected component of flows
// and full links (flow_links.hpp) that this touches: that component alone is solved again, once for everything that
// happens at one time. A flow that crosses no full link runs at its limit, without a solution.
//
// A completion is an integer picosecond, computed anew only when the flow's rate changes, so that a flow that no full
// link ever holds up ends exactly work / limit after its start, whatever happens beside it. Nothing else is clamped:
// a flow that asks more of a link than the link has is slowed even when it is alone. Completions of one time are
// reported in the order in which the flows started.
//
// Held up: what a flow took longer than alone, (end - start) - work/limit, and the link that held it up most. The link
// that binds a flow in a solution is charged with (1 - rate/limit)·dt for as long as it does. Costs only flows that
// are slowed, and only when the binding link changes.
//
// Batching (off by default): of the flows that were solved together, those are reported at one time T that end at
// nearly the same time, which saves solutions:
//   T0 = min (end + ε·(end − start)),   T = min (T0, mean of the ends of those with end ≤ T0 + ε·(end − start)),
//   at T all with |end − T| ≤ ε·(end − start)
// so that a flow ends at most ε of its duration early or late. What the early ones leave to the others the late ones
// keep from them, so that errors cancel to first order instead of adding up. batched() has the sum of the greatest
// shift of each batch, to first order what comes together along a chain of flows (max-min shares are not monotone: an
// end that slows others down can add to it). Flows on slack links are never moved.
//
// Cost: a start and an end on slack links 0.25 µs with two links; on full ones about 70 ns per flow of the component
// and solution. Source: SimGrid's lazy max-min updates (Velho & Legrand, Simutools 2009) for solving incrementally.
// Limitations: flows react at once (no transport ramp-up), and routes are fixed: where a link goes down, cancel the
// flow and start what `remaining` tells on another route.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/network/flow_links.hpp"
#include "sim/network/max_min.hpp"

namespace orrery::sim {

struct FlowOptions {
  double batch = 0.0;   ///< ε: 0 is exact, 0.001 at most 0.1 % of a flow's duration early or late
  bool record = false;  ///< keep every change of the rate on a link, for load over time; memory grows with them
};

/// What a flow has to do and what it takes. Work is in any unit; rates are work per picosecond.
struct FlowSpec {
  std::uint64_t tag = 0;  ///< the caller's, reported on completion; need not be unique
  double work = 0.0;
  double weight = 1.0;            ///< its part of a shared link relative to the others'
  double limit = kUnlimited;      ///< highest rate
  std::span<const LinkUse> uses;  ///< bytes per picosecond on each link at rate 1
};

/// Names a flow from its start on; of no use once the flow has ended or was cancelled.
struct FlowHandle {
  std::uint32_t slot = 0xffffffffu, version = 0;
  friend bool operator==(const FlowHandle&, const FlowHandle&) = default;
};

/// How much longer than alone a flow took, and which link held it up most; no link where none did.
struct HeldUp {
  LinkId link;
  SimTime delay = 0;
};

struct FlowEnd {
  std::uint64_t tag = 0;
  FlowHandle flow;
  HeldUp held_up;
};

/// What batching has done so far.
struct Batched {
  std::uint64_t batches = 0;  ///< in which a flow was moved
  SimTime bound = 0;          ///< Σ over them of the greatest shift
};

class FlowNetwork {
 public:
  /// Throws std::invalid_argument on a capacity that is not positive or an ε outside [0, 1).
  explicit FlowNetwork(std::span<const BytesPerSecond> capacities, FlowOptions options = {});

  // Each of these happens at a `now` ≥ every earlier time and ≤ next_completion(); an earlier one, a link that does
  // not exist and a figure that makes no sense throw std::invalid_argument and change nothing.

  FlowHandle start(const FlowSpec& flow, SimTime now);
  /// A flow of bytes over links at full share.
  FlowHandle start_bytes(std::uint64_t tag, Bytes bytes, std::span<const LinkId> route, SimTime now);
  /// The flow leaves without completing, with that much of its work undone. nullopt, and nothing happens, if it has
  /// already ended.
  std::optional<double> cancel(FlowHandle flow, SimTime now);
  /// Takes effect from `now` on. `capacity` > 0: for a link that is down cancel what crosses it.
  void set_capacity(LinkId link, BytesPerSecond capacity, SimTime now);

  /// When the next flow ends if nothing else happens before; kNever without flows.
  [[nodiscard]] SimTime next_completion();
  /// Moves on to `now` and appends the flows that end by then, in the order in which they started.
  void advance(SimTime now, std::vector<FlowEnd>& ended);

  // Of one flow, in constant time; 0 (and no link) for one that has ended.
  [[nodiscard]] bool is_active(FlowHandle flow) const;
  [[nodiscard]] double remaining(FlowHandle flow) const;  ///< work left at the latest time seen
  [[nodiscard]] double rate(FlowHandle flow);             ///< work per picosecond from that time on
  [[nodiscard]] HeldUp held_up(FlowHandle flow);          ///< up to that time
  [[nodiscard]] HeldUp held_up(FlowHandle flow, SimTime now);

  // Of one link.
  [[nodiscard]] BytesPerSecond load(LinkId link);
  [[nodiscard]] BytesPerSecond capacity(LinkId link) const;
  [[nodiscard]] bool is_idle(LinkId link) const { return links_.members(link.value).empty(); }
  /// Counts bytes that no flow brings, at `rate` bytes per picosecond at most.
  void carry(LinkId link, double bytes, double rate) { links_.carry(link.value, bytes, rate); }
  [[nodiscard]] LinkStatistics statistics(LinkId link) { return statistics(link, now_); }
  /// The same until a later time, if nothing happens before.
  [[nodiscard]] LinkStatistics statistics(LinkId link, SimTime until);
  /// Load over time; empty without FlowOptions::record.
  [[nodiscard]] std::span<const LoadChange> changes(LinkId link);

  [[nodiscard]] std::size_t links() const { return links_.size(); }
  [[nodiscard]] std::size_t active() const { return active_; }
  [[nodiscard]] const Batched& batched() const { return batched_; }
  [[nodiscard]] std::uint64_t solutions() const { return solutions_; }
  [[nodiscard]] std::uint64_t flows_solved() const { return flows_solved_; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;
  static constexpr std::uint32_t kGroupBit = 0x80000000u;

  struct Use {
    std::uint32_t link = 0, position = 0;  // among the link's members
    double share = 1.0;
  };
  /// How long a link that bound a flow before held it up.
  struct Part {
    std::uint32_t link, next;  // the flow's next part
    double delay;
  };
  /// What every solution looks at of a flow.
  struct Motion {
    double remaining = 0.0, rate = 0.0;  // since `updated`
    SimTime updated = 0, end = kNever;
    std::uint32_t binding = kNoLink;
  };
  struct Flow {
    double weight = 1.0, limit = kUnlimited;
    std::uint32_t first_use = 0, use_count = 0;  // of uses_
    std::uint32_t group = kNone, place = 0, queued = 0, version = 0;
    double work = 0.0, bound_left = 0.0;  // the latter since `bound_since`
    SimTime bound_since = 0, started = 0;
    std::uint64_t tag = 0, order = 0;
    double alone = 0.0;                // its rate on links of its own
    std::uint32_t first_part = kNone;  // of parts_
    bool active = false;
  };
  /// Flows that were solved together. Whatever touches one of them solves all of them again, so that the queue needs
  /// only the first to end; where flows have only left, the problem is at hand.
  struct Group {
    MaxMinProblem problem;
    std::vector<std::uint32_t> links;  // of the problem, by their number here
    std::vector<std::uint32_t> flows;  // kNone for one that has left
    std::vector<SimTime> ends;
    std::vector<SimTime> started;  // with batching
    std::vector<char> crosses_slack;
    std::uint32_t size = 0;  // of the flows that are still there
    std::uint32_t queued = 0;
    SimTime due = kNever;    // when its next flows end: its entry in the queue
    std::uint64_t mark = 0;  // of the last solution that solved it or broke it up
  };
  struct Ending {
    SimTime time;
    std::uint32_t id, version;  // of a flow, or of a group with kGroupBit
    friend bool operator>(const Ending& a, const Ending& b) { return a.time != b.time ? a.time > b.time : a.id > b.id; }
  };

  // flow_network.cpp
  void check(const FlowSpec& spec) const;
  [[nodiscard]] bool knows(FlowHandle flow) const;
  void move_to(SimTime now);
  std::uint32_t take_slot();
  void join_links(std::uint32_t slot, const FlowSpec& spec);
  void remove(std::uint32_t slot, double left);
  void touch(std::uint32_t link, bool only_left);
  [[nodiscard]] std::span<Use> uses_of(const Flow& flow) { return {uses_.data() + flow.first_use, flow.use_count}; }
  [[nodiscard]] std::span<const Use> uses_of(const Flow& flow) const {
    return {uses_.data() + flow.first_use, flow.use_count};
  }
  void take_uses(Flow& flow, std::size_t count);
  void leave_link(Use& use, double limit);
  void release(std::uint32_t slot);
  void collect_due(const Group& group);
  void sort_due();
  [[nodiscard]] FlowEnd end_of(std::uint32_t slot) const;
  void finish_group(std::uint32_t id, std::vector<FlowEnd>& ended);
  /// How far from its end a flow may be reported.
  [[nodiscard]] SimTime tolerance(SimTime started, SimTime end) const {
    return static_cast<SimTime>(options_.batch * static_cast<double>(end - started));
  }
  [[nodiscard]] double left_at(std::uint32_t slot, SimTime time) const;
  [[nodiscard]] double left_now(std::uint32_t slot) const { return left_at(slot, now_); }
  [[nodiscard]] HeldUp held_up_until_now(std::uint32_t slot, double left) const;
  // flow_solve.cpp
  void settle() {
    if (!dirty_links_.empty()) solve();
  }
  void solve();
  void reach(std::uint32_t slot);
  void reach_link(std::uint32_t link);
  void break_up(std::uint32_t group);
  void solve_from_link(std::uint32_t link);
  void solve_from_flow(std::uint32_t slot);
  void solve_component();
  void make_group();
  void solve_group(std::uint32_t id);
  void sum_up_loads();
  void run_free(std::uint32_t slot);
  void set_rate(std::uint32_t slot, double rate, std::uint32_t binding, bool crosses_slack);
  void rebind(std::uint32_t slot, std::uint32_t binding);
  void add_part(std::uint32_t& where, std::uint32_t link, double delay);
  void leave_group(Flow& flow);
  void free_group(std::uint32_t id);
  std::uint32_t take_group();
  void queue(SimTime time, std::uint32_t id, std::uint32_t version);
  [[nodiscard]] bool stale(const Ending& ending) const;
  void drop_stale();
  [[nodiscard]] SimTime batch_time(const Group& group) const;

  FlowOptions options_;
  FlowLinks links_;
  SimTime now_ = 0;
  std::size_t active_ = 0;
  std::uint64_t started_ = 0;
  std::vector<Flow> flows_;
  std::vector<Motion> motions_;       // of each flow
  std::vector<std::uint64_t> marks_;  // of each flow: the last solution that reached it
  std::vector<Use> uses_;
  std::vector<std::vector<std::uint32_t>> free_uses_;  // runs of each length
  std::vector<Part> parts_;
  std::uint32_t free_part_ = kNone;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> free_groups_;
  std::vector<Ending> endings_;  // min-heap, stale entries dropped when they surface
  std::vector<std::uint32_t> dirty_links_, due_;
  std::vector<std::uint32_t> by_order_;
  enum Dirt : char { kClean, kLeft, kChanged };  // since the last solution: nothing, flows have left, anything
  std::vector<Dirt> dirty_;
  std::vector<std::uint32_t> group_of_link_;
  // Of the solution at hand.
  std::uint64_t mark_ = 0;
  std::vector<std::uint64_t> link_mark_;
  std::vector<std::uint32_t> component_, component_links_, local_link_, broken_up_;
  std::vector<LinkUse> local_uses_;
  MaxMinSolver solver_;
  std::uint64_t solutions_ = 0, flows_solved_ = 0;
  Batched batched_;
};

}  // namespace orrery::sim
