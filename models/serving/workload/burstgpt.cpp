// BurstGPT: requests of a campus to GPT-3.5 and GPT-4, with arrivals in seconds from the trace's start.
//
// Source: HPMLL/BurstGPT data/BurstGPT_*.csv (Wang et al., arXiv:2401.17644): Timestamp, Model, Request tokens,
// Response tokens, Total tokens, Log Type; later versions have more columns. Response tokens are 0 where the service
// failed to answer. Limitation: the models are not told apart, all requests go to the one that is served.
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {

TraceEntry parse_burstgpt(std::string_view header, std::string_view line) {
  TraceEntry entry;
  entry.arrival = parse_time("Timestamp", csv_cell(header, line, "Timestamp"), 0);
  set_lengths(entry, "Request tokens", csv_cell(header, line, "Request tokens"), "Response tokens",
              csv_cell(header, line, "Response tokens"));
  return entry;
}

}  // namespace orrery::models
