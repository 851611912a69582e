// What is said of arguments that make no command: what was given, and the nearest that there is, in one voice for all
// of them. Arguments are shown without what a terminal would obey.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace orrery::scenarios {

/// The arguments name no command of the program, or only half of one; empty: they name one, or `app` says itself what
/// it lacks.
[[nodiscard]] std::string command_error(const CLI::App& app, const std::vector<std::string>& args);

/// An option that the command doesn't have: CLI11 would count the word behind it as an argument too many.
[[nodiscard]] std::string option_error(const CLI::App& command, const std::vector<std::string>& args);

/// An option or argument whose value is empty, as of a variable that isn't set: CLI11 takes some for values that aren't
/// there.
[[nodiscard]] std::string value_error(const CLI::App& command, const std::vector<std::string>& args);

/// What CLI11 found wrong in the arguments of a command.
[[nodiscard]] std::string parse_error(const CLI::App& command, const CLI::ParseError& error);

/// The command as it is called, without the program: "ask serve"; empty for the program itself.
[[nodiscard]] std::string call_of(const CLI::App& command);

}  // namespace orrery::scenarios
