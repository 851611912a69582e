// Passes of a pipeline from the marks that its lowering left in the timeline.
//
// A pass lasts from its first kernel to the end of its last one, or of a collective that it began and that ends later.
// Gradient reduction belongs to the step, not to a pass: data-parallel collectives don't prolong one.

#include <algorithm>
#include <optional>

#include "gui/view/pipeline_view.hpp"

#undef emit  // Qt's macro; the pipeline's lowering has a function of that name
#include "models/parallel/lanes.hpp"
#include "models/training/pipeline.hpp"

namespace orrery::gui {

namespace {

/// Spans [first, last) of a stream.
struct StreamSpans {
  std::size_t first = 0, last = 0;
};

std::vector<StreamSpans> spans_by_stream(const sim::Timeline& timeline) {
  std::vector<StreamSpans> found(timeline.streams.size());
  const auto begin = timeline.spans.begin();
  for (std::size_t s = 0; s < found.size(); ++s) {
    const auto before = [](const sim::Span& span, std::size_t stream) { return span.stream.index() < stream; };
    found[s].first = static_cast<std::size_t>(std::lower_bound(begin, timeline.spans.end(), s, before) - begin);
    found[s].last = static_cast<std::size_t>(std::lower_bound(begin, timeline.spans.end(), s + 1, before) - begin);
  }
  return found;
}

/// The lanes whose collectives a pass waits for, by rank.
std::vector<std::vector<StreamSpans>> collective_lanes(const sim::Timeline& timeline,
                                                       const std::vector<StreamSpans>& spans) {
  std::vector<std::vector<StreamSpans>> found(timeline.ranks.size());
  for (std::size_t s = 0; s < spans.size(); ++s) {
    const sim::TimelineStream& stream = timeline.streams[s];
    if (stream.lane == models::lanes::kTensorParallel && spans[s].first < spans[s].last)
      found[stream.rank.index()].push_back(spans[s]);
  }
  return found;
}

/// When the last span of `lane` that starts within [begin, next) ends; 0 if none does.
sim::SimTime end_of_collectives(const sim::Timeline& timeline, const StreamSpans& lane, sim::SimTime begin,
                                sim::SimTime next) {
  const auto at = [&](std::size_t index) { return timeline.spans.begin() + static_cast<std::ptrdiff_t>(index); };
  const auto found = std::lower_bound(at(lane.first), at(lane.last), next,
                                      [](const sim::Span& span, sim::SimTime time) { return span.start < time; });
  if (found == at(lane.first)) return 0;
  const sim::Span& last = *std::prev(found);
  return last.start >= begin ? last.end : 0;
}

}  // namespace

std::vector<PassBox> pass_boxes(const sim::Timeline& timeline) {
  const std::vector<StreamSpans> streams = spans_by_stream(timeline);
  const std::vector<std::vector<StreamSpans>> lanes = collective_lanes(timeline, streams);
  std::vector<PassBox> boxes;
  for (std::size_t m = 0; m < timeline.marks.size(); ++m) {
    const sim::TimelineMark& mark = timeline.marks[m];
    const std::optional<models::PipelineSlot> slot = models::pass_of(mark.mark);
    if (!slot) continue;
    const std::size_t stream = mark.stream.index();
    std::size_t last = streams[stream].last;
    if (m + 1 < timeline.marks.size() && timeline.marks[m + 1].stream == mark.stream) {
      last = timeline.marks[m + 1].first_span;
    }
    if (mark.first_span >= last) continue;  // a stage without layers
    PassBox box;
    const RankId rank = timeline.streams[stream].rank;
    box.stage = static_cast<std::uint32_t>(rank.index());
    box.slot = *slot;
    box.first = mark.first_span;
    box.last = last;
    box.begin = timeline.spans[box.first].start;
    box.end = timeline.spans[last - 1].end;
    const sim::SimTime next = last < streams[stream].last ? timeline.spans[last].start : timeline.makespan;
    for (const StreamSpans& lane : lanes[rank.index()]) {
      box.end = std::max(box.end, std::min(next, end_of_collectives(timeline, lane, box.begin, next)));
    }
    boxes.push_back(box);
  }
  std::stable_sort(boxes.begin(), boxes.end(), [](const PassBox& a, const PassBox& b) {
    return a.stage != b.stage ? a.stage < b.stage : a.begin < b.begin;
  });
  if (boxes.empty() || boxes.front().stage == boxes.back().stage) return {};
  return boxes;
}

std::vector<double> bubble_shares(const std::vector<PassBox>& boxes) {
  if (boxes.empty()) return {};
  std::vector<double> shares(boxes.back().stage + 1U, 0.0);
  sim::SimTime begin = boxes.front().begin, end = 0;
  for (const PassBox& box : boxes) {
    begin = std::min(begin, box.begin);
    end = std::max(end, box.end);
    shares[box.stage] += static_cast<double>(box.end - box.begin);
  }
  const double phase = static_cast<double>(end - begin);
  for (double& share : shares) share = phase > 0.0 ? std::max(0.0, 1.0 - share / phase) : 0.0;
  return shares;
}

}  // namespace orrery::gui
