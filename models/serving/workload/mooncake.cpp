// Mooncake's traces: arrivals, lengths, and the ids of the prompt's blocks of 512 tokens, equal where all tokens up to
// the block's end are equal.
//
// Source: kvcache-ai/Mooncake, FAST25-release/traces/*.jsonl (Qin et al., FAST'25, §4): one JSON object a line, times
// in milliseconds. The last block of a prompt may be shorter than 512 tokens: ⌈input_length/512⌉ ids.
// Tools that write this format (NVIDIA AIPerf's mooncake_trace among them) leave out hash_ids where prompts share
// nothing that is known. mooncake_csv: the same with a header line and ids separated by spaces.
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/serving/workload/families.hpp"
#include "models/serving/workload/json_fields.hpp"
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

}  // namespace

TraceEntry parse_mooncake(std::string_view, std::string_view line) {
  const Json object = parse_record(line);
  TraceEntry entry;
  entry.arrival = parse_time("timestamp", number_text(object, "timestamp"), 3);
  const std::string input = number_text(object, "input_length"), output = number_text(object, "output_length");
  set_lengths(entry, "input_length", input, "output_length", output);
  const auto ids = object.find("hash_ids");
  if (ids == object.end() || entry.output_tokens == 0) return entry;
  if (!ids->is_array()) throw std::invalid_argument("hash_ids: a list of the prompt's block ids is expected");
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
  set_lengths(entry, "input_tokens", csv_cell(header, line, "input_tokens"), "output_tokens",
              csv_cell(header, line, "output_tokens"));
  if (entry.output_tokens == 0) return entry;
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
