// Statistics of samples and of timelines.
//
// Communication is exposed where it runs on a rank and no computation does: the part that overlap has not
// hidden. Busy times are unions of spans, so that two streams at once count once.
#pragma once

#include <vector>

#include "sim/clock.hpp"
#include "sim/timeline.hpp"

namespace orrery::sim {

/// 0 without samples.
[[nodiscard]] double mean(const std::vector<double>& samples);

/// The q-quantile, 0 ≤ q ≤ 1, by linear interpolation between order statistics at q·(n−1): numpy's default
/// (type 7 of Hyndman and Fan 1996). 0 without samples.
[[nodiscard]] double percentile(std::vector<double> samples, double q);

struct Interval {
  SimTime start = 0;
  SimTime end = 0;
};

/// Disjoint intervals in order, covering the same times.
[[nodiscard]] std::vector<Interval> merge(std::vector<Interval> intervals);
/// Length of the union.
[[nodiscard]] SimTime busy(const std::vector<Interval>& intervals);
/// Length of what is in the union of `a` but not in that of `b`.
[[nodiscard]] SimTime busy_outside(const std::vector<Interval>& a, const std::vector<Interval>& b);

/// What one rank did with its time.
struct RankUse {
  SimTime compute = 0;                ///< union of all spans but communication and host copies
  SimTime communication = 0;          ///< union of the spans of communication
  SimTime exposed_communication = 0;  ///< the part of it without computation
  SimTime copies = 0;                 ///< union of host copies
  SimTime idle = 0;                   ///< of the makespan, with nothing at all running
};

/// For each rank of the timeline.
[[nodiscard]] std::vector<RankUse> rank_use(const Timeline& timeline);

/// Sum of the lengths of the spans of an activity, over all streams.
[[nodiscard]] SimTime total_of(const Timeline& timeline, Activity activity);

}  // namespace orrery::sim
