// The keys of a config.json: parsing with nlohmann::json, places in the text, and the rules of each getter.
//
// nlohmann keeps no positions, so a small scanner walks the text first: it counts the nesting (before any parser could
// be troubled by it) and notes where each key of the outermost object has its value.
#include "models/architectures/config_keys.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orrery::models {
namespace {

using hardware::ConfigError;
using hardware::Diagnostic;
using hardware::SourceSpan;
using nlohmann::json;

constexpr std::size_t kLargestText = std::size_t{8} << 20;
constexpr int kDeepest = 64;

[[noreturn]] void fail(const std::string& file, const SourceSpan& span, std::string message) {
  throw ConfigError(std::vector<Diagnostic>{Diagnostic{file, span, std::move(message)}});
}

/// Turns byte offsets, asked for in ascending order, into lines and columns in one pass over the text.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {}

  SourceSpan at(std::size_t begin, std::size_t end) {
    begin = std::min(begin, text_.size());
    for (; seen_ < begin; ++seen_) {
      if (text_[seen_] != '\n') continue;
      ++line_;
      line_begin_ = seen_ + 1;
    }
    SourceSpan span;
    span.line = line_;
    span.column = static_cast<int>(begin - line_begin_) + 1;
    span.begin = begin;
    span.end = std::min(std::max(begin, end), text_.size());
    return span;
  }

 private:
  std::string_view text_;
  std::size_t seen_ = 0, line_begin_ = 0;
  int line_ = 1;
};

SourceSpan place(std::string_view text, std::size_t begin, std::size_t end) { return Places(text).at(begin, end); }

/// One key of the outermost object and where its value lies.
struct TopLevelKey {
  std::string key;
  std::size_t value_begin = 0, value_end = 0;
};

/// Walks JSON (or what claims to be it) once; never recurses.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Position of the first bracket nested too deep, if any.
  std::optional<std::size_t> run() {
    for (std::size_t at = 0; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '"') {
        at = string_end(at);
      } else if (c == '{' || c == '[') {
        if (++depth_ > kDeepest) return at;
      } else if (c == '}' || c == ']') {
        if (--depth_ == 0) finish_value(at);
      } else if (depth_ == 1 && c == ':') {
        keys_.push_back({last_string_, next_token(at + 1), 0});
        open_ = true;
      } else if (depth_ == 1 && c == ',') {
        finish_value(at);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] const std::vector<TopLevelKey>& keys() const { return keys_; }

 private:
  std::size_t string_end(std::size_t begin) {
    std::size_t at = begin + 1;
    while (at < text_.size() && text_[at] != '"') at += text_[at] == '\\' ? 2 : 1;
    if (depth_ == 1) last_string_ = std::string(text_.substr(begin + 1, std::min(at, text_.size()) - begin - 1));
    return at;
  }

  [[nodiscard]] std::size_t next_token(std::size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\n' || text_[at] == '\r')) ++at;
    return at;
  }

  void finish_value(std::size_t end) {
    if (!open_) return;
    while (end > keys_.back().value_begin && std::string_view(" \t\r\n").find(text_[end - 1]) != std::string_view::npos)
      --end;
    keys_.back().value_end = end;
    open_ = false;
  }

  std::string_view text_;
  int depth_ = 0;
  bool open_ = false;
  std::string last_string_;
  std::vector<TopLevelKey> keys_;
};

/// nlohmann's message without its own numbering and position: "syntax error while parsing value - …".
std::string reason(const json::exception& error) {
  const std::string what = error.what();
  const std::size_t position = what.find(": ");
  return position == std::string::npos ? what : what.substr(position + 2);
}

json parse(std::string_view text, const std::string& file) {
  try {
    return json::parse(text.begin(), text.end());
  } catch (const json::parse_error& error) {
    fail(file, place(text, error.byte > 0 ? error.byte - 1 : 0, error.byte), "malformed JSON: " + reason(error));
  } catch (const json::exception& error) {  // a number that no double holds
    fail(file, SourceSpan{}, std::string("malformed JSON: ") + error.what());
  }
}

std::string shorten(std::string text) {
  // A message quotes a wrong value; forty bytes are enough to find it. Cut between characters, not inside one.
  constexpr std::size_t kLongest = 40;
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

ConfigKeys::Value ConfigKeys::value_of(const void* json_node) {
  const json& node = *static_cast<const json*>(json_node);
  const auto fits = [](const json& number) {
    return !number.is_number_unsigned() || number.get<std::uint64_t>() <= std::uint64_t{INT64_MAX};
  };
  Value value;
  if (node.is_string()) {
    value.kind = Kind::text;
    value.text = node.get<std::string>();
    return value;
  }
  value.text = shorten(node.dump());
  if (node.is_null()) {
    value.kind = Kind::null;
  } else if (node.is_boolean()) {
    value.kind = Kind::boolean;
    value.integer = node.get<bool>() ? 1 : 0;
  } else if (node.is_number_integer()) {
    value.kind = Kind::integer;
    // What does not fit is out of every range, and said so.
    value.integer = fits(node) ? node.get<std::int64_t>() : INT64_MAX;
  } else if (node.is_array() &&
             std::all_of(node.begin(), node.end(), [&](const json& n) { return n.is_number_integer() && fits(n); })) {
    value.kind = Kind::integers;
    value.integers = node.get<std::vector<std::int64_t>>();
  }
  return value;
}

ConfigKeys::ConfigKeys(std::string_view text, const std::string& file) : diagnostics_(file) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) fail(file, SourceSpan{}, "the file is empty");
  if (text.size() > kLargestText) fail(file, SourceSpan{}, "the file is larger than 8 MiB");
  Scanner scanner(text);
  if (const auto deep = scanner.run()) {
    fail(file, place(text, *deep, *deep + 1), fmt::format("nested deeper than {} levels", kDeepest));
  }
  const json root = parse(text, file);
  if (!root.is_object()) fail(file, place(text, 0, 1), "expected a JSON object, as a Hugging Face config.json is");

  for (const auto& [key, node] : root.items()) {
    values_.emplace(key, value_of(&node));
    if (!node.is_object()) continue;
    for (const auto& [inner, inner_node] : node.items()) values_.emplace(key + "." + inner, value_of(&inner_node));
  }
  Places places(text);
  for (const TopLevelKey& key : scanner.keys()) {
    const SourceSpan span = places.at(key.value_begin, key.value_end);
    if (!spans_.emplace(key.key, span).second) {
      diagnostics_.error(span, fmt::format("{}: the key stands twice", shorten(key.key)));
    }
  }
}

const ConfigKeys::Value* ConfigKeys::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

bool ConfigKeys::absent(std::string_view key) const { return find(key) == nullptr; }

bool ConfigKeys::is_null(std::string_view key) const {
  const Value* value = find(key);
  return value != nullptr && value->kind == Kind::null;
}

void ConfigKeys::error(std::string_view key, std::string message) {
  const auto span = spans_.find(key.substr(0, key.find('.')));
  diagnostics_.error(span == spans_.end() ? SourceSpan{} : span->second, fmt::format("{}: {}", key, message));
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
  if (value == nullptr || value->kind == Kind::null) return fallback;
  return checked_size(key, *value, most, least);
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
  if (value->kind == Kind::integers) return value->integers;
  wrong_type(key, "a list of whole numbers", *value);
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
