// The keys of a config.json: parsing with nlohmann::json, places in the text, and the rules of each getter.
//
// config_text.hpp looks at the text before nlohmann does.
#include "models/architectures/config_keys.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/nearest_names.hpp"
#include "models/architectures/config_text.hpp"

namespace orrery::models {
namespace {

using hardware::SourceSpan;
using nlohmann::json;

/// nlohmann's message without its own numbering and position: "syntax error while parsing value - …".
std::string reason(const json::exception& error) {
  const std::string what = error.what();
  const std::size_t position = what.find(": ");
  return position == std::string::npos ? what : what.substr(position + 2);
}

json parse(std::string_view text, const std::string& file) {
  try {
    return json::parse(without_python_words(text));
  } catch (const json::parse_error& error) {
    fail_at(file, place_in(text, error.byte > 0 ? error.byte - 1 : 0, error.byte), "malformed JSON: " + reason(error));
  } catch (const json::exception& error) {  // a number that no double holds
    fail_at(file, SourceSpan{}, std::string("malformed JSON: ") + error.what());
  }
}

}  // namespace

std::string shorten(std::string text) {
  // A message quotes a wrong value; forty bytes are enough to find it. Cut between characters, not inside one.
  constexpr std::size_t kLongest = 40;
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string nearest_first(std::string_view word, std::vector<std::string> valid) {
  std::string text;
  const auto append = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  for (const std::string& near : hardware::nearest_names(word, valid)) {
    append(near);
    valid.erase(std::remove(valid.begin(), valid.end(), near), valid.end());
  }
  for (const std::string& item : valid) append(item);
  return text;
}

ConfigKeys::Value ConfigKeys::value_of(const void* json_node) {
  const json& node = *static_cast<const json*>(json_node);
  const auto fits = [](const json& number) {
    return !number.is_number_unsigned() || number.get<std::uint64_t>() <= std::uint64_t{INT64_MAX};
  };
  Value value;
  if (node.is_string()) {
    value.kind = Kind::text;
    value.text = node.get<std::string>();
    if (value.text.empty() || value.text.front() != kPythonMark) return value;
    value.kind = Kind::real;
    const bool infinite = value.text.size() > 1, negative = infinite && value.text[1] == '-';
    value.text = std::string(negative ? "-" : "") + std::string(infinite ? kPythonInfinity : kPythonNan);
    value.real = !infinite ? std::nan("") : negative ? -HUGE_VAL : HUGE_VAL;
    return value;
  }
  value.text = shorten(node.dump());
  if (node.is_null()) {
    value.kind = Kind::null;
  } else if (node.is_boolean()) {
    value.kind = Kind::boolean;
    value.integer = node.get<bool>() ? 1 : 0;
  } else if (node.is_number()) {
    value.kind = node.is_number_integer() ? Kind::integer : Kind::real;
    // What does not fit is out of every range, and said so.
    if (node.is_number_integer()) value.integer = fits(node) ? node.get<std::int64_t>() : INT64_MAX;
    value.real = node.get<double>();
  } else if (node.is_array()) {
    value.kind = Kind::list;
    value.items = static_cast<std::int64_t>(node.size());
    const auto whole = [&](const json& n) { return n.is_number_integer() && fits(n); };
    if (std::all_of(node.begin(), node.end(), whole)) value.integers = node.get<std::vector<std::int64_t>>();
    const auto text = [](const json& n) { return n.is_string(); };
    if (std::all_of(node.begin(), node.end(), text)) value.texts = node.get<std::vector<std::string>>();
  } else {
    for (const auto& item : node.items()) value.texts.push_back(item.key());
  }
  return value;
}

// Nesting is bounded before this is called.
void ConfigKeys::add_values(const std::string& path, const void* json_node) {
  const json& node = *static_cast<const json*>(json_node);
  values_.emplace(path, value_of(&node));
  if (node.is_object()) {
    for (const auto& [key, inner] : node.items()) add_values(path + "." + key, &inner);
  }
  if (!node.is_array() || node.empty() || !node.front().is_object()) return;
  for (std::size_t i = 0; i < node.size(); ++i) add_values(fmt::format("{}.{}", path, i), &node[i]);
}

ConfigKeys::ConfigKeys(std::string_view text, const std::string& file) : diagnostics_(file) {
  const std::vector<TopLevelKey> placed = top_level_keys(text, file);
  const json root = parse(text, file);
  if (!root.is_object())
    fail_at(file, place_in(text, 0, 1), "expected a JSON object, as a Hugging Face config.json is");

  for (const auto& [key, node] : root.items()) add_values(key, &node);
  Places places(text);
  for (const TopLevelKey& key : placed) {
    const SourceSpan span = places.at(key.value_begin, key.value_end);
    if (!spans_.emplace(key.key, span).second) {
      diagnostics_.error(span, fmt::format("{}: the key stands twice", shorten(key.key)));
    }
  }
}

const ConfigKeys::Value* ConfigKeys::find(std::string_view key) const {
  const auto found = scope_.empty() ? values_.find(key) : values_.find(scope_ + std::string(key));
  if (found != values_.end()) return &found->second;
  // Of the whole model, wherever it stands.
  const bool common = key == "tie_word_embeddings" || key == "dtype" || key == "torch_dtype";
  if (scope_.empty() || !common) return nullptr;
  const auto around = values_.find(key);
  return around == values_.end() ? nullptr : &around->second;
}

void ConfigKeys::scope(std::string_view object) { scope_ = object.empty() ? "" : std::string(object) + "."; }

void ConfigKeys::assume(std::string note) {
  if (std::find(assumed_.begin(), assumed_.end(), note) == assumed_.end()) assumed_.push_back(std::move(note));
}

bool ConfigKeys::absent(std::string_view key) const { return find(key) == nullptr; }

bool ConfigKeys::is_null(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->kind == Kind::null;
}

void ConfigKeys::error(std::string_view key, std::string message) {
  const std::string path = scope_ + std::string(key);
  const auto span = spans_.find(std::string_view(path).substr(0, path.find('.')));
  diagnostics_.error(span == spans_.end() ? SourceSpan{} : span->second, fmt::format("{}: {}", path, message));
}

void ConfigKeys::wrong_type(std::string_view key, std::string_view expected, const Value& value) {
  const bool text = value.kind == Kind::text;
  error(key, fmt::format("expected {}, not {}", expected, text ? '"' + shorten(value.text) + '"' : value.text));
}

std::int64_t ConfigKeys::checked_size(std::string_view key, const Value& value, std::int64_t most, std::int64_t least) {
  if (value.kind != Kind::integer) {
    wrong_type(key, "a whole number", value);
    return least;
  }
  if (value.integer < least || value.integer > most) {
    error(key, fmt::format("expected a number from {} to {}, not {}", least, most, value.text));
    return least;
  }
  return value.integer;
}

std::int64_t ConfigKeys::size(std::string_view key, std::int64_t most, std::int64_t least) {
  const Value* value = find(key);
  if (value == nullptr) {
    error(key, "the key is missing");
    return least;
  }
  return checked_size(key, *value, most, least);
}

std::int64_t ConfigKeys::size_or(std::string_view key, std::int64_t fallback, std::int64_t most, std::int64_t least) {
  const Value* value = find(key);
  if (value == nullptr && fallback > 0) assume(fmt::format("{}: {} (the class's default)", key, fallback));
  if (value == nullptr || value->kind == Kind::null) return fallback;
  return checked_size(key, *value, most, least);
}

std::string_view ConfigKeys::first_of(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    if (!absent(name) && !is_null(name)) return name;
  }
  return *names.begin();
}

std::int64_t ConfigKeys::size_of(std::initializer_list<std::string_view> names, std::int64_t most, std::int64_t least) {
  return size(first_of(names), most, least);
}

double ConfigKeys::real_or(std::string_view key, double fallback, double least, double most) {
  const Value* value = find(key);
  if (value == nullptr || value->kind == Kind::null) return fallback;
  if (value->kind != Kind::integer && value->kind != Kind::real) {
    wrong_type(key, "a number", *value);
    return fallback;
  }
  if (value->real >= least && value->real <= most) return value->real;
  error(key, fmt::format("expected a number from {} to {}, not {}", least, most, value->text));
  return fallback;
}

bool ConfigKeys::is_list(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->kind == Kind::list;
}

bool ConfigKeys::is_object(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->kind == Kind::object;
}

bool ConfigKeys::is_integer(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->kind == Kind::integer;
}

void ConfigKeys::set_default(std::string_view key, std::int64_t number) {
  Value value;
  value.kind = Kind::integer;
  value.integer = number;
  value.real = static_cast<double>(number);
  value.text = fmt::format("{}", number);
  values_.emplace(scope_ + std::string(key), value);
  assume(fmt::format("{}: {}", key, number));
}

std::int64_t ConfigKeys::items(std::string_view key) const {
  const Value* value = find(key);
  return value == nullptr ? 0 : value->items;
}

std::vector<std::string> ConfigKeys::members(std::string_view object) const {
  const Value* value = find(object);
  return value != nullptr && value->kind == Kind::object ? value->texts : std::vector<std::string>{};
}

bool ConfigKeys::flag_or(std::string_view key, bool fallback) {
  const Value* value = find(key);
  if (value == nullptr || value->kind == Kind::null) return fallback;
  if (value->kind == Kind::boolean) return value->integer != 0;
  wrong_type(key, "true or false", *value);
  return fallback;
}

std::string ConfigKeys::text_or(std::string_view key, std::string fallback) {
  const Value* value = find(key);
  if (value == nullptr || value->kind == Kind::null) return fallback;
  if (value->kind == Kind::text) return value->text;
  wrong_type(key, "a text", *value);
  return fallback;
}

std::vector<std::int64_t> ConfigKeys::integers(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr || value->kind == Kind::null) return {};
  const bool whole = value->kind == Kind::list && static_cast<std::int64_t>(value->integers.size()) == value->items;
  if (whole) return value->integers;
  wrong_type(key, "a list of whole numbers", *value);
  return {};
}

std::vector<std::string> ConfigKeys::texts(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr || value->kind == Kind::null) return {};
  const bool all = value->kind == Kind::list && static_cast<std::int64_t>(value->texts.size()) == value->items;
  if (all) return value->texts;
  wrong_type(key, "a list of texts", *value);
  return {};
}

std::string ConfigKeys::nested_text(std::string_view object, std::string_view key) const {
  const Value* value = find(fmt::format("{}.{}", object, key));
  return value != nullptr && value->kind == Kind::text ? value->text : std::string{};
}

std::int64_t ConfigKeys::nested_integer(std::string_view object, std::string_view key) const {
  const Value* value = find(fmt::format("{}.{}", object, key));
  return value != nullptr && value->kind == Kind::integer ? value->integer : 0;
}

bool ConfigKeys::nested_present(std::string_view object, std::string_view key) const {
  const Value* value = find(fmt::format("{}.{}", object, key));
  return value != nullptr && value->kind != Kind::null;
}

}  // namespace orrery::models
