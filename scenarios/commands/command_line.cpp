// Parsing of arguments with CLI11 and the mapping of failures to exit codes.

#include "scenarios/commands/command_line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <ostream>
#include <thread>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "hardware/nearest_names.hpp"
#include "scenarios/commands/command_options.hpp"
#include "scenarios/commands/quoting_buffer.hpp"

namespace orrery::scenarios {

namespace {

/// The first argument is a command, and that behind one which has commands of its own, as "ask", is one of them; CLI11
/// would only say that one is missing.
int check_command(const CLI::App& app, const std::vector<std::string>& args, std::size_t at, Console& console) {
  const std::vector<const CLI::App*> commands = app.get_subcommands(nullptr);
  const bool said = at < args.size() && !args[at].empty();
  if (commands.empty() || (said && args[at][0] == '-') || (!said && at == 0)) return kExitWell;
  std::vector<std::string> names;
  for (const CLI::App* command : commands) {
    names.push_back(command->get_name());
    if (said && names.back() == args[at]) return check_command(*command, args, at + 1, console);
  }
  const std::vector<std::string> nearest = said ? hardware::nearest_names(args[at], names) : std::vector<std::string>();
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  const std::string before = at == 0 ? "" : args[at - 1] + " ";
  if (!said) {
    console.err << fmt::format("orrery: '{}' is not all of a command; say one of {}{}\n", args[at - 1], before, all);
  } else if (nearest.empty()) {
    console.err << fmt::format("orrery: unknown command '{}{}'; the commands are {}{}\n", before, args[at], before,
                               all);
  } else {
    console.err << fmt::format("orrery: unknown command '{}{}'; did you mean {}{}?\n", before, args[at], before,
                               fmt::join(nearest, ", "));
  }
  return kExitInput;
}

/// The command that the arguments name, which may have commands of its own.
CLI::App& command_of(CLI::App& app, const std::vector<std::string>& args, std::size_t at = 0) {
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (at < args.size() && command->get_name() == args[at]) return command_of(*command, args, at + 1);
  }
  return app;
}

bool asks_for_help(const std::vector<std::string>& args) {
  const auto options_end = std::find(args.begin(), args.end(), "--");
  return std::any_of(args.begin(), options_end, [](const std::string& arg) { return arg == "--help" || arg == "-h"; });
}

/// An option that the command doesn't have: CLI11 would count the word behind it as an argument too many.
int check_options(const CLI::App& command, const std::vector<std::string>& args, Console& console) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const std::string& arg : args) {
    if (arg == "--") break;
    const std::string name = arg.substr(0, arg.find('='));
    if (name.rfind("--", 0) != 0 || std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::vector<std::string> nearest = hardware::nearest_names(name, names);
    console.err << fmt::format("orrery: unknown option {} of {}{}\n", name, command.get_name(),
                               nearest.empty() ? fmt::format("; its options are {}", fmt::join(names, ", "))
                                               : fmt::format("; did you mean {}?", fmt::join(nearest, " or ")));
    return kExitInput;
  }
  return kExitWell;
}

int dispatch(const std::vector<ParsedCommand>& commands, RawOptions& raw, Console& console) {
  Options& options = raw.options;
  for (const std::string& text : raw.sets) options.overrides.push_back(parse_override(text));
  const auto processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (options.jobs == 0) options.jobs = processors;
  if (options.ask_jobs == 0) options.ask_jobs = processors;
  for (const ParsedCommand& command : commands) {
    if (command.app->parsed()) return command.run(options, console);
  }
  return kExitInput;
}

int guarded(const std::function<int()>& command, Console& console) {
  try {
    return command();
  } catch (const hardware::ConfigError& error) {
    console.err << "orrery: " << error.what() << "\n";
    return kExitInput;
  } catch (const std::bad_alloc&) {
    console.err << "orrery: internal error: out of host memory\n";
    return kExitInternal;
  } catch (const std::exception& error) {
    console.err << "orrery: internal error: " << error.what() << "\n";
    return kExitInternal;
  }
}

int parse_and_run(const std::vector<std::string>& args, Console& console) {
  CLI::App app(kAbout, "orrery");
  RawOptions raw;
  const std::vector<ParsedCommand> commands = add_commands(app, raw);
  if (const int code = check_command(app, args, 0, console); code != kExitWell) return code;
  CLI::App& command = command_of(app, args);
  if (&command != &app && asks_for_help(args)) {
    std::string before;
    for (const CLI::App* parent = command.get_parent(); parent != nullptr; parent = parent->get_parent()) {
      before = parent->get_name() + (before.empty() ? "" : " ") + before;
    }
    console.out << command.help(before);
    return kExitWell;
  }
  if (const int code = check_options(command, args, console); code != kExitWell) return code;
  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, console.out, console.err) == 0 ? kExitWell : kExitInput;
  }
  return guarded([&] { return dispatch(commands, raw, console); }, console);
}

}  // namespace

int run_command(const std::vector<std::string>& args, Console& raw) {
  QuotingBuffer out_buffer(raw.out.rdbuf()), err_buffer(raw.err.rdbuf());
  std::ostream out(&out_buffer), err(&err_buffer);
  Console console{out, err, raw.terminal, raw.stop, raw.replaceable, &raw.err};
  errno = 0;
  const int code = parse_and_run(args, console);
  // A full disk shows only when the last bytes are written.
  console.err.flush();
  console.out.flush();
  if (console.out) return code;
  console.err << fmt::format("orrery: standard output: can't write{}{}\n", errno != 0 ? ": " : "",
                             errno != 0 ? std::strerror(errno) : "");
  return code == kExitInternal || code == kExitInterrupted ? code : kExitInput;
}

int run_command(const std::vector<std::string>& args, std::ostream& out, std::ostream& err) {
  Console console{out, err};
  return run_command(args, console);
}

}  // namespace orrery::scenarios
