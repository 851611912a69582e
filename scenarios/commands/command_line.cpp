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

#include "scenarios/commands/argument_errors.hpp"
#include "scenarios/commands/command_options.hpp"
#include "scenarios/commands/quoting_buffer.hpp"

namespace orrery::scenarios {

namespace {

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
  const auto refuse = [&](const std::string& why) {
    console.err << "orrery: " << why << "\n";
    return kExitInput;
  };
  if (const std::string wrong = command_error(app, args); !wrong.empty()) return refuse(wrong);
  CLI::App& command = command_of(app, args);
  if (&command != &app && asks_for_help(args)) {
    const std::string above = call_of(*command.get_parent());
    console.out << command.help(app.get_name() + (above.empty() ? "" : " ") + above);
    return kExitWell;
  }
  if (const std::string wrong = option_error(command, args); !wrong.empty()) return refuse(wrong);
  if (const std::string wrong = value_error(command, args); !wrong.empty()) return refuse(wrong);
  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::Success& asked) {  // for help, or the version
    app.exit(asked, console.out, console.err);
    return kExitWell;
  } catch (const CLI::ParseError& error) {
    return refuse(parse_error(command, error));
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
