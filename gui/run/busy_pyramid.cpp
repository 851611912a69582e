#include "gui/run/busy_pyramid.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace orrery::gui {

namespace {

constexpr std::size_t kFactor = 4;      ///< bins of a level that make one of the next
constexpr std::size_t kCoarsest = 256;  ///< no further level below so many bins
constexpr double kFineness = 4.0;       ///< bins of the chosen level that a column has at least, if there are
constexpr double kFull = 4294967295.0;  ///< a sum of the whole extent

/// Reads a level at the edges of columns.
struct EdgeReader {
  const std::uint32_t* rows = nullptr;
  std::size_t activities = 0;
  std::int64_t bins = 0;
  double start = 0.0, step = 0.0;  ///< of the columns, in bins
  float scale = 0.0f;              ///< of sums in a share

  /// `kCount`: activities, or 0 for any number.
  template <std::size_t kCount>
  void read(std::size_t columns, float* out) const {
    constexpr std::uint64_t kParts = 1u << 16;  // of a bin
    const std::size_t count = kCount > 0 ? kCount : activities;
    const auto last = static_cast<double>(bins);
    std::array<std::uint32_t, kCount == 0 ? kActivities : kCount> before = {};
    for (std::size_t c = 0; c <= columns; ++c) {
      const double position = std::min(std::max(start + step * static_cast<double>(c), 0.0), last);
      const auto edge = std::min(static_cast<std::int64_t>(position), bins - 1);
      const auto part = static_cast<std::uint64_t>((position - static_cast<double>(edge)) * kParts);
      const std::uint32_t* const row = rows + static_cast<std::size_t>(edge) * count;
      for (std::size_t a = 0; a < count; ++a) {
        const std::uint32_t sum = row[a] + static_cast<std::uint32_t>(part * (row[count + a] - row[a]) / kParts);
        if (c > 0) *out++ = static_cast<float>(sum - before[a]) * scale;
        before[a] = sum;
      }
    }
  }
};

}  // namespace

BusyPyramid::BusyPyramid(const TrackSpans& spans) : activities_(spans.activities.size()) {
  if (spans.size() == 0) return;
  origin_ = spans.first->start;
  const std::uint64_t extent = (spans.last - 1)->end - origin_;
  if (extent == 0) return;
  extent_ = static_cast<double>(extent);

  const std::size_t wanted = std::clamp<std::size_t>(spans.size() / kSpansPerBin, 1, kMostBins);
  const std::uint64_t width = (extent - 1) / wanted + 1;
  std::size_t bins = static_cast<std::size_t>((extent - 1) / width) + 1;
  std::size_t multiple = 1;
  while (bins / multiple >= kCoarsest * kFactor) multiple *= kFactor;
  bins = (bins + multiple - 1) / multiple * multiple;  // every level then ends at the same edge
  bin_width_ = static_cast<double>(width);

  std::size_t rows = 0;
  for (std::size_t level_bins = bins;; level_bins /= kFactor) {
    level_.push_back(static_cast<std::uint32_t>(level_bins));
    rows += level_bins + 1;
    if (level_bins == bins / multiple) break;
  }
  sums_.reserve(rows * activities_);
  sweep(spans, width, bins);
  std::size_t from = 0;
  for (std::size_t level = 1; level < level_.size(); ++level) {
    for (std::size_t edge = 0; edge <= level_[level]; ++edge) {
      for (std::size_t a = 0; a < activities_; ++a) {
        sums_.push_back(sums_[(from + edge * kFactor) * activities_ + a]);
      }
    }
    from += level_[level - 1] + 1;
  }
}

void BusyPyramid::sweep(const TrackSpans& spans, std::uint64_t width, std::size_t bins) {
  std::array<std::uint64_t, kActivities> sum = {};
  const double scale = kFull / extent_;
  std::uint64_t edge = 0;
  std::size_t left = bins + 1;
  const auto pass_edge = [&] {
    for (std::size_t a = 0; a < activities_; ++a) {
      sums_.push_back(static_cast<std::uint32_t>(std::min(static_cast<double>(sum[a]) * scale, kFull)));
    }
    --left;
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - edge;
    edge += std::min(width, room);  // the padding may lie beyond the end of time
  };
  for (const sim::Span* span = spans.first; span != spans.last; ++span) {
    std::uint64_t from = span->start - origin_;
    const std::uint64_t to = span->end - origin_;
    std::uint64_t& busy = sum[spans.slot(*span)];
    while (edge <= from && left > 0) pass_edge();
    while (edge < to && left > 0) {
      busy += edge - from;
      from = edge;
      pass_edge();
    }
    busy += to - from;
  }
  while (left > 0) pass_edge();
}

void BusyPyramid::shares(const Columns& columns, float* out) const {
  const double column = columns.width();
  std::size_t level = 0, first_row = 0;
  double bin = bin_width_;
  while (level + 1 < level_.size() && column >= bin * static_cast<double>(kFactor) * kFineness) {
    first_row += level_[level] + 1;
    bin *= static_cast<double>(kFactor);
    ++level;
  }
  EdgeReader reader;
  reader.rows = sums_.data() + first_row * activities_;
  reader.activities = activities_;
  reader.bins = level_[level];
  reader.start = difference(columns.begin, origin_) / bin;
  reader.step = column / bin;
  reader.scale = static_cast<float>(extent_ / kFull / column);
  switch (activities_) {  // most tracks have few; their loops are unrolled
    case 1:
      return reader.read<1>(columns.count, out);
    case 2:
      return reader.read<2>(columns.count, out);
    case 3:
      return reader.read<3>(columns.count, out);
    case 4:
      return reader.read<4>(columns.count, out);
    default:
      return reader.read<0>(columns.count, out);
  }
}

}  // namespace orrery::gui
