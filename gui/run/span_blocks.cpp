#include "gui/run/span_blocks.hpp"

#include <algorithm>

namespace orrery::gui {

TrackSpans::TrackSpans(const sim::Span* begin, const sim::Span* end) : first(begin), last(end) {
  std::uint32_t present = 0;
  for (const sim::Span* span = begin; span != end; ++span) present |= 1u << static_cast<unsigned>(span->activity);
  for (std::size_t a = 0; a < kActivities; ++a) {
    if ((present >> a & 1u) == 0) continue;
    places[a] = static_cast<std::uint8_t>(activities.size());
    activities.push_back(static_cast<std::uint8_t>(a));
  }
}

const sim::Span* TrackSpans::ending_after(sim::SimTime time) const {
  return std::partition_point(first, last, [time](const sim::Span& span) { return span.end <= time; });
}

const sim::Span* TrackSpans::starting_from(sim::SimTime time) const {
  return std::partition_point(first, last, [time](const sim::Span& span) { return span.start < time; });
}

SpanBlocks::SpanBlocks(const TrackSpans& spans) {
  const std::size_t blocks = (spans.size() + kBlock - 1) / kBlock;
  sums_.reserve(blocks * spans.activities.size());
  labels_.reserve(blocks);
  std::array<std::uint64_t, kActivities> sum = {};
  const auto width = static_cast<std::ptrdiff_t>(spans.activities.size());
  for (const sim::Span* block = spans.first; block != spans.last;) {
    const sim::Span* end = block + std::min<std::ptrdiff_t>(kBlock, spans.last - block);
    sums_.insert(sums_.end(), sum.begin(), sum.begin() + width);
    Labels labels{0, block->label.value, block->label.value};
    for (; block != end; ++block) {
      sum[spans.slot(*block)] += block->end - block->start;
      const std::uint32_t label = block->label.value;
      labels.mask |= std::uint64_t{1} << (label & 63u);
      labels.least = std::min(labels.least, label);
      labels.most = std::max(labels.most, label);
    }
    labels_.push_back(labels);
  }
}

void SpanBlocks::busy_before(const TrackSpans& spans, sim::SimTime time,
                             std::array<std::uint64_t, kActivities>& out) const {
  out.fill(0);
  const auto before = static_cast<std::size_t>(spans.starting_from(time) - spans.first);  // they start before `time`
  if (before == 0) return;
  const std::size_t block = (before - 1) / kBlock;
  const std::size_t width = spans.activities.size();
  std::copy_n(sums_.begin() + static_cast<std::ptrdiff_t>(block * width), width, out.begin());
  for (const sim::Span* span = spans.first + block * kBlock; span != spans.first + before; ++span) {
    out[spans.slot(*span)] += std::min(span->end, time) - span->start;
  }
}

std::size_t SpanBlocks::bytes() const {
  return sums_.capacity() * sizeof(std::uint64_t) + labels_.capacity() * sizeof(Labels);
}

}  // namespace orrery::gui
