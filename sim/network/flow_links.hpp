// The links of a FlowNetwork: who crosses each, whether it can fill, and what it carried.
//
// A link can fill when its flows, all at their limits, would ask for more than its capacity:
//   full ⇔ Σ limit·share > capacity·(1 + 1e-9).
// One that can't is slack: it bounds no flow, whatever happens on other links, so that no solution need look at it.
// (The 1e-9 lets flows that fill a link exactly pass as what they are, in spite of rounding.) The sum is kept in
// fixed point, in units of 2^-80 bytes per picosecond, so that it depends only on the flows that are there, never
// on those that came and went: no drift, however long the simulation. Terms above 2^20 bytes per picosecond
// (10^18 bytes/s), an unlimited flow's among them, are counted instead: a link with one of them is full.
//
// Statistics: the rate on a link is written down at each change, and what it was counts from the change on:
// values that come and go at one time leave no trace in the peak or in the record.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "sim/clock.hpp"

namespace orrery::sim {

/// What a link carried since time 0.
struct LinkStatistics {
  Bytes carried, offered;  ///< the latter is what it could have carried
  double mean_load = 0.0;  ///< carried over offered
  double peak_load = 0.0;  ///< highest rate over capacity that lasted
};

/// The rate on a link from `time` on.
struct LoadChange {
  SimTime time = 0;
  BytesPerSecond rate;
};

class FlowLinks {
 public:
  /// One use of a link by a flow: the flow's slot and which of its uses.
  struct Member {
    std::uint32_t flow = 0, use = 0;
  };

  /// Throws std::invalid_argument on a capacity that is not positive. With `record` every change of a rate is kept.
  FlowLinks(std::span<const BytesPerSecond> capacities, bool record);

  [[nodiscard]] std::size_t size() const { return links_.size(); }
  /// Bytes per picosecond.
  [[nodiscard]] double capacity(std::uint32_t link) const { return links_[link].capacity; }
  [[nodiscard]] bool full(std::uint32_t link) const { return links_[link].full; }
  [[nodiscard]] std::span<const Member> members(std::uint32_t link) const { return links_[link].members; }

  /// Enters a use that asks for `demand` = limit·share; returns its position among the members.
  std::uint32_t join(std::uint32_t link, Member member, double demand);
  /// Takes the member at `position` out and puts the last one there. `demand` as it was when it joined.
  void leave(std::uint32_t link, std::uint32_t position, double demand);
  /// Takes all members out.
  void empty(std::uint32_t link);
  void set_capacity(std::uint32_t link, BytesPerSecond capacity, SimTime now);

  /// The rate on a link changes, in bytes per picosecond.
  void set_load(std::uint32_t link, double load, SimTime now);
  void add_load(std::uint32_t link, double change, SimTime now) { set_load(link, links_[link].load + change, now); }
  [[nodiscard]] double load(std::uint32_t link) const { return links_[link].load; }

  /// Bytes of flows that have left.
  void carry(std::uint32_t link, double bytes) { links_[link].carried += bytes; }
  /// Of what no flow brings, at a rate that lasted.
  void carry(std::uint32_t link, double bytes, double rate);
  /// `running` are the bytes that flows that are still here have put on the link.
  [[nodiscard]] LinkStatistics statistics(std::uint32_t link, double running, SimTime now) const;
  [[nodiscard]] std::span<const LoadChange> changes(std::uint32_t link) const;

 private:
  __extension__ using Fixed = unsigned __int128;

  struct Link {
    double capacity = 0.0;
    Fixed demand = 0, room = 0;  // Σ limit·share, and what makes the link full
    std::uint32_t uncounted = 0;
    bool full = false;
    std::vector<Member> members;
    double load = 0.0, peak = 0.0, carried = 0.0;
    double offered = 0.0;  // bytes that it could have carried until `capacity_since`
    SimTime capacity_since = 0, load_since = 0;
  };

  [[nodiscard]] static Fixed fixed(double rate);
  static void set_capacity(Link& link, double capacity);
  static void classify(Link& link) { link.full = link.uncounted > 0 || link.demand > link.room; }
  void keep_change(std::uint32_t link, double load, SimTime now);

  std::vector<Link> links_;
  std::vector<std::vector<LoadChange>> changes_;  // of each link; empty where nothing is recorded
};

}  // namespace orrery::sim
