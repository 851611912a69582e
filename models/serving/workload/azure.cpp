// Azure's LLM inference traces of 2023 and 2024: arrivals and lengths, no contents.
//
// Source: Azure/AzurePublicDataset, data/AzureLLMInferenceTrace_*.csv (Patel et al., Splitwise, ISCA'24; Stojkovic et
// al., DynamoLLM, 2024), CC-BY 4.0: times are dates of 100 ns (2023) or 1 µs with an offset (2024) resolution.
// azure_csv: seconds from the trace's start instead of dates.
#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {

TraceEntry parse_azure(std::string_view header, std::string_view line) {
  TraceEntry entry;
  entry.arrival = parse_date_time("TIMESTAMP", csv_cell(header, line, "TIMESTAMP"));
  set_lengths(entry, "ContextTokens", csv_cell(header, line, "ContextTokens"), "GeneratedTokens",
              csv_cell(header, line, "GeneratedTokens"));
  return entry;
}

TraceEntry parse_azure_csv(std::string_view header, std::string_view line) {
  TraceEntry entry;
  entry.arrival = parse_time("arrival_s", csv_cell(header, line, "arrival_s"), 0);
  set_lengths(entry, "input_tokens", csv_cell(header, line, "input_tokens"), "output_tokens",
              csv_cell(header, line, "output_tokens"));
  return entry;
}

}  // namespace orrery::models
