// What the timeline says in words: a span, a point, a selection, and the table of sums.
#pragma once

#include <string>

#include <QString>

#include "gui/run/timeline_index.hpp"

namespace orrery::gui {

/// The metric of the report that a span of this activity adds to: "training.compute_s".
[[nodiscard]] QString metric_of(sim::Activity activity);

/// "backward MLP · backward · starts 1.2 s · lasts 3.4 ms · stage 0 (8 GPUs), compute", and where a link held it up
/// " · held up 0.4 ms by nic (stage 0)".
[[nodiscard]] QString describe_span(const TimelineIndex& index, std::size_t span);

/// What ran on a track in [begin, end): "forward 60 %, tensor parallel 12 %, idle 28 %".
[[nodiscard]] QString describe_shares(const TimelineIndex& index, std::size_t track, sim::SimTime begin,
                                      sim::SimTime end);

/// Sums over all tracks: "2.5 ms from 1.2 s, summed over 40 tracks: forward 12 ms, …".
[[nodiscard]] QString describe_selection(const TimelineIndex& index, sim::SimTime begin, sim::SimTime end);

/// The activities present, in the order of their enumerators.
[[nodiscard]] std::vector<sim::Activity> activities_present(const TimelineIndex& index);

/// Busy time of every track by activity within [begin, end): columns group, track, activity, begin_s, end_s, busy_s,
/// share.
[[nodiscard]] std::string timeline_csv(const TimelineIndex& index, sim::SimTime begin, sim::SimTime end);

}  // namespace orrery::gui
