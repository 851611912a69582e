// A place in the text of a script that moves on byte by byte. Used by the shell's reader alone.
#pragma once

#include <cstddef>
#include <string_view>

#include "scenarios/import/shell.hpp"

namespace orrery::scenarios {

class ShellCursor {
 public:
  explicit ShellCursor(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  /// '\0' behind the end.
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] ShellPlace place() const { return place_; }

  char take() {
    const char c = peek();
    ++at_;
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
    return c;
  }
  void skip(std::size_t count) {
    for (std::size_t i = 0; i < count && !at_end(); ++i) take();
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  ShellPlace place_;
};

[[nodiscard]] inline bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
[[nodiscard]] inline bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

}  // namespace orrery::scenarios
