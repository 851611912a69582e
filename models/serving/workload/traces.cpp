// The table of trace formats.
#include <algorithm>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

// A table is recognised by its columns; whatever else it has is not read.
std::vector<std::string_view> mooncake_columns() {
  return {"arrival_ms", "input_tokens", "output_tokens", "block_ids"};
}
std::vector<std::string_view> azure_columns() { return {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}; }
std::vector<std::string_view> azure_csv_columns() { return {"arrival_s", "input_tokens", "output_tokens"}; }

bool is_mooncake(std::string_view line) { return !line.empty() && line.front() == '{'; }
bool is_mooncake_csv(std::string_view line) { return has_columns(line, mooncake_columns()); }
bool is_azure(std::string_view line) { return has_columns(line, azure_columns()); }
bool is_azure_csv(std::string_view line) { return has_columns(line, azure_csv_columns()); }

}  // namespace

const std::vector<TraceFormatRow>& trace_formats() {
  static const std::vector<TraceFormatRow> rows = {
      {"mooncake",
       R"({"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [one per 512 tokens]} a line)",
       "kvcache-ai/Mooncake FAST25-release/traces/*.jsonl (Qin et al., FAST'25)",
       is_mooncake,
       false,
       parse_mooncake,
       {},
       false},
      {"mooncake_csv", "arrival_ms,input_tokens,output_tokens,block_ids (separated by spaces, one per 512 tokens)",
       "the same traces as a table", is_mooncake_csv, true, parse_mooncake_csv, mooncake_columns(), false},
      {"azure", "TIMESTAMP,ContextTokens,GeneratedTokens; requests arrive so long after the first one",
       "Azure/AzurePublicDataset data/AzureLLMInferenceTrace_*.csv (Patel et al., ISCA'24)", is_azure, true,
       parse_azure, azure_columns(), true},
      {"azure_csv", "arrival_s,input_tokens,output_tokens", "the same traces with times from their start", is_azure_csv,
       true, parse_azure_csv, azure_csv_columns(), false},
  };
  return rows;
}

const TraceFormatRow* find_trace_format(std::string_view name) {
  const auto& rows = trace_formats();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const TraceFormatRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace orrery::models
