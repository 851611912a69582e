#include "hardware/config/config_text.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::hardware {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr unsigned byte(char c) { return static_cast<unsigned char>(c); }

/// Length of the UTF-8 sequence that a lead byte announces; 0 for a byte that can't lead.
std::size_t sequence_length(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

/// Reads one code point at `pos`; 0 length where the bytes are not UTF-8 (RFC 3629: shortest form, no
/// surrogates, at most U+10FFFF).
std::pair<std::size_t, unsigned> decode(std::string_view text, std::size_t pos) {
  const unsigned lead = byte(text[pos]);
  const std::size_t length = sequence_length(lead);
  if (length == 0 || pos + length > text.size()) return {0, 0};
  if (length == 1) return {1, lead};
  unsigned point = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const unsigned next = byte(text[pos + i]);
    if ((next & 0xC0u) != 0x80u) return {0, 0};
    point = point << 6 | (next & 0x3Fu);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (overlong || surrogate || point > 0x10FFFF) return {0, 0};
  return {length, point};
}

/// YAML 1.2 §5.1: printable characters, less the exotic line breaks that readers disagree about.
bool is_allowed(unsigned point) {
  if (point == '\t' || point == '\n' || point == '\r') return true;
  if (point < 0x20 || (point >= 0x7F && point <= 0x9F)) return false;
  return point != 0x2028 && point != 0x2029 && point != 0xFEFF && point != 0xFFFE && point != 0xFFFF;
}

}  // namespace

SourceText::SourceText(std::string_view text) : text_(text) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') line_starts_.push_back(i + 1);
  }
}

SourceSpan SourceText::span(std::size_t begin, std::size_t end) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), begin);
  const auto line = static_cast<std::size_t>(next - line_starts_.begin());
  return {static_cast<int>(line), static_cast<int>(begin - line_starts_[line - 1]) + 1, begin, std::max(begin, end)};
}

std::size_t SourceText::bom_length() const { return text_.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0; }

std::optional<TextProblem> SourceText::find_bad_character() const {
  for (std::size_t pos = bom_length(); pos < text_.size();) {
    const auto [length, point] = decode(text_, pos);
    if (length == 0) return TextProblem{pos, fmt::format("not UTF-8: byte 0x{:02x}", byte(text_[pos]))};
    if (!is_allowed(point)) return TextProblem{pos, fmt::format("the character U+{:04X} is not allowed", point)};
    if (point == '\r' && at(pos + 1) != '\n') {
      return TextProblem{pos, "a carriage return without a line feed"};
    }
    pos += length;
  }
  return std::nullopt;
}

std::optional<std::size_t> SourceText::find_flow_excess(std::size_t most) const {
  std::size_t count = 0;
  for (std::size_t pos = 0; pos < text_.size(); ++pos) {
    const char c = text_[pos];
    const bool is_flow = c == '[' || c == ']' || c == '{' || c == '}' || c == ',';
    if (is_flow && ++count > most) return pos;
  }
  return std::nullopt;
}

std::size_t SourceText::skip_blank(std::size_t pos) const {
  while (pos < text_.size()) {
    if (is_space(text_[pos])) {
      ++pos;
    } else if (text_[pos] == '#' && (pos == 0 || is_space(text_[pos - 1]))) {
      pos = line_end(pos);
    } else {
      break;
    }
  }
  return clamp(pos);
}

std::size_t SourceText::closing_bracket(std::size_t pos) const {
  pos = skip_blank(pos);
  while (at(pos) == ',') pos = skip_blank(pos + 1);
  return clamp(pos + 1);
}

std::size_t SourceText::null_length(std::size_t pos) const {
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (text_.substr(clamp(pos), word.size()) != word) continue;
    const char next = at(pos + word.size());
    if (next == '\0' || is_space(next) || next == ',' || next == ']' || next == '}') return word.size();
  }
  return 0;
}

ScalarExtent SourceText::scalar_extent(std::size_t pos, const std::string& value) const {
  const char first = at(pos);
  if (first == '"' || first == '\'') return quoted_extent(pos, first);
  if (first == '|' || first == '>') return block_extent(pos, value);
  return {plain_end(pos, value), false, {}};
}

ScalarExtent SourceText::quoted_extent(std::size_t pos, char quote) const {
  for (std::size_t i = pos + 1; i < text_.size(); ++i) {
    if (quote == '"' && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == quote) {
      if (quote == '\'' && at(i + 1) == '\'') {
        ++i;
      } else {
        return {i + 1, true, {}};
      }
    }
  }
  return {text_.size(), true, "YAML syntax: the quoted text has no end"};
}

ScalarExtent SourceText::block_extent(std::size_t pos, const std::string& value) const {
  std::size_t header_end = pos + 1;
  while (at(header_end) == '-' || at(header_end) == '+') ++header_end;
  if (at(header_end) >= '0' && at(header_end) <= '9') {
    return {header_end, true, "an indentation indicator of a block scalar is not allowed"};
  }
  ScalarExtent extent{header_end, true, {}};
  if (value.find_first_not_of('\n') == std::string::npos) return extent;
  // The first line with text sets the indentation; the scalar goes on while lines are blank or as deep.
  std::optional<std::size_t> indent;
  for (std::size_t line = line_end(pos) + 1; line < text_.size(); line = line_end(line) + 1) {
    std::size_t stop = line_end(line);
    if (stop > line && text_[stop - 1] == '\r') --stop;
    std::size_t first = line;
    while (first < stop && text_[first] == ' ') ++first;
    if (first == stop) continue;
    if (!indent) indent = first - line;
    if (first - line < *indent) break;
    extent.end = stop;
  }
  return extent;
}

std::size_t SourceText::plain_end(std::size_t pos, const std::string& value) const {
  std::size_t end = pos;
  for (const char c : value) {
    if (is_space(c)) continue;
    while (end < text_.size() && is_space(text_[end])) ++end;
    if (at(end) != c) break;
    ++end;
  }
  return clamp(end);
}

std::size_t SourceText::line_begin(std::size_t pos) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), pos);
  return *(next - 1);
}

std::size_t SourceText::line_end(std::size_t pos) const {
  const std::size_t found = text_.find('\n', pos);
  return found == std::string_view::npos ? text_.size() : found;
}

}  // namespace orrery::hardware
