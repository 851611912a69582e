// A table of lengths alone: input_tokens,output_tokens, as notebooks write them. Requests arrive at once, or as the
// load says.
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {

TraceEntry parse_length_table(std::string_view header, std::string_view line) {
  TraceEntry entry;
  set_lengths(entry, "input_tokens", csv_cell(header, line, "input_tokens"), "output_tokens",
              csv_cell(header, line, "output_tokens"));
  return entry;
}

}  // namespace orrery::models
