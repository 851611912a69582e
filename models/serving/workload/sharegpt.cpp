// ShareGPT's conversations: a JSON list of objects with `conversations`, whose first two turns are a request's prompt
// and answer, as vLLM's benchmark takes them.
//
// Source: anon8231489123/ShareGPT_Vicuna_unfiltered ShareGPT_V3_unfiltered_cleaned_split.json; vllm-project/vllm
// vllm/benchmarks/datasets.py, ShareGPTDataset (conversations of less than two turns are left out). A turn's length is
// its `tokens` where a file has been counted, else estimated from its text.
// Limitations: vLLM counts by the model's tokenizer, and leaves out prompts over 1,024 and sums over 2,048 tokens.
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/item_reader.hpp"
#include "models/serving/workload/json_fields.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

std::string turn_tokens(const Json& turn) {
  if (!turn.is_object()) throw std::invalid_argument("conversations: a turn is an object {from, value}");
  if (turn.contains("tokens")) return number_text(turn, "tokens");
  for (const char* field : {"value", "content"}) {
    const auto found = turn.find(field);
    if (found == turn.end()) continue;
    if (found->is_null()) return "0";
    if (!found->is_string()) throw std::invalid_argument(std::string(field) + ": a text is expected");
    return estimated_tokens(found->get_ref<const std::string&>());
  }
  throw std::invalid_argument("conversations: a turn lacks the field value");
}

}  // namespace

std::unique_ptr<RecordReader> open_items(std::unique_ptr<ByteReader> bytes) {
  return std::make_unique<ItemReader>(std::move(bytes));
}

TraceEntry parse_sharegpt(std::string_view, std::string_view item) {
  const Json object = parse_record(item);
  const auto turns = object.find("conversations");
  if (turns == object.end() || !turns->is_array()) {
    throw std::invalid_argument("conversations: a list of turns is expected");
  }
  TraceEntry entry;
  if (turns->size() < 2) return entry;
  std::string input = turn_tokens(turns->at(0)), output = turn_tokens(turns->at(1));
  if (input == "0") return entry;  // nothing was asked
  set_lengths(entry, "conversations", input, "conversations", output);
  return entry;
}

}  // namespace orrery::models
