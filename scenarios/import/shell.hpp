// Shell scripts as text: commands and their words, with the variables that the same file assigns. Nothing is executed.
//
// Read: words, quotes, line continuations, comments, here-documents (skipped), assignments of texts and lists, $X,
// ${X},
// ${X:-default}, ${LIST[@]}. Not evaluated: commands in $(…) or backticks, arithmetic, arguments of the script. A word
// that holds such a thing is marked, and refused only if it is needed.
// Limitation: branches, loops and functions are read from top to bottom, as if each line ran once.
// Source: POSIX.1-2017 §2 (Shell Command Language); arrays as in bash.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::scenarios {

/// A place in a script, from 1.
struct ShellPlace {
  int line = 1, column = 1;
};

/// Why a word can't be told without running the script.
struct ShellFailure {
  std::string message;  ///< empty: it can
  ShellPlace place;
};

struct ShellWord {
  std::string text;  ///< up to what failed
  ShellPlace place;
  ShellFailure failure;

  [[nodiscard]] bool is_known() const { return failure.message.empty(); }
};

struct ShellCommand {
  std::vector<ShellWord> words;
};

struct ShellScript {
  std::string file;
  std::vector<ShellCommand> commands;
  std::vector<ShellWord> assigned;  ///< names of all variables that the file sets, in its order

  /// Throws hardware::ConfigError at a place of the file.
  [[noreturn]] void fail(const ShellPlace& place, const std::string& message) const;
  /// The word's text. Throws hardware::ConfigError where it can't be told.
  [[nodiscard]] const std::string& text(const ShellWord& word) const;
};

/// Throws hardware::ConfigError with line and column for quotes and brackets that nobody closes.
[[nodiscard]] ShellScript parse_shell(std::string_view text, const std::string& file);

}  // namespace orrery::scenarios
