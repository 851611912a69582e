// The raw text of a configuration file: lines, UTF-8, and where a YAML value ends in it.
//
// Used by the parser (config.cpp), the editor (config_edit.cpp), and for its limit by who reads texts of other kinds.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::hardware {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;

/// Throws ConfigError at the line and column where a text becomes larger than that.
void check_config_size(std::string_view text, const std::string& file);

/// Where a scalar ends, or why its form is refused.
struct ScalarExtent {
  std::size_t end = 0;
  bool quoted = false;
  std::string error;
};

struct TextProblem {
  std::size_t position = 0;
  std::string message;
};

/// A view of a text with its line starts. REQUIRES that the text outlives it.
class SourceText {
 public:
  explicit SourceText(std::string_view text);

  [[nodiscard]] char at(std::size_t pos) const { return pos < text_.size() ? text_[pos] : '\0'; }
  [[nodiscard]] std::size_t clamp(std::size_t pos) const { return pos < text_.size() ? pos : text_.size(); }
  [[nodiscard]] SourceSpan span(std::size_t begin, std::size_t end) const;
  /// 3 when the text starts with a byte order mark.
  [[nodiscard]] std::size_t bom_length() const;

  /// The first byte that is not UTF-8, or a control character (YAML allows tab and line breaks only).
  [[nodiscard]] std::optional<TextProblem> find_bad_character() const;
  /// Where the text has more than `most` brackets, braces and commas. The scanner of yaml-cpp keeps the tokens
  /// of a whole flow collection (230 bytes each) before it reports the first: this bounds its memory.
  [[nodiscard]] std::optional<std::size_t> find_flow_excess(std::size_t most) const;

  /// Past white space, line breaks and comments.
  [[nodiscard]] std::size_t skip_blank(std::size_t pos) const;
  /// Past the bracket that closes a flow collection whose last child ends at `pos`.
  [[nodiscard]] std::size_t closing_bracket(std::size_t pos) const;
  /// Length of an explicit null (~, null) at `pos`, or 0.
  [[nodiscard]] std::size_t null_length(std::size_t pos) const;
  /// Extent of the scalar that starts at `pos` and reads `value`.
  [[nodiscard]] ScalarExtent scalar_extent(std::size_t pos, const std::string& value) const;

  /// Start of the line that holds `pos`, and the position of its line break (or the end of the text).
  [[nodiscard]] std::size_t line_begin(std::size_t pos) const;
  [[nodiscard]] std::size_t line_end(std::size_t pos) const;

 private:
  [[nodiscard]] ScalarExtent quoted_extent(std::size_t pos, char quote) const;
  [[nodiscard]] ScalarExtent block_extent(std::size_t pos, const std::string& value) const;
  [[nodiscard]] std::size_t plain_end(std::size_t pos, const std::string& value) const;

  std::string_view text_;
  std::vector<std::size_t> line_starts_;
};

}  // namespace orrery::hardware
