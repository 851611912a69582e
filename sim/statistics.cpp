// Means, percentiles and unions of intervals.
#include "sim/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::sim {

double mean(const std::vector<double>& samples) {
  if (samples.empty()) return 0.0;
  double sum = 0.0;
  for (const double x : samples) sum += x;
  return sum / static_cast<double>(samples.size());
}

double percentile(std::vector<double> samples, double q) {
  if (samples.empty()) return 0.0;
  std::sort(samples.begin(), samples.end());
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(samples.size() - 1);
  const double below = std::floor(position);
  const auto i = static_cast<std::size_t>(below);
  if (i + 1 >= samples.size()) return samples.back();
  return samples[i] + (samples[i + 1] - samples[i]) * (position - below);
}

std::vector<Interval> merge(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) { return a.start < b.start; });
  std::vector<Interval> merged;
  for (const Interval& interval : intervals) {
    if (interval.end <= interval.start) continue;
    if (!merged.empty() && interval.start <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, interval.end);
    } else {
      merged.push_back(interval);
    }
  }
  return merged;
}

SimTime busy(const std::vector<Interval>& intervals) {
  SimTime sum = 0;
  for (const Interval& interval : merge(intervals)) sum += interval.end - interval.start;
  return sum;
}

SimTime busy_outside(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::vector<Interval> both = a;
  both.insert(both.end(), b.begin(), b.end());
  return busy(both) - busy(b);  // |a ∪ b| − |b|
}

std::vector<RankUse> rank_use(const Timeline& timeline) {
  struct Spans {
    std::vector<Interval> compute, communication, copies;
  };
  std::vector<Spans> spans(timeline.ranks.size());
  for (const Span& span : timeline.spans) {
    Spans& rank = spans[timeline.streams[span.stream.index()].rank.index()];
    std::vector<Interval>& list = is_communication(span.activity)        ? rank.communication
                                  : span.activity == Activity::host_copy ? rank.copies
                                                                         : rank.compute;
    list.push_back({span.start, span.end});
  }
  std::vector<RankUse> result;
  for (Spans& rank : spans) {
    RankUse use;
    use.compute = busy(rank.compute);
    use.communication = busy(rank.communication);
    use.exposed_communication = busy_outside(rank.communication, rank.compute);
    use.copies = busy(rank.copies);
    std::vector<Interval> all = std::move(rank.compute);
    all.insert(all.end(), rank.communication.begin(), rank.communication.end());
    all.insert(all.end(), rank.copies.begin(), rank.copies.end());
    use.idle = timeline.makespan - busy(all);
    result.push_back(use);
  }
  return result;
}

SimTime total_of(const Timeline& timeline, Activity activity) {
  SimTime sum = 0;
  for (const Span& span : timeline.spans) {
    if (span.activity == activity) sum += span.end - span.start;
  }
  return sum;
}

}  // namespace orrery::sim
