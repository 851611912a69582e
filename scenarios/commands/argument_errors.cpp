#include "scenarios/commands/argument_errors.hpp"

#include <algorithm>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "hardware/nearest_names.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {

namespace {

std::string shown_word(const std::string& word) { return "'" + printable(word) + "'"; }

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  return names;
}

/// The first argument is a command, and that behind one which has commands of its own, as "ask", is one of them; CLI11
/// would only say that one is missing.
std::string command_error_at(const CLI::App& app, const std::vector<std::string>& args, std::size_t at) {
  const std::vector<std::string> names = commands_of(app);
  const bool said = at < args.size() && !args[at].empty();
  if (names.empty() || (said && args[at][0] == '-')) return {};
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (said && command->get_name() == args[at]) return command_error_at(*command, args, at + 1);
  }
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  if (!said && at == 0) return fmt::format("a command is needed; the commands are {}", all);
  const std::string before = at == 0 ? "" : args[at - 1] + " ";
  if (!said) return fmt::format("'{}' is not all of a command; say one of {}{}", args[at - 1], before, all);
  const std::vector<std::string> nearest = hardware::nearest_names(args[at], names);
  return fmt::format("unknown command {}; {}", shown_word(before + args[at]),
                     nearest.empty() ? fmt::format("the commands are {}{}", before, all)
                                     : fmt::format("did you mean {}{}?", before, fmt::join(nearest, ", ")));
}

/// "-x", and no number.
bool is_short_option(const std::string& arg) {
  return arg.size() > 1 && arg[0] == '-' && arg[1] != '-' && arg[1] != '.' && (arg[1] < '0' || arg[1] > '9');
}

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name() == name || option->check_name(name)) return option;
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

/// "A_B" takes two: A and B.
std::string argument_name(const CLI::Option& option) {
  std::string name = option.get_name();
  if (!option.get_positional()) return name;
  for (std::size_t at = name.find('_'); at != std::string::npos; at = name.find('_')) name.replace(at, 1, " and ");
  return name;
}

/// Several arguments under one name.
bool is_several(const CLI::Option& option) { return option.get_name().find('_') != std::string::npos; }

std::string needed(const CLI::Option& option) {
  const bool several = option.get_positional() && is_several(option);
  return fmt::format("{} {} needed", argument_name(option), several ? "are" : "is");
}

/// What stands for itself, without "--".
std::vector<std::string> arguments_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional()) names.push_back(argument_name(*option));
  }
  return names;
}

std::string one_too_many(const CLI::App& command, const std::string& word) {
  const std::vector<std::string> names = arguments_of(command);
  return fmt::format("{} is one argument too many: it takes {}", shown_word(word),
                     names.empty() ? "options alone" : fmt::format("{}", fmt::join(names, " ")));
}

/// "-x4" is "-x" with a value.
std::string unknown_option(const CLI::App& command, const std::string& arg) {
  std::vector<std::string> letters, names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_snames()) letters.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const bool is_letter = is_short_option(arg);
  const std::string name = is_letter ? arg.substr(0, 2) : arg.substr(0, arg.find('='));
  const std::vector<std::string>& own = is_letter ? letters : names;
  if (std::find(own.begin(), own.end(), name) != own.end()) return {};
  const std::vector<std::string> nearest =
      is_letter ? std::vector<std::string>() : hardware::nearest_names(name, names);
  letters.insert(letters.end(), names.begin(), names.end());
  return fmt::format("unknown option {} of {}{}", printable(name), command.get_name(),
                     nearest.empty() ? fmt::format("; its options are {}", fmt::join(letters, ", "))
                                     : fmt::format("; did you mean {}?", fmt::join(nearest, " or ")));
}

/// Of an option or argument that has too few values, or too many.
std::string wrong_number(const CLI::App& command, const CLI::Option& option) {
  const auto given = static_cast<int>(option.results().size());
  const int least = option.get_items_expected_min(), most = option.get_items_expected_max();
  const std::string name = argument_name(option);
  if (!option.get_positional() && given > most) {
    return fmt::format("{} is given {}; it takes one value", name,
                       given == 2 ? "twice" : fmt::format("{} times", given));
  }
  if (!option.get_positional()) return fmt::format("{} needs a value", name);
  if (given > most) return one_too_many(command, option.results()[static_cast<std::size_t>(most)]);
  return fmt::format("{}: {} are needed, {} given", name, least, given == 1 ? "1 is" : fmt::format("{} are", given));
}

/// "--jobs: Value 9000 not in range 0 to 1024", as messages of our own have it.
std::string wrong_value(const CLI::App& command, const std::string& said) {
  constexpr std::string_view kValue = ": Value ", kRange = " not in range ", kFlag = "Could not convert: ";
  if (said.rfind(kFlag, 0) == 0) {  // "--quiet = x"
    const CLI::Option* option = find_option(command, said.substr(kFlag.size(), said.find(" = ") - kFlag.size()));
    if (option != nullptr && !takes_value(*option)) return fmt::format("{} takes no value", option->get_name());
  }
  const std::size_t value = said.find(kValue), range = said.rfind(kRange);
  if (value == std::string::npos || range == std::string::npos || range < value) return printable(said);
  const std::size_t begin = value + kValue.size();
  return fmt::format("{} {}: expected a whole number from {}", said.substr(0, value),
                     printable(said.substr(begin, range - begin)), said.substr(range + kRange.size()));
}

std::string what_is_wrong(const CLI::App& command, const CLI::ParseError& error) {
  const std::string said = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    // Of several the first; a letter behind others of one word is on no list of what remains.
    std::string word = said.substr(std::min(said.rfind(": "), said.size() - 2) + 2);
    for (const std::string& extra : command.remaining()) {
      word = extra;
      break;
    }
    return is_short_option(word) ? unknown_option(command, word) : one_too_many(command, word);
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    constexpr std::string_view kIs = " is required";
    const std::size_t end = said.rfind(kIs);
    const CLI::Option* option = find_option(command, said.substr(0, end));
    if (option != nullptr) return needed(*option);
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const CLI::Option* option = find_option(command, said.substr(0, said.find(':')));
    if (option != nullptr) return wrong_number(command, *option);
  }
  return wrong_value(command, said);
}

/// The option whose value an argument behind `word` would be; nullptr: none.
const CLI::Option* option_before(const CLI::App& command, const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return nullptr;
  const bool letters = word[1] != '-' && word.size() > 2;  // "-qo": its last is one with a value
  const CLI::Option* option = find_option(command, letters ? std::string("-") + word.back() : word);
  return option != nullptr && takes_value(*option) ? option : nullptr;
}

std::string is_empty(const CLI::Option& option) {
  return option.get_positional() && is_several(option) ? fmt::format("one of {} is empty", argument_name(option))
                                                       : fmt::format("{}: its value is empty", argument_name(option));
}

/// An empty value (`--json "$UNSET"`) is a mistake, not an option that wasn't given, and an empty argument no file.
std::string empty_value(const CLI::App& command, const std::vector<std::string>& args) {
  bool ended = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool is_behind_option = !ended && i > 0 && option_before(command, args[i - 1]) != nullptr;
    if (arg == "--" && !is_behind_option) ended = true;
    if (!ended && arg.size() > 3 && arg.rfind("--", 0) == 0 && arg.find('=') + 1 == arg.size()) {
      const CLI::Option* option = find_option(command, arg.substr(0, arg.size() - 1));
      if (option != nullptr && takes_value(*option)) return is_empty(*option);
    }
    if (!arg.empty()) continue;
    if (is_behind_option) return is_empty(*option_before(command, args[i - 1]));
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_positional()) return is_empty(*option);
    }
  }
  return {};
}

std::string with_call(const CLI::App& command, const std::string& what) {
  const std::string call = call_of(command);
  return fmt::format("{}{}{} (orrery {}{}--help)", call, call.empty() ? "" : ": ", what, call, call.empty() ? "" : " ");
}

}  // namespace

std::string command_error(const CLI::App& app, const std::vector<std::string>& args) {
  return command_error_at(app, args, 0);
}

std::string option_error(const CLI::App& command, const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (arg == "--") break;
    if (!is_short_option(arg) && arg.rfind("--", 0) != 0) continue;
    if (std::string wrong = unknown_option(command, arg); !wrong.empty()) return wrong;
  }
  return {};
}

std::string value_error(const CLI::App& command, const std::vector<std::string>& args) {
  const std::string wrong = empty_value(command, args);
  return wrong.empty() ? wrong : with_call(command, wrong);
}

std::string parse_error(const CLI::App& command, const CLI::ParseError& error) {
  return with_call(command, what_is_wrong(command, error));
}

std::string call_of(const CLI::App& command) {
  std::string call;
  for (const CLI::App* app = &command; app->get_parent() != nullptr; app = app->get_parent()) {
    call = app->get_name() + (call.empty() ? "" : " ") + call;
  }
  return call;
}

}  // namespace orrery::scenarios
