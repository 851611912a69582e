// Sums over blocks of spans of one track: exact busy time up to any moment, and which labels a block may hold.
//
//   busy time up to t = sum up to the block that t falls into + the spans of that block before t
//
// so that a sum over any range reads at most two blocks of spans, and a search skips the blocks without a match. A sum
// costs 8 bytes per activity of the track for each 64 spans. Sums are integers: exact whatever the order.
// Limitation: the spans of a track follow each other, as on a CUDA stream; where they overlapped, both would count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/plan/timeline.hpp"

namespace orrery::gui {

/// Enumerators of sim::Activity.
inline constexpr std::size_t kActivities = static_cast<std::size_t>(sim::Activity::other) + 1;

/// Spans [first, last) of a timeline and the activities that occur in them: sums of a track have a place for each.
struct TrackSpans {
  const sim::Span* first = nullptr;
  const sim::Span* last = nullptr;
  std::vector<std::uint8_t> activities;               ///< present, ascending
  std::array<std::uint8_t, kActivities> places = {};  ///< activity → its place in `activities`

  TrackSpans() = default;
  TrackSpans(const sim::Span* begin, const sim::Span* end);

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(last - first); }
  [[nodiscard]] std::size_t slot(const sim::Span& span) const {
    return places[static_cast<std::size_t>(span.activity)];
  }
  /// The first span that ends after `time`.
  [[nodiscard]] const sim::Span* ending_after(sim::SimTime time) const;
  /// The first span that starts at or after `time`.
  [[nodiscard]] const sim::Span* starting_from(sim::SimTime time) const;
};

class SpanBlocks {
 public:
  static constexpr std::size_t kBlock = 64;

  /// What labels a block's spans have: a bit for each label modulo 64, and their least and largest.
  struct Labels {
    std::uint64_t mask = 0;
    std::uint32_t least = 0, most = 0;
  };

  SpanBlocks() = default;
  /// `spans` must outlive the blocks.
  explicit SpanBlocks(const TrackSpans& spans);

  /// Busy time before `time` by slot of the track's activities, in picoseconds.
  void busy_before(const TrackSpans& spans, sim::SimTime time, std::array<std::uint64_t, kActivities>& out) const;

  [[nodiscard]] const std::vector<Labels>& labels() const { return labels_; }
  [[nodiscard]] std::size_t bytes() const;

 private:
  std::vector<std::uint64_t> sums_;  ///< [blocks, activities]: busy time before the block
  std::vector<Labels> labels_;
};

}  // namespace orrery::gui
