// Writes a Timeline as a Chrome trace, which Perfetto and chrome://tracing read.
//
// Format: "Trace Event Format" (JSON object form): a process per rank, a thread per stream, complete
// events ("X") in microseconds, and one counter track per rank for memory in use by kind. Times are
// written exactly, as microseconds with six decimals, from integers. A span that a link held up has the args
// held_up_by (where links have names) and held_up_s.
//
// Limitations: labels that are not UTF-8 have the offending bytes replaced by U+FFFD.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "sim/timeline.hpp"

namespace orrery::sim {

/// Streams the trace; memory use does not grow with the timeline. The caller checks the stream's state.
void write_trace(const Timeline& timeline, std::ostream& out);

/// A JSON string with quotes: escapes quotes, backslashes and control characters, repairs bad UTF-8.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace orrery::sim
