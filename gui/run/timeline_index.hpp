// An index over a Timeline: what is where, at any zoom, in a time that does not depend on the number of spans.
//
// Tracks are the timeline's streams, grouped by rank (stage or replica). For low zoom each track has a mip pyramid of
// time bins with the busy time per activity, so that a column of pixels shows the fractions of what ran in it, stacked,
// instead of the colour of whichever span came last. Made once per run by a worker; reading it is thread-safe.
//
//   busy(track, activity, [a, b)) = time within [a, b) in which a span of that activity ran on the track
//
// It takes about 4/3 · 4 bytes for each activity of a track and two of its spans, some 8 bytes a span.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gui/run/busy_pyramid.hpp"
#include "gui/run/span_blocks.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::gui {

struct Track {
  std::uint32_t rank = 0;
  std::string group;                ///< "stage 3 (8 GPUs)"
  std::string name;                 ///< "compute"
  std::size_t first = 0, last = 0;  ///< spans [first, last) of the timeline, ordered by start
  sim::Lane lane;
};

/// Busy time by activity, in picoseconds.
using ActivityTimes = std::array<double, kActivities>;

/// The labels that contain a text.
struct LabelMatch {
  std::vector<std::uint8_t> labels;    ///< by label: 1 if it matches
  std::vector<std::uint32_t> matches;  ///< how many labels below each label match; one more than labels
  std::uint64_t mask = 0;              ///< a bit for each matching label modulo 64
  std::size_t spans = 0;               ///< with such a label

  [[nodiscard]] bool contains(sim::LabelId label) const {
    return label.index() < labels.size() && labels[label.index()] != 0;
  }
  /// A block with these labels may hold a match.
  [[nodiscard]] bool may_meet(const SpanBlocks::Labels& block) const;
};

class TimelineIndex {
 public:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  TimelineIndex() = default;
  /// `timeline` must outlive the index.
  explicit TimelineIndex(const sim::Timeline& timeline);

  [[nodiscard]] const sim::Timeline* timeline() const { return timeline_; }
  /// In the order of display: by rank, then lane. Streams without spans are left out.
  [[nodiscard]] const std::vector<Track>& tracks() const { return tracks_; }
  /// The activities that occur on a track, ascending.
  [[nodiscard]] const std::vector<std::uint8_t>& activities(std::size_t track) const {
    return parts_[track].spans.activities;
  }

  /// Share of each of `columns` equal parts of [begin, end) that each activity takes: row-major [columns, kActivities],
  /// each in 0 … 1. From the pyramid where a column is wider than its finest bins, else from the spans themselves.
  void fractions(std::size_t track, sim::SimTime begin, sim::SimTime end, std::size_t columns,
                 std::vector<float>& out) const;
  /// The same for the activities of the track alone: row-major [columns, activities(track)].
  void shares(std::size_t track, const Columns& columns, std::vector<float>& out) const;

  /// Spans of the track that overlap [begin, end): their range [first, last). A span without a duration overlaps a
  /// range that contains its start.
  [[nodiscard]] std::pair<std::size_t, std::size_t> spans_in(std::size_t track, sim::SimTime begin,
                                                             sim::SimTime end) const;
  /// The span that runs at `time`, or kNone.
  [[nodiscard]] std::size_t span_at(std::size_t track, sim::SimTime time) const;
  /// The track that a span is on. REQUIRES a span of the timeline.
  [[nodiscard]] std::size_t track_of(std::size_t span) const;

  /// Exact busy time within [begin, end) of the tracks [first, last).
  [[nodiscard]] ActivityTimes busy(std::size_t first, std::size_t last, sim::SimTime begin, sim::SimTime end) const;

  /// The next span after (or before) `from` whose label contains `text`, whatever its case, over all tracks in order of
  /// start; kNone if there is none. Wraps around. From kNone: the first (or last).
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from, bool forward) const;
  [[nodiscard]] std::size_t find(const LabelMatch& match, std::size_t from, bool forward) const;
  /// How many spans have such a label.
  [[nodiscard]] std::size_t count(std::string_view text) const { return match(text).spans; }
  /// The labels that contain `text`; none for an empty text.
  [[nodiscard]] LabelMatch match(std::string_view text) const;
  /// Calls mark(start, end) for the matching spans of the track within the columns. Where a column holds very many
  /// spans, for whole blocks of spans that may hold a match.
  template <class Mark>
  void for_each_match(const LabelMatch& match, std::size_t track, const Columns& columns, const Mark& mark) const;

  /// Memory in use beside the timeline.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Part {
    TrackSpans spans;
    SpanBlocks blocks;
    BusyPyramid pyramid;
  };
  void exact_shares(const Part& part, const Columns& columns, float* out) const;
  void summed_shares(const Part& part, const Columns& columns, float* out) const;
  [[nodiscard]] std::size_t next_match(const LabelMatch& match, std::size_t track, std::size_t from,
                                       sim::SimTime latest) const;
  [[nodiscard]] std::size_t previous_match(const LabelMatch& match, std::size_t track, std::size_t end,
                                           sim::SimTime earliest) const;

  const sim::Timeline* timeline_ = nullptr;
  std::vector<Track> tracks_;
  std::vector<Part> parts_;                  ///< of each track
  std::vector<std::uint32_t> track_;         ///< of each stream
  std::vector<std::size_t> spans_by_label_;  ///< how many
};

template <class Mark>
void TimelineIndex::for_each_match(const LabelMatch& match, std::size_t track, const Columns& columns,
                                   const Mark& mark) const {
  constexpr std::size_t kFew = 16;  // spans a column that are read one by one
  const Part& part = parts_[track];
  const std::size_t offset = tracks_[track].first;
  const auto [first, last] = spans_in(track, columns.begin, columns.end);
  const bool coarse = last - first > kFew * columns.count;
  for (std::size_t i = first - offset; i < last - offset;) {
    const std::size_t block = i / SpanBlocks::kBlock;
    const std::size_t end = std::min(last - offset, (block + 1) * SpanBlocks::kBlock);
    const bool met = match.may_meet(part.blocks.labels()[block]);
    if (met && coarse) mark(part.spans.first[i].start, part.spans.first[end - 1].end);
    for (; met && !coarse && i < end; ++i) {
      const sim::Span& span = part.spans.first[i];
      if (match.contains(span.label)) mark(span.start, span.end);
    }
    i = end;
  }
}

}  // namespace orrery::gui
