// A Timeline: what ran when. The same type comes out of the simulator and out of the executor.
//
// Columnar: a simulated step of a large job has millions of spans.
#pragma once

#include <algorithm>
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

/// A span that took longer than it does alone, because of a link that others loaded too.
struct HeldUpSpan {
  std::size_t span = 0;    ///< in Timeline::spans
  std::uint32_t link = 0;  ///< in Timeline::links: the one that held it up most
  SimTime delay = 0;       ///< how much longer it took; > 0
};

struct Timeline {
  std::vector<Rank> ranks;
  std::vector<TimelineStream> streams;
  std::vector<std::string> labels;
  std::vector<Span> spans;          ///< ordered by stream, then start
  std::vector<TimelineMark> marks;  ///< ordered by stream, then first_span, then as in the plan
  std::vector<MemorySample> memory;
  std::vector<HeldUpSpan> held_up;  ///< ordered by span; empty where nothing was
  std::vector<std::string> links;   ///< names of the World's links; may be empty where nothing was held up
  SimTime makespan = 0;

  /// nullptr: nothing held that span up.
  [[nodiscard]] const HeldUpSpan* find_held_up(std::size_t span) const {
    const auto before = [](const HeldUpSpan& held, std::size_t number) { return held.span < number; };
    const auto found = std::lower_bound(held_up.begin(), held_up.end(), span, before);
    return found != held_up.end() && found->span == span ? &*found : nullptr;
  }
};

}  // namespace orrery::sim
