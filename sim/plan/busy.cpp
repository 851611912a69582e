#include "sim/plan/busy.hpp"

#include <algorithm>

namespace orrery::sim {

namespace {

bool earlier(const Interval& a, const Interval& b) { return a.first < b.first; }

std::int64_t length_of(const std::vector<Interval>& sorted) {
  std::int64_t total = 0, reach = 0;
  bool any = false;
  for (const Interval& i : sorted) {
    const std::int64_t first = any ? std::max(i.first, reach) : i.first;
    if (i.last > first) total += i.last - first;
    reach = any ? std::max(reach, i.last) : i.last;
    any = true;
  }
  return total;
}

}  // namespace

void unite(std::vector<Interval>& intervals) {
  std::sort(intervals.begin(), intervals.end(), earlier);
  std::size_t kept = 0;
  for (const Interval& i : intervals) {
    if (i.last <= i.first) continue;
    if (kept > 0 && i.first <= intervals[kept - 1].last) {
      intervals[kept - 1].last = std::max(intervals[kept - 1].last, i.last);
    } else {
      intervals[kept++] = i;
    }
  }
  intervals.resize(kept);
}

IntervalSet IntervalSet::of(std::vector<Interval> intervals) {
  IntervalSet set;
  unite(intervals);
  set.parts = std::move(intervals);
  for (const Interval& i : set.parts) set.length += i.last - i.first;
  return set;
}

SimTime UnionLength::total() {
  const auto by_start = [](const Item& a, const Item& b) { return a.hull.first < b.hull.first; };
  if (!std::is_sorted(items_.begin(), items_.end(), by_start)) std::sort(items_.begin(), items_.end(), by_start);
  std::int64_t total = 0;
  for (std::size_t begin = 0; begin < items_.size();) {
    // Items whose hulls overlap are looked into together; one alone is its length.
    std::size_t end = begin + 1;
    std::int64_t reach = items_[begin].hull.last;
    for (; end < items_.size() && items_[end].hull.first < reach; ++end) reach = std::max(reach, items_[end].hull.last);
    if (end == begin + 1) {
      const Item& item = items_[begin];
      total += item.set != nullptr ? item.set->length : item.hull.last - item.hull.first;
    } else {
      atoms_.clear();
      for (std::size_t i = begin; i < end; ++i) {
        if (items_[i].set == nullptr) {
          atoms_.push_back(items_[i].hull);
          continue;
        }
        for (const Interval& part : items_[i].set->parts) {
          atoms_.push_back({part.first + items_[i].shift, part.last + items_[i].shift});
        }
      }
      std::sort(atoms_.begin(), atoms_.end(), earlier);
      total += length_of(atoms_);
    }
    begin = end;
  }
  return static_cast<SimTime>(total);
}

std::vector<BusyTimes> busy_times(const Timeline& timeline, std::span<const ActivitySet> sets,
                                  const RunControl& control) {
  std::vector<std::vector<const Span*>> by_rank(timeline.ranks.size());
  Pacer pacer(control);
  for (const Span& span : timeline.spans) {
    pacer.add();
    by_rank[timeline.streams[span.stream.index()].rank.index()].push_back(&span);
  }
  std::vector<BusyTimes> busy(by_rank.size());
  std::vector<Interval> intervals;
  for (std::size_t r = 0; r < by_rank.size(); ++r) {
    control.check();
    control.report(static_cast<double>(r) / static_cast<double>(by_rank.size()));
    BusyTimes& times = busy[r];
    std::sort(by_rank[r].begin(), by_rank[r].end(), [](const Span* a, const Span* b) { return a->start < b->start; });
    for (const Span* span : by_rank[r]) {
      const auto a = static_cast<std::size_t>(span->activity);
      times.sum[a] += span->end - span->start;
      times.last_end[a] = std::max(times.last_end[a], span->end);
      ++times.count[a];
    }
    for (const ActivitySet set : sets) {
      intervals.clear();
      for (const Span* span : by_rank[r]) {
        if (!contains(set, span->activity)) continue;
        intervals.push_back({static_cast<std::int64_t>(span->start), static_cast<std::int64_t>(span->end)});
      }
      times.unions.push_back(static_cast<SimTime>(length_of(intervals)));
    }
  }
  return busy;
}

}  // namespace orrery::sim
