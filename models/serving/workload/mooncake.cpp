// Mooncake's traces: arrivals, lengths, and the ids of the prompt's blocks of 512 tokens, equal where all tokens up to
// the block's end are equal.
//
// Source: kvcache-ai/Mooncake, FAST25-release/traces/*.jsonl (Qin et al., FAST'25, §4): one JSON object a line, times
// in milliseconds. The last block of a prompt may be shorter than 512 tokens: ⌈input_length/512⌉ ids.
// mooncake_csv: the same with a header line and ids separated by spaces.
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kBlockTokens = 512;

void check_cover(const TraceEntry& entry, std::string_view field) {
  const std::int64_t blocks = (entry.input_tokens + kBlockTokens - 1) / kBlockTokens;
  if (static_cast<std::int64_t>(entry.prefix.size()) == blocks) return;
  throw std::invalid_argument(fmt::format("{}: {} ids for a prompt of {} tokens, which has {} blocks of {}", field,
                                          entry.prefix.size(), entry.input_tokens, blocks, kBlockTokens));
}

/// The text of a number; a text that no reader takes for anything else, so that its message can show it.
std::string number_text(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) throw std::invalid_argument(fmt::format("the field {} is missing", field));
  if (!found->is_number()) throw std::invalid_argument(fmt::format("{}: a number is expected", field));
  return found->dump();
}

Json parse_object(std::string_view line) {
  Json object;
  try {
    object = Json::parse(line.begin(), line.end());
  } catch (const Json::exception&) {
    throw std::invalid_argument("the line is no complete JSON object: is it cut short?");
  }
  if (!object.is_object()) throw std::invalid_argument("the line holds JSON, but no object {…}");
  return object;
}

}  // namespace

TraceEntry parse_mooncake(std::string_view, std::string_view line) {
  const Json object = parse_object(line);
  TraceEntry entry;
  entry.arrival = parse_time("timestamp", number_text(object, "timestamp"), 3);
  entry.input_tokens = parse_tokens("input_length", number_text(object, "input_length"));
  entry.output_tokens = parse_tokens("output_length", number_text(object, "output_length"));
  const auto ids = object.find("hash_ids");
  if (ids == object.end() || !ids->is_array()) {
    throw std::invalid_argument("hash_ids: a list of the prompt's block ids is expected");
  }
  entry.prefix.reserve(ids->size());
  for (const Json& id : *ids) {
    if (id.is_number_unsigned() && id.get<std::uint64_t>() < kSystemPromptNames) {
      entry.prefix.push_back(id.get<std::uint64_t>());
    } else {
      entry.prefix.push_back(parse_block_id("hash_ids", id.dump(-1, ' ', true, Json::error_handler_t::replace)));
    }
  }
  entry.prefix_tokens = kBlockTokens;
  check_cover(entry, "hash_ids");
  return entry;
}

TraceEntry parse_mooncake_csv(std::string_view header, std::string_view line) {
  TraceEntry entry;
  entry.arrival = parse_time("arrival_ms", csv_cell(header, line, "arrival_ms"), 3);
  entry.input_tokens = parse_tokens("input_tokens", csv_cell(header, line, "input_tokens"));
  entry.output_tokens = parse_tokens("output_tokens", csv_cell(header, line, "output_tokens"));
  std::string_view rest = csv_cell(header, line, "block_ids");
  while (!rest.empty()) {
    const std::size_t space = rest.find(' ');
    entry.prefix.push_back(parse_block_id("block_ids", rest.substr(0, space)));
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  entry.prefix_tokens = kBlockTokens;
  check_cover(entry, "block_ids");
  return entry;
}

}  // namespace orrery::models
