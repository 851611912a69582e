// The requests of a serving run as a table: `orrery run --requests F`.
//
// One row per request in the order of arrival. Times are seconds from the start of the simulation, written exactly
// (simulated time is whole picoseconds); tpot_s alone is a quotient. Cells of what never happened are empty: the first
// token of a refused request, the TPOT of an answer of one token.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "models/serving/serving.hpp"

namespace orrery::scenarios {

/// Picoseconds as seconds, exactly, without trailing zeros: 1500000000000 → "1.5".
[[nodiscard]] std::string exact_seconds(sim::SimTime time);

/// "waiting", "running", "finished", "rejected".
[[nodiscard]] std::string_view name(models::SequenceState state);

/// With `partial` the last line is a comment that says so.
void write_requests_csv(const std::vector<models::RequestRecord>& records, bool partial, std::ostream& out);

}  // namespace orrery::scenarios
