// Conversations of NVIDIA's load generators, one request a turn: inputs.json, which holds every request as it was sent,
// and AIPerf's multi_turn lines, whose turns hold what each adds.
//
// The prompt of a turn of multi_turn is all that was said before, answers of their full length included, and its own
// text. Source: ai-dynamo/aiperf docs, "Inputs JSON Replay" (data[].payloads[]) and custom-dataset.md, multi_turn;
// triton-inference-server/perf_analyzer genai-perf, inputs.json (data[].payload[]).
// Limitations: turns arrive as the load says and not a `delay` after the answer before; what prompts share is not
// compared.
#include <deque>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/item_reader.hpp"
#include "models/serving/workload/json_fields.hpp"
#include "models/serving/workload/line_reader.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

/// Records of which each may hold several requests, which are handed out one by one.
class SessionReader : public RecordReader {
 public:
  using Split = std::deque<std::string> (*)(std::string_view record);
  SessionReader(std::unique_ptr<RecordReader> inner, Split split)
      : RecordReader(inner->path()), inner_(std::move(inner)), split_(split) {}

  bool next(std::string_view& record) override {
    if (!waiting_.empty()) waiting_.pop_front();
    while (waiting_.empty()) {
      std::string_view whole;
      if (!inner_->next(whole)) return false;
      line_ = inner_->line();
      if (whole.empty()) {
        record = whole;
        return true;
      }
      try {
        waiting_ = split_(whole);
      } catch (const std::invalid_argument& error) {
        fail(error.what());
      }
    }
    record = waiting_.front();
    return true;
  }
  bool at_end() override { return waiting_.size() <= 1 && inner_->at_end(); }

 private:
  std::unique_ptr<RecordReader> inner_;
  Split split_;
  std::deque<std::string> waiting_;  ///< the first is what was handed out last
};

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::deque<std::string> payloads_of(std::string_view item) {
  const Json object = parse_record(item);
  for (const char* field : {"payloads", "payload"}) {
    const auto found = object.find(field);
    if (found == object.end()) continue;
    if (!found->is_array()) throw std::invalid_argument(fmt::format("{}: a list of requests is expected", field));
    std::deque<std::string> requests;
    for (const Json& one : *found) requests.push_back(dumped(one));
    return requests;
  }
  throw std::invalid_argument("the field payloads is missing");
}

/// Bytes of what a message says: a text, or a list of parts of which some are texts.
std::string text_of(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content) {
    if (part.is_string()) text += part.get<std::string>();
    if (part.is_object() && part.contains("text") && part["text"].is_string()) text += part["text"].get<std::string>();
  }
  return text;
}

std::string prompt_of(const Json& request) {
  const auto messages = request.find("messages");
  if (messages != request.end()) {
    if (!messages->is_array()) throw std::invalid_argument("messages: a list is expected");
    std::string text;
    for (const Json& message : *messages) {
      if (message.is_object() && message.contains("content")) text += text_of(message["content"]);
    }
    return text;
  }
  for (const char* field : {"prompt", "text_input", "input", "text"}) {
    if (request.contains(field)) return text_of(request[field]);
  }
  throw std::invalid_argument("the field messages is missing, and prompt too");
}

std::int64_t whole_number(const Json& turn, const char* field) { return parse_tokens(field, number_text(turn, field)); }

/// "{"input_length": …, "output_length": …}" of each turn, the times that it has beside them.
std::deque<std::string> turns_of(std::string_view line) {
  const Json object = parse_record(line);
  const auto turns = object.find("turns");
  if (turns == object.end()) return {std::string(line)};
  if (!turns->is_array() || turns->empty()) throw std::invalid_argument("turns: a list of turns is expected");
  std::deque<std::string> requests;
  std::int64_t said = 0;
  for (const Json& turn : *turns) {
    if (!turn.is_object()) throw std::invalid_argument("turns: a turn is an object {text, output_length}");
    const std::int64_t own = turn.contains("input_length") ? whole_number(turn, "input_length")
                                                           : parse_tokens("text", estimated_tokens(prompt_of(turn)));
    const char* answer = turn.contains("output_length") ? "output_length" : "max_tokens";
    if (!turn.contains(answer)) {
      throw std::invalid_argument("turns: a turn lacks the field output_length: nobody knows how long its answer is");
    }
    const std::int64_t output = whole_number(turn, answer);
    Json request = {{"input_length", said + own}, {"output_length", output}};
    for (const Json* from : {&object, &turn}) {
      if (from->contains("timestamp")) request["timestamp"] = (*from)["timestamp"];
    }
    requests.push_back(dumped(request));
    said += own + output;
  }
  return requests;
}

}  // namespace

std::unique_ptr<RecordReader> open_inputs_json(std::unique_ptr<ByteReader> bytes) {
  return std::make_unique<SessionReader>(std::make_unique<ItemReader>(std::move(bytes), "data"), payloads_of);
}

TraceEntry parse_inputs_json(std::string_view, std::string_view record) {
  const Json request = parse_record(record);
  TraceEntry entry;
  for (const char* field : {"max_completion_tokens", "max_tokens", "min_tokens", "output_length"}) {
    if (!request.contains(field) || request[field].is_null()) continue;
    set_lengths(entry, "messages", estimated_tokens(prompt_of(request)), field, number_text(request, field));
    return entry;
  }
  throw std::invalid_argument("the field max_tokens is missing: without it nobody knows how long the answer is");
}

std::unique_ptr<RecordReader> open_turns(std::unique_ptr<ByteReader> bytes) {
  return std::make_unique<SessionReader>(std::make_unique<LineReader>(std::move(bytes)), turns_of);
}

}  // namespace orrery::models
