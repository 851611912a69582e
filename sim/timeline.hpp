// A Timeline: what ran when. The same type comes out of the simulator and out of the executor.
//
// Columnar: a simulated step of a large job has millions of spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hardware/ids.hpp"
#include "sim/clock.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct Span {
  SimTime start = 0;
  SimTime end = 0;
  StreamId stream;
  LabelId label;
  Activity activity = Activity::other;
};

/// Memory in use of one kind on one rank changed at a time.
struct MemorySample {
  SimTime time = 0;
  RankId rank;
  MemoryKind kind = MemoryKind::workspace;
  double bytes_after = 0.0;  ///< bytes of that kind in use from `time` on
};

struct TimelineStream {
  RankId rank;
  Lane lane;
  std::string name;  ///< of the lane
};

/// A `mark` step of the plan: an annotation of what its stream does from there on.
struct TimelineMark {
  StreamId stream;
  MarkEntry mark;
  std::size_t first_span = 0;  ///< the stream's first span behind the mark; one past its last if none follows
};

struct Timeline {
  std::vector<Rank> ranks;
  std::vector<TimelineStream> streams;
  std::vector<std::string> labels;
  std::vector<Span> spans;          ///< ordered by stream, then start
  std::vector<TimelineMark> marks;  ///< ordered by stream, then first_span, then as in the plan
  std::vector<MemorySample> memory;
  SimTime makespan = 0;
};

}  // namespace orrery::sim
