// The text of a config.json, looked at before a parser does. Private to config_keys.cpp.
//
// nlohmann::json keeps no positions, so a small scanner walks the text: it counts the nesting (before any parser could
// be troubled by it) and notes where each key of the outermost object has its value. Python's Infinity, -Infinity and
// NaN, which JSON has not, become texts of as many bytes that begin with a mark.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::models {

/// Throws hardware::ConfigError at a place of the file.
[[noreturn]] void fail_at(const std::string& file, const hardware::SourceSpan& span, std::string message);

/// Turns byte offsets, asked for in ascending order, into lines and columns in one pass over the text.
class Places {
 public:
  explicit Places(std::string_view text) : text_(text) {}

  hardware::SourceSpan at(std::size_t begin, std::size_t end);

 private:
  std::string_view text_;
  std::size_t seen_ = 0, line_begin_ = 0;
  int line_ = 1;
};

/// The same once.
[[nodiscard]] hardware::SourceSpan place_in(std::string_view text, std::size_t begin, std::size_t end);

/// One key of the outermost object and where its value lies.
struct TopLevelKey {
  std::string key;
  std::size_t value_begin = 0, value_end = 0;
};

/// The outermost object's keys in order. Throws hardware::ConfigError: empty, larger than 8 MiB, nested deeper than 64
/// levels.
[[nodiscard]] std::vector<TopLevelKey> top_level_keys(std::string_view text, const std::string& file);

constexpr char kPythonMark = '\x7f';
constexpr std::string_view kPythonInfinity = "Infinity", kPythonNan = "NaN";

/// The text with Python's three words as marked texts: "\x7f+", "\x7f-", "\x7f" and blanks behind.
[[nodiscard]] std::string without_python_words(std::string_view text);

}  // namespace orrery::models
