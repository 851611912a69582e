// Two evaluations that must agree to the picosecond.
#pragma once

#include <gtest/gtest.h>

#include "sim/plan/memory.hpp"
#include "sim/plan/timeline.hpp"

namespace orrery::sim::testing {

inline void expect_same_timeline(const Timeline& a, const Timeline& b) {
  ASSERT_EQ(a.makespan, b.makespan);
  ASSERT_EQ(a.labels, b.labels);
  ASSERT_EQ(a.spans.size(), b.spans.size());
  for (std::size_t i = 0; i < a.spans.size(); ++i) {
    ASSERT_EQ(a.spans[i].start, b.spans[i].start) << "span " << i;
    ASSERT_EQ(a.spans[i].end, b.spans[i].end) << "span " << i;
    ASSERT_EQ(a.spans[i].stream, b.spans[i].stream) << "span " << i;
    ASSERT_EQ(a.spans[i].label, b.spans[i].label) << "span " << i;
    ASSERT_EQ(a.spans[i].activity, b.spans[i].activity) << "span " << i;
  }
  ASSERT_EQ(a.marks.size(), b.marks.size());
  for (std::size_t i = 0; i < a.marks.size(); ++i) {
    ASSERT_EQ(a.marks[i].stream, b.marks[i].stream) << "mark " << i;
    ASSERT_EQ(a.marks[i].mark, b.marks[i].mark) << "mark " << i;
    ASSERT_EQ(a.marks[i].first_span, b.marks[i].first_span) << "mark " << i;
  }
  ASSERT_EQ(a.memory.size(), b.memory.size());
  for (std::size_t i = 0; i < a.memory.size(); ++i) {
    ASSERT_EQ(a.memory[i].time, b.memory[i].time) << "sample " << i;
    ASSERT_EQ(a.memory[i].rank, b.memory[i].rank) << "sample " << i;
    ASSERT_EQ(a.memory[i].kind, b.memory[i].kind) << "sample " << i;
    ASSERT_EQ(a.memory[i].bytes_after, b.memory[i].bytes_after) << "sample " << i;
  }
}

inline void expect_same_memory(const MemoryLedger& a, const MemoryLedger& b) {
  ASSERT_EQ(a.ranks(), b.ranks());
  for (std::uint32_t r = 0; r < a.ranks(); ++r) {
    const RankId rank(r);
    ASSERT_EQ(a.peak(rank).time, b.peak(rank).time) << "rank " << r;
    ASSERT_EQ(a.peak(rank).total, b.peak(rank).total) << "rank " << r;
    ASSERT_EQ(a.peak(rank).at_peak.bytes, b.peak(rank).at_peak.bytes) << "rank " << r;
    ASSERT_EQ(a.peak_of_kind(rank).bytes, b.peak_of_kind(rank).bytes) << "rank " << r;
    ASSERT_EQ(a.in_use(rank).bytes, b.in_use(rank).bytes) << "rank " << r;
  }
}

}  // namespace orrery::sim::testing
