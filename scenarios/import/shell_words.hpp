// Words of a script with their quotes taken off and their variables put in. Used by the shell's reader alone.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scenarios/import/shell_cursor.hpp"

namespace orrery::scenarios {

/// What a variable holds: one word, or those of a list.
using ShellValue = std::vector<ShellWord>;

class ShellWords {
 public:
  ShellWords(ShellCursor& cursor, const ShellScript& script) : cursor_(cursor), script_(script) {}

  /// The word that begins here: none, one, or several where a variable without quotes holds blanks. `whole`: it is the
  /// value of an assignment, which no variable cuts into several.
  [[nodiscard]] std::vector<ShellWord> read(bool whole);
  void assign(const std::string& name, ShellValue value);
  /// "NAME+=value": behind the text that it holds.
  void append(const std::string& name, const ShellWord& value);
  /// "NAME+=(values)": behind its list.
  void append_list(const std::string& name, ShellValue values);
  /// Past "(…)" with what it holds, the cursor standing on its bracket.
  void skip_brackets();

 private:
  void add(std::string_view text);
  void end_word();
  void fail_word(std::string message, ShellPlace place);
  void read_quoted();
  void read_double_quoted();
  void read_backticks();
  void read_dollar(bool quoted);
  void read_braces(bool quoted, ShellPlace place);
  void insert(const std::string& name, bool list, bool quoted, const std::string* fallback, ShellPlace place);
  void insert_value(const ShellValue& value, bool list, bool quoted);

  ShellCursor& cursor_;
  const ShellScript& script_;
  std::map<std::string, ShellValue> variables_;
  std::vector<ShellWord> words_;
  ShellWord word_;
  bool any_ = false;    ///< word_ has begun, if only with empty quotes
  bool whole_ = false;  ///< see read()
};

}  // namespace orrery::scenarios
