// What a kind of job needs to write its parts of the JSON report.
#pragma once

#include <string>
#include <string_view>

#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

/// JSON has no NaN: a number that is none is a mistake of a model, not of the writer. Throws std::logic_error.
[[nodiscard]] double finite(double value, std::string_view what);

/// The metrics of a job: "serving.ttft_s.mean" goes to section "serving", object "ttft_s", key "mean". A figure that
/// this run leaves undefined is null.
void add_metrics(const JobView& view, Json& json);

/// Indented by two, with a line end. Bytes that are no UTF-8 (names of files may have such) become U+FFFD.
[[nodiscard]] std::string json_text(const Json& json);

/// An event as the scenario says it.
[[nodiscard]] Json event_json(const Event& event);

}  // namespace orrery::scenarios
