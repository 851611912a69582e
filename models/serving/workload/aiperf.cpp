// Inputs of NVIDIA's load generators AIPerf and GenAI-Perf: one JSON object a line with the prompt's text.
//
// Source: ai-dynamo/aiperf docs/tutorials/custom-dataset.md, single_turn: text (or text_input), timestamp in
// milliseconds, output_length; without timestamps all requests arrive at once. input_length is taken where a line has
// it, else the text's length is estimated; conversations of several turns come in one by one (sessions.cpp).
// Limitation: what prompts share is not compared. Its mooncake_trace has lengths instead of texts, and is Mooncake's
// format.
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/json_fields.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

std::string prompt_tokens(const Json& object) {
  if (object.contains("input_length")) return number_text(object, "input_length");
  for (const char* field : {"text", "text_input"}) {
    const auto found = object.find(field);
    if (found == object.end()) continue;
    if (!found->is_string()) throw std::invalid_argument(std::string(field) + ": a text is expected");
    return estimated_tokens(found->get_ref<const std::string&>());
  }
  throw std::invalid_argument("the field text is missing");
}

std::string answer_tokens(const Json& object) {
  for (const char* field : {"output_length", "max_completion_tokens", "max_tokens"}) {
    if (object.contains(field)) return number_text(object, field);
  }
  throw std::invalid_argument("the field output_length is missing: without it nobody knows how long the answer is");
}

}  // namespace

TraceEntry parse_aiperf(std::string_view, std::string_view line) {
  const Json object = parse_record(line);
  TraceEntry entry;
  if (object.contains("timestamp")) entry.arrival = parse_time("timestamp", number_text(object, "timestamp"), 3);
  const std::string input = prompt_tokens(object), output = answer_tokens(object);
  set_lengths(entry, "text", input, "output_length", output);
  return entry;
}

}  // namespace orrery::models
