#include "models/serving/workload/json_fields.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "models/serving/workload/trace_fields.hpp"

namespace orrery::models {
namespace {

using Json = nlohmann::json;

/// What Python writes for numbers that JSON doesn't have; empty if there is none of them outside of quotes.
std::string_view no_number(std::string_view record) {
  bool in_text = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    if (record[i] == '"') in_text = !in_text;
    if (in_text && record[i] == '\\') ++i;
    if (in_text) continue;
    for (const std::string_view word : {"NaN", "-Infinity", "Infinity", "nan", "-inf", "inf"}) {
      if (record.substr(i, word.size()) == word) return word;
    }
  }
  return {};
}

}  // namespace

bool begins_object_with(std::string_view text, std::string_view key) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') return false;
  const std::string quoted = fmt::format("\"{}\"", key);
  for (std::size_t at = text.find(quoted); at != std::string_view::npos; at = text.find(quoted, at + 1)) {
    const std::size_t behind = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (behind != std::string_view::npos && text[behind] == ':') return true;
  }
  return false;
}

Json parse_record(std::string_view record) {
  Json object;
  try {
    object = Json::parse(record.begin(), record.end());
  } catch (const Json::exception&) {
    const std::string_view word = no_number(record);
    if (word.empty()) throw std::invalid_argument("the line is no complete JSON object: is it cut short?");
    throw std::invalid_argument(fmt::format("{} stands where JSON has a number or a text: it has no such word", word));
  }
  if (!object.is_object()) throw std::invalid_argument("the line holds JSON, but no object {…}");
  return object;
}

std::string number_text(const Json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end()) throw std::invalid_argument(fmt::format("the field {} is missing", field));
  if (!found->is_number()) throw std::invalid_argument(fmt::format("{}: a number is expected", field));
  return found->dump();
}

std::string estimated_tokens(std::string_view text) {
  constexpr std::size_t kBytes = 4;
  return std::to_string((text.size() + kBytes - 1) / kBytes);
}

}  // namespace orrery::models
