// Spans of one stream for the tests of what is summed over them.
#pragma once

#include <random>
#include <vector>

#include "sim/plan/timeline.hpp"

namespace orrery::gui::tests {

/// `count` forward spans of `length` each from `start` on, without pauses.
inline std::vector<sim::Span> back_to_back(std::size_t count, sim::SimTime length, sim::SimTime start) {
  std::vector<sim::Span> spans;
  for (std::size_t i = 0; i < count; ++i) {
    spans.push_back(
        {start + i * length, start + (i + 1) * length, StreamId(0), sim::LabelId(0), sim::Activity::forward});
  }
  return spans;
}

/// Spans and pauses of random length, some without a duration, some a hundred times longer, of the first `activities`
/// kinds and of labels below 200.
inline std::vector<sim::Span> random_spans(std::uint32_t seed, std::size_t count, sim::SimTime start,
                                           std::uint32_t activities) {
  std::mt19937 random(seed);
  std::vector<sim::Span> spans;
  for (std::size_t i = 0; i < count; ++i) {
    start += random() % 3 == 0 ? 0 : random() % 400;
    sim::SimTime length = random() % 8 == 0 ? 0 : 1 + random() % 900;
    if (random() % 60 == 0) length *= 100;
    const auto activity = static_cast<sim::Activity>(random() % activities);
    spans.push_back({start, start + length, StreamId(0), sim::LabelId(random() % 200), activity});
    start += length;
  }
  return spans;
}

}  // namespace orrery::gui::tests
