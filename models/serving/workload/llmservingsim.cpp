// LLMServingSim's request traces: one JSON object a line, arrivals in nanoseconds.
//
// Source: casys-kaist/LLMServingSim (5daddb2) dataset/*.jsonl: input_toks, output_toks, arrival_time_ns. Limitation:
// token ids, where a line has them, are not compared, so that prompts share nothing.
#include <string>

#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/json_fields.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {

TraceEntry parse_llmservingsim(std::string_view, std::string_view line) {
  const nlohmann::json object = parse_record(line);
  TraceEntry entry;
  entry.arrival = parse_time("arrival_time_ns", number_text(object, "arrival_time_ns"), 9);
  const std::string input = number_text(object, "input_toks"), output = number_text(object, "output_toks");
  set_lengths(entry, "input_toks", input, "output_toks", output);
  return entry;
}

}  // namespace orrery::models
