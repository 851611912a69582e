// Busy time of one track at every zoom: cumulative sums at the edges of equal bins of time, and every fourth edge of
// them, and every fourth of those.
//
//   share of an activity in [a, b) = (C(b) − C(a)) / (b − a),  C linear between the edges of a bin
//
// Cumulative sums need two edges for a column of any width, where a pyramid of averages would add up its bins; the
// levels only keep the edges that are read far out close together in memory. A sum is an unsigned 32-bit share of the
// track's extent, so its rounding is uniform: with at most 2^20 bins it is below 1/2048 of a bin.
// Limitation: within a bin time is spread evenly; a share is off by at most half a bin per column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gui/run/span_blocks.hpp"

namespace orrery::gui {

/// Columns [0, count) that part [begin, end) equally.
struct Columns {
  sim::SimTime begin = 0, end = 0;
  std::size_t count = 0;

  /// Picoseconds, > 0 for a range that isn't empty.
  [[nodiscard]] double width() const { return static_cast<double>(end - begin) / static_cast<double>(count); }
};

/// Signed difference a − b, also of times beyond 2^63.
[[nodiscard]] constexpr double difference(sim::SimTime a, sim::SimTime b) {
  return a >= b ? static_cast<double>(a - b) : -static_cast<double>(b - a);
}

class BusyPyramid {
 public:
  /// Two spans a bin on average: closer up, a column of pixels holds so few that they are read themselves.
  static constexpr std::size_t kSpansPerBin = 2;
  static constexpr std::size_t kMostBins = std::size_t{1} << 20;

  BusyPyramid() = default;
  explicit BusyPyramid(const TrackSpans& spans);

  /// Width of the finest bins in picoseconds; 0: the track has no extent in time.
  [[nodiscard]] double bin_width() const { return bin_width_; }

  /// Writes the share of each activity of the track in each column to out[column · activities + slot].
  /// REQUIRES columns no narrower than bin_width() > 0.
  void shares(const Columns& columns, float* out) const;

  [[nodiscard]] std::size_t bytes() const { return (sums_.capacity() + level_.capacity()) * sizeof(std::uint32_t); }

 private:
  void sweep(const TrackSpans& spans, std::uint64_t width, std::size_t bins);

  sim::SimTime origin_ = 0;
  double extent_ = 0.0;     ///< from the first start to the last end, picoseconds
  double bin_width_ = 0.0;  ///< of the finest level, picoseconds
  std::size_t activities_ = 0;
  std::vector<std::uint32_t> sums_;   ///< level by level, finest first: [bins + 1, activities]
  std::vector<std::uint32_t> level_;  ///< bins of each level
};

}  // namespace orrery::gui
