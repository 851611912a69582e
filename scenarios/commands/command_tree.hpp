// The commands as plain data: what completion scripts and the manual page are written from.
#pragma once

#include <string>
#include <vector>

namespace orrery::scenarios {

struct TreeOption {
  std::vector<std::string> names;  ///< "--jobs", "-j"; of an argument its one name, "FILE"
  std::string help;
  bool takes_value = false;
  bool required = false;
};

struct CommandTree {
  std::string name, help, footer;
  std::vector<TreeOption> options, arguments;
  std::vector<CommandTree> commands;
};

/// The whole program.
[[nodiscard]] CommandTree command_tree();

/// What may stand where a value of that option or argument of a command is expected: names of the tables, or nothing
/// where it is a file or free.
struct ValueRow {
  std::string_view command;  ///< empty: any
  std::string_view name;     ///< "--gpu", "FAMILY"
  std::string_view family;   ///< of `orrery list`; empty: `words`
  std::string_view words;    ///< between blanks
  bool list = false;         ///< several between commas
};
[[nodiscard]] const std::vector<ValueRow>& value_rows();
/// nullptr: files.
[[nodiscard]] const ValueRow* find_value_row(const std::string& command, const TreeOption& option);
/// The words of a row.
[[nodiscard]] std::vector<std::string> words_of(const ValueRow& row);

}  // namespace orrery::scenarios
