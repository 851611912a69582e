// How long the ranks of a plan were busy with what.
//
//   unions[i]    length of the union of all spans whose activity is in the i-th set
//   sum[a]       Σ (end − start) of the spans of activity a
//   last_end[a]  end of the last of them; count[a]: how many there were
//
// Two ways give the same numbers: from the spans of a timeline, and while a plan is evaluated, where the spans of a
// block are put together once and a call only moves them.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "sim/clock.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/timeline.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

inline constexpr std::size_t kActivities = static_cast<std::size_t>(Activity::other) + 1;

/// One bit per Activity.
using ActivitySet = std::uint32_t;
static_assert(kActivities <= 32);

[[nodiscard]] constexpr ActivitySet activity_set(std::initializer_list<Activity> activities) {
  ActivitySet set = 0;
  for (const Activity activity : activities) set |= ActivitySet{1} << static_cast<unsigned>(activity);
  return set;
}

[[nodiscard]] constexpr bool contains(ActivitySet set, Activity activity) {
  return ((set >> static_cast<unsigned>(activity)) & 1u) != 0;
}

/// Of one rank.
struct BusyTimes {
  std::vector<SimTime> unions;
  std::array<SimTime, kActivities> sum{}, last_end{};
  std::array<std::uint64_t, kActivities> count{};

  friend bool operator==(const BusyTimes&, const BusyTimes&) = default;
};

/// Of every rank of the timeline.
[[nodiscard]] std::vector<BusyTimes> busy_times(const Timeline& timeline, std::span<const ActivitySet> sets,
                                                const RunControl& control = {});

/// Half-open [first, last) on a time axis that may begin anywhere.
struct Interval {
  std::int64_t first = 0, last = 0;

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Sorts and joins what touches or overlaps.
void unite(std::vector<Interval>& intervals);

/// A set of disjoint intervals and its length.
struct IntervalSet {
  std::vector<Interval> parts;  ///< by increasing time, disjoint
  std::int64_t length = 0;

  /// From any intervals; empty ones count for nothing.
  [[nodiscard]] static IntervalSet of(std::vector<Interval> intervals);
  /// Takes in one that begins no earlier than any before.
  void append(Interval interval) {
    if (interval.last <= interval.first) return;
    if (parts.empty() || interval.first > parts.back().last) {
      parts.push_back(interval);
      length += interval.last - interval.first;
    } else if (interval.last > parts.back().last) {
      length += interval.last - parts.back().last;
      parts.back().last = interval.last;
    }
  }
};

/// The length of a union of single intervals and moved interval sets. What overlaps nothing is never looked into.
class UnionLength {
 public:
  void add(Interval interval) { items_.push_back({interval, nullptr, 0}); }
  /// `set` must live until total(); moved by `shift`.
  void add(const IntervalSet& set, std::int64_t shift) {
    if (set.parts.empty()) return;
    items_.push_back({{set.parts.front().first + shift, set.parts.back().last + shift}, &set, shift});
  }
  [[nodiscard]] SimTime total();

 private:
  struct Item {
    Interval hull;
    const IntervalSet* set;
    std::int64_t shift;
  };
  std::vector<Item> items_;
  std::vector<Interval> atoms_;
};

}  // namespace orrery::sim
