#include "gui/run/timeline_index.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace orrery::gui {

namespace {

/// Spans a column up to which they are read themselves; where the bins are too wide for the columns, up to which they
/// still cost less than exact sums.
constexpr std::size_t kFewSpans = 4;
constexpr std::size_t kManySpans = 64;

std::string group_name(const sim::Rank& rank) {
  return rank.multiplicity() > 1 ? fmt::format("{} ({} GPUs)", rank.name, rank.multiplicity()) : rank.name;
}

std::string readable(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

/// Numbers tracks of one group that would have the same name: "compute 1", "compute 2".
void tell_apart(std::vector<Track>& tracks) {
  std::map<std::pair<std::uint32_t, sim::Lane>, int> number;
  for (const Track& track : tracks) ++number[{track.rank, track.lane}];
  std::map<std::pair<std::uint32_t, sim::Lane>, int> next;
  for (Track& track : tracks) {
    if (number[{track.rank, track.lane}] > 1) track.name += fmt::format(" {}", ++next[{track.rank, track.lane}]);
  }
}

}  // namespace

TimelineIndex::TimelineIndex(const sim::Timeline& timeline)
    : timeline_(&timeline), track_(timeline.streams.size(), 0), spans_by_label_(timeline.labels.size(), 0) {
  const std::vector<sim::Span>& spans = timeline.spans;
  std::size_t first = 0;
  while (first < spans.size()) {
    const StreamId stream = spans[first].stream;
    const auto from = spans.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        std::partition_point(from, spans.end(), [stream](const sim::Span& span) { return !(stream < span.stream); });
    const auto last = static_cast<std::size_t>(end - spans.begin());
    assert(stream.index() < timeline.streams.size() && "a span must be on a stream of the timeline");
    const sim::TimelineStream& info = timeline.streams[stream.index()];
    const sim::Rank& rank = timeline.ranks[info.rank.index()];
    tracks_.push_back({info.rank.value, group_name(rank), readable(info.name), first, last, info.lane});
    first = last;
  }
  std::stable_sort(tracks_.begin(), tracks_.end(),
                   [](const Track& a, const Track& b) { return a.rank != b.rank ? a.rank < b.rank : a.lane < b.lane; });
  tell_apart(tracks_);

  parts_.reserve(tracks_.size());
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    const Track& track = tracks_[t];
    track_[spans[track.first].stream.index()] = static_cast<std::uint32_t>(t);
    Part part;
    part.spans = TrackSpans(spans.data() + track.first, spans.data() + track.last);
    part.blocks = SpanBlocks(part.spans);
    part.pyramid = BusyPyramid(part.spans);
    for (std::size_t i = track.first; i < track.last; ++i) {
      const std::size_t label = spans[i].label.index();
      if (label < spans_by_label_.size()) ++spans_by_label_[label];
    }
    parts_.push_back(std::move(part));
  }
}

void TimelineIndex::fractions(std::size_t track, sim::SimTime begin, sim::SimTime end, std::size_t columns,
                              std::vector<float>& out) const {
  std::vector<float> compact;
  shares(track, {begin, end, columns}, compact);
  const std::vector<std::uint8_t>& present = activities(track);
  out.assign(columns * kActivities, 0.0f);
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t a = 0; a < present.size(); ++a) {
      out[c * kActivities + present[a]] = std::min(compact[c * present.size() + a], 1.0f);  // rounding
    }
  }
}

void TimelineIndex::shares(std::size_t track, const Columns& columns, std::vector<float>& out) const {
  const Part& part = parts_[track];
  out.assign(columns.count * part.spans.activities.size(), 0.0f);
  if (columns.count == 0 || columns.end <= columns.begin) return;
  const auto [first, last] = spans_in(track, columns.begin, columns.end);
  const std::size_t spans = last - first;
  const bool bins_fit = part.pyramid.bin_width() > 0.0 && columns.width() >= part.pyramid.bin_width();
  if (spans <= kFewSpans * columns.count || (!bins_fit && spans <= kManySpans * columns.count)) {
    exact_shares(part, columns, out.data());
  } else if (bins_fit) {
    part.pyramid.shares(columns, out.data());
  } else {
    summed_shares(part, columns, out.data());
  }
}

void TimelineIndex::exact_shares(const Part& part, const Columns& columns, float* out) const {
  const std::size_t activities = part.spans.activities.size();
  const double width = columns.width(), per_width = 1.0 / width;
  const double range = static_cast<double>(columns.end - columns.begin);
  const sim::Span* const last = part.spans.starting_from(columns.end);
  for (const sim::Span* span = part.spans.ending_after(columns.begin); span < last; ++span) {
    const double from = std::max(0.0, difference(span->start, columns.begin)) * per_width;
    const double to = std::min(range, difference(span->end, columns.begin)) * per_width;
    float* const slot = out + part.spans.slot(*span);
    auto c = static_cast<std::size_t>(from);
    const std::size_t end = std::min(static_cast<std::size_t>(to), columns.count - 1);
    if (c >= end) {
      c = std::min(c, columns.count - 1);
      slot[c * activities] += static_cast<float>(std::max(0.0, to - from));
      continue;
    }
    slot[c * activities] += static_cast<float>(static_cast<double>(c + 1) - from);
    for (++c; c < end; ++c) slot[c * activities] = 1.0f;
    slot[c * activities] += static_cast<float>(to - static_cast<double>(end));
  }
}

void TimelineIndex::summed_shares(const Part& part, const Columns& columns, float* out) const {
  const std::size_t activities = part.spans.activities.size();
  std::array<std::uint64_t, kActivities> before, after;
  part.blocks.busy_before(part.spans, columns.begin, before);
  const double width = columns.width();
  sim::SimTime from = columns.begin;
  for (std::size_t c = 0; c < columns.count; ++c) {
    const auto offset = static_cast<sim::SimTime>(width * static_cast<double>(c + 1));
    const sim::SimTime to = c + 1 == columns.count ? columns.end : std::min(columns.end, columns.begin + offset);
    part.blocks.busy_before(part.spans, to, after);
    const double length = static_cast<double>(std::max<sim::SimTime>(to - from, 1));
    for (std::size_t a = 0; a < activities; ++a) {
      out[c * activities + a] = static_cast<float>(static_cast<double>(after[a] - before[a]) / length);
    }
    before = after;
    from = to;
  }
}

std::pair<std::size_t, std::size_t> TimelineIndex::spans_in(std::size_t track, sim::SimTime begin,
                                                            sim::SimTime end) const {
  const TrackSpans& spans = parts_[track].spans;
  const std::size_t offset = tracks_[track].first;
  const sim::Span* first = std::partition_point(spans.first, spans.last, [begin](const sim::Span& span) {
    return span.end < begin || (span.end == begin && span.start < begin);
  });
  const sim::Span* const last = std::max(first, spans.starting_from(end));
  return {offset + static_cast<std::size_t>(first - spans.first),
          offset + static_cast<std::size_t>(last - spans.first)};
}

std::size_t TimelineIndex::span_at(std::size_t track, sim::SimTime time) const {
  const TrackSpans& spans = parts_[track].spans;
  const sim::Span* const span = spans.ending_after(time);
  if (span == spans.last || span->start > time) return kNone;
  return tracks_[track].first + static_cast<std::size_t>(span - spans.first);
}

std::size_t TimelineIndex::track_of(std::size_t span) const { return track_[timeline_->spans[span].stream.index()]; }

ActivityTimes TimelineIndex::busy(std::size_t first, std::size_t last, sim::SimTime begin, sim::SimTime end) const {
  ActivityTimes total = {};
  if (end <= begin) return total;
  std::array<std::uint64_t, kActivities> before, after;
  for (std::size_t track = first; track < std::min(last, parts_.size()); ++track) {
    const Part& part = parts_[track];
    part.blocks.busy_before(part.spans, begin, before);
    part.blocks.busy_before(part.spans, end, after);
    for (std::size_t a = 0; a < part.spans.activities.size(); ++a) {
      total[part.spans.activities[a]] += static_cast<double>(after[a] - before[a]);
    }
  }
  return total;
}

std::size_t TimelineIndex::bytes() const {
  std::size_t sum = tracks_.capacity() * sizeof(Track) + parts_.capacity() * sizeof(Part) +
                    track_.capacity() * sizeof(std::uint32_t) + spans_by_label_.capacity() * sizeof(std::size_t);
  for (const Part& part : parts_) sum += part.blocks.bytes() + part.pyramid.bytes();
  return sum;
}

}  // namespace orrery::gui
