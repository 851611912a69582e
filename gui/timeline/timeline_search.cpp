// Searching the labels of a timeline's spans. Labels are matched once; blocks of spans without a match are skipped.
#include <algorithm>

#include "gui/run/timeline_index.hpp"

namespace orrery::gui {

namespace {

/// Labels are ASCII; other bytes are compared as they are.
char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains_text(std::string_view label, std::string_view text) {
  const auto same = [](char a, char b) { return folded(a) == folded(b); };
  return std::search(label.begin(), label.end(), text.begin(), text.end(), same) != label.end();
}

}  // namespace

bool LabelMatch::may_meet(const SpanBlocks::Labels& block) const {
  if ((block.mask & mask) == 0 || labels.empty()) return false;
  const std::size_t end = std::min<std::size_t>(block.most, labels.size() - 1) + 1;
  return block.least < end && matches[end] > matches[block.least];
}

LabelMatch TimelineIndex::match(std::string_view text) const {
  LabelMatch result;
  if (timeline_ == nullptr || text.empty()) return result;
  const std::vector<std::string>& labels = timeline_->labels;
  result.labels.resize(labels.size(), 0);
  result.matches.resize(labels.size() + 1, 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool matches = contains_text(labels[i], text);
    result.labels[i] = matches ? 1 : 0;
    result.matches[i + 1] = result.matches[i] + (matches ? 1u : 0u);
    if (!matches) continue;
    result.mask |= std::uint64_t{1} << (i & 63u);
    result.spans += spans_by_label_[i];
  }
  return result;
}

std::size_t TimelineIndex::find(std::string_view text, std::size_t from, bool forward) const {
  return find(match(text), from, forward);
}

/// Spans are ordered by (start, index). Each track gives its nearest match, no further than the best so far.
std::size_t TimelineIndex::find(const LabelMatch& match, std::size_t from, bool forward) const {
  if (match.spans == 0) return kNone;
  const std::vector<sim::Span>& spans = timeline_->spans;
  const bool bounded = from < spans.size();
  std::size_t best = kNone;
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    const Track& track = tracks_[t];
    const auto begin = spans.begin() + static_cast<std::ptrdiff_t>(track.first);
    const auto end = spans.begin() + static_cast<std::ptrdiff_t>(track.last);
    // The spans of the track up to and with (before: without) `from` in that order.
    const auto index_of = [&](const sim::Span& span) { return static_cast<std::size_t>(&span - spans.data()); };
    const auto cut = !bounded ? (forward ? begin : end) : std::partition_point(begin, end, [&](const sim::Span& span) {
      if (span.start != spans[from].start) return span.start < spans[from].start;
      return forward ? index_of(span) <= from : index_of(span) < from;
    });
    const auto position = static_cast<std::size_t>(cut - spans.begin());
    const std::size_t found = forward
                                  ? next_match(match, t, position, best == kNone ? ~sim::SimTime{0} : spans[best].start)
                                  : previous_match(match, t, position, best == kNone ? 0 : spans[best].start);
    if (found == kNone) continue;
    const auto earlier = [&](std::size_t a, std::size_t b) {
      return spans[a].start != spans[b].start ? spans[a].start < spans[b].start : a < b;
    };
    if (best == kNone || (forward ? earlier(found, best) : earlier(best, found))) best = found;
  }
  return best == kNone && bounded ? find(match, kNone, forward) : best;
}

std::size_t TimelineIndex::next_match(const LabelMatch& match, std::size_t track, std::size_t from,
                                      sim::SimTime latest) const {
  const std::vector<sim::Span>& spans = timeline_->spans;
  const auto& [first, last] = std::pair(tracks_[track].first, tracks_[track].last);
  for (std::size_t i = from; i < last && spans[i].start <= latest;) {
    const std::size_t block = (i - first) / SpanBlocks::kBlock;
    const std::size_t end = std::min(last, first + (block + 1) * SpanBlocks::kBlock);
    const bool met = match.may_meet(parts_[track].blocks.labels()[block]);
    for (; met && i < end; ++i) {
      if (match.contains(spans[i].label)) return i;
    }
    i = end;
  }
  return kNone;
}

std::size_t TimelineIndex::previous_match(const LabelMatch& match, std::size_t track, std::size_t end,
                                          sim::SimTime earliest) const {
  const std::vector<sim::Span>& spans = timeline_->spans;
  const std::size_t first = tracks_[track].first;
  while (end > first && spans[end - 1].start >= earliest) {
    const std::size_t block = (end - 1 - first) / SpanBlocks::kBlock;
    const std::size_t begin = first + block * SpanBlocks::kBlock;
    const bool met = match.may_meet(parts_[track].blocks.labels()[block]);
    for (; met && end > begin; --end) {
      if (match.contains(spans[end - 1].label)) return end - 1;
    }
    end = begin;
  }
  return kNone;
}

}  // namespace orrery::gui
