// The traces of Vidur and Sarathi-Serve: with arrivals, or lengths alone, to which their generators add arrivals.
//
// Source: microsoft/vidur vidur/request_generator/trace_replay_request_generator.py (arrived_at in seconds) and
// trace_request_length_generator.py; data/processed_traces/*.csv.
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {

TraceEntry parse_vidur_lengths(std::string_view header, std::string_view line) {
  TraceEntry entry;
  set_lengths(entry, "num_prefill_tokens", csv_cell(header, line, "num_prefill_tokens"), "num_decode_tokens",
              csv_cell(header, line, "num_decode_tokens"));
  return entry;
}

TraceEntry parse_vidur(std::string_view header, std::string_view line) {
  TraceEntry entry = parse_vidur_lengths(header, line);
  entry.arrival = parse_time("arrived_at", csv_cell(header, line, "arrived_at"), 0);
  return entry;
}

}  // namespace orrery::models
