// An index over a Timeline: what is where, at any zoom, in a time that does not depend on the number of spans.
//
// Tracks are the timeline's streams, grouped by rank (stage or replica). For low zoom each track has a mip pyramid of
// time bins with the busy time per activity, so that a column of pixels shows the fractions of what ran in it, stacked,
// instead of the colour of whichever span came last. Made once per run by a worker; reading it is thread-safe.
//
//   busy(track, activity, [a, b)) = time within [a, b) in which a span of that activity ran on the track
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "sim/timeline.hpp"

namespace orrery::gui {

/// Enumerators of sim::Activity.
inline constexpr std::size_t kActivities = static_cast<std::size_t>(sim::Activity::other) + 1;

struct Track {
  std::uint32_t rank = 0;
  std::string group;                ///< "stage 3 (8 GPUs)"
  std::string name;                 ///< "compute"
  std::size_t first = 0, last = 0;  ///< spans [first, last) of the timeline, ordered by start
};

/// Busy time by activity, in picoseconds.
using ActivityTimes = std::array<double, kActivities>;

class TimelineIndex {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  TimelineIndex() = default;
  /// `timeline` must outlive the index.
  explicit TimelineIndex(const sim::Timeline& timeline);

  [[nodiscard]] const sim::Timeline* timeline() const { return timeline_; }
  /// In the order of display: by rank, then lane. Streams without spans are left out.
  [[nodiscard]] const std::vector<Track>& tracks() const { return tracks_; }

  /// Share of each of `columns` equal parts of [begin, end) that each activity takes: row-major [columns, kActivities],
  /// each in 0 … 1. From the pyramid where a column is wider than its finest bins, else from the spans themselves.
  void fractions(std::size_t track, sim::SimTime begin, sim::SimTime end, std::size_t columns,
                 std::vector<float>& out) const;

  /// Spans of the track that overlap [begin, end): their range [first, last).
  [[nodiscard]] std::pair<std::size_t, std::size_t> spans_in(std::size_t track, sim::SimTime begin,
                                                             sim::SimTime end) const;
  /// The span that runs at `time`, or kNone.
  [[nodiscard]] std::size_t span_at(std::size_t track, sim::SimTime time) const;

  /// Exact busy time within [begin, end) of the tracks [first, last).
  [[nodiscard]] ActivityTimes busy(std::size_t first, std::size_t last, sim::SimTime begin, sim::SimTime end) const;

  /// The next span after (or before) `from` whose label contains `text`, whatever its case, over all tracks in order of
  /// start; kNone if there is none. Wraps around.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from, bool forward) const;
  /// How many spans have such a label.
  [[nodiscard]] std::size_t count(std::string_view text) const;

 private:
  const sim::Timeline* timeline_ = nullptr;
  std::vector<Track> tracks_;
};

}  // namespace orrery::gui
