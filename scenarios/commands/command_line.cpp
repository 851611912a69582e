// Parsing of arguments with CLI11 (seen only here) and the mapping of failures to exit codes.

#include "scenarios/commands/command_line.hpp"

#include <algorithm>
#include <array>
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
#include "kernels/cuda/loader.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/commands/examples.hpp"
#include "scenarios/commands/quoting_buffer.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

using Command = int (*)(const Options&, Console&);

/// Options as CLI11 sees them, before --set is split.
struct Raw {
  Options options;
  std::vector<std::string> sets;
};

void add_reproducible(CLI::App& command, Raw& raw) {
  command.add_flag("--reproducible", raw.options.reproducible,
                   "no wall times in the JSON report: the same bytes from the same input");
}

void add_outputs(CLI::App& command, Raw& raw, bool trace) {
  Options& options = raw.options;
  command.add_option("--json", options.json, "write the JSON report to this file (- for standard output)");
  command.add_option("--csv", options.csv, "write a row per run to this file");
  if (trace)
    command.add_option("--trace", options.trace, "write a Chrome/Perfetto trace of the step or of the served requests");
  if (trace) command.add_option("--requests", options.requests, "a row per served request (serving only)");
  if (trace)
    command.add_option("--plan", options.plan,
                       "write what every rank does, as text: the training step, or a typical decode iteration; of "
                       "several jobs each to NAME.JOB.EXT");
  command.add_option("--junit", options.junit, "write expectations as JUnit test cases");
  add_reproducible(command, raw);
}

void add_scenario_options(CLI::App& command, Raw& raw) {
  // One value each time, so that a file name after --set is not swallowed.
  command.add_option("--set", raw.sets, "override a scenario key: key=value (repeatable)")
      ->allow_extra_args(false)
      ->take_all();
  command.add_flag("-q,--quiet", raw.options.quiet, "no progress and no text report");
}

void add_jobs(CLI::App& command, Raw& raw) {
  command.add_option("-j,--jobs", raw.options.jobs, "runs at a time (0: one per processor)")
      ->check(CLI::Range(0, 1024));
}

void add_run_commands(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  std::vector<std::string>& files = raw.options.files;
  CLI::App* run = app.add_subcommand("run", "predict scenarios and report");
  run->add_option("FILE", files, "scenario files")->required();
  add_outputs(*run, raw, true);
  add_scenario_options(*run, raw);
  add_jobs(*run, raw);
  commands.emplace_back(run, run_files);

  CLI::App* check = app.add_subcommand("check", "run scenarios and test what they expect");
  check->add_option("PATH", files, "scenario files or folders")->required();
  add_outputs(*check, raw, false);
  add_scenario_options(*check, raw);
  add_jobs(*check, raw);
  commands.emplace_back(check, check_paths);

  CLI::App* sweep = app.add_subcommand("sweep", "run all combinations of the lists in sweep:");
  sweep->add_option("FILE", files, "a scenario file")->required()->expected(1);
  sweep->add_option("--json", raw.options.json, "write every point's figures");
  sweep->add_option("--csv", raw.options.csv, "write a row per point");
  sweep->add_option("--columns", raw.options.columns, "metrics to show and write: a,b,c (orrery list metrics)");
  sweep->add_option("--sort", raw.options.sort, "show the points by this metric, the best first");
  sweep->add_option("--objective", raw.options.objective,
                    "the metric that the best point is best at (default: speed, or price where that differs)");
  sweep->add_flag("--resume", raw.options.resume,
                  "take up the rows that an interrupted sweep left in its partial file");
  add_scenario_options(*sweep, raw);
  add_jobs(*sweep, raw);
  commands.emplace_back(sweep, sweep_file);

  CLI::App* compare = app.add_subcommand("compare", "compare two scenarios or two saved JSON reports");
  compare->add_option("A_B", files, "two files")->required()->expected(2);
  compare->add_option("--json", raw.options.json, "write the table as JSON");
  add_scenario_options(*compare, raw);
  commands.emplace_back(compare, compare_two);

  CLI::App* explain = app.add_subcommand("explain", "where each number of a prediction comes from");
  explain->add_option("FILE", files, "a scenario file")->required()->expected(1);
  explain->add_option("--json", raw.options.json, "write the report with every step's terms");
  add_reproducible(*explain, raw);
  explain->add_option("--metric", raw.options.metric, "one figure with what it is made of (orrery list metrics)");
  explain->add_option("--log", raw.options.log, "lay the memory that an engine logged when it started beside (vLLM)");
  add_scenario_options(*explain, raw);
  commands.emplace_back(explain, explain_file);
}

void add_question(CLI::App& command, const AskKind& kind, Raw& raw) {
  for (const AskField& field : kind.fields) {
    const std::string absent = field.absent.empty() ? "" : fmt::format(" (default: {})", field.absent);
    CLI::Option* option = command.add_option(fmt::format("--{}", field.name), raw.options.ask.*field.word,
                                             std::string(field.help) + absent);
    if (field.required) option->required();
  }
  command.add_option("--save", raw.options.save, "write the scenario of the answer to this file");
  command.add_flag("--force", raw.options.force, "--save may replace a file");
  command.add_option("--json", raw.options.json, "write the answer as JSON (- for standard output)");
  command.add_flag("-q,--quiet", raw.options.quiet, "no progress and no text");
  // A question is short; people wait for it.
  command.add_option("-j,--jobs", raw.options.ask_jobs, "runs at a time (default 0: one per processor)")
      ->check(CLI::Range(0, 1024));
  command.callback([&raw, &kind] { raw.options.ask_kind = &kind; });
}

void add_ask_commands(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  std::vector<std::string> names;
  for (const AskKind& kind : ask_kinds()) names.push_back(fmt::format("ask {}", kind.name));
  CLI::App* question =
      app.add_subcommand("ask", fmt::format("from a model, GPUs and a goal to an answer: {}", fmt::join(names, ", ")));
  question->require_subcommand(1);
  for (const AskKind& kind : ask_kinds()) {
    CLI::App* command = question->add_subcommand(std::string(kind.name), std::string(kind.summary));
    add_question(*command, kind, raw);
    commands.emplace_back(command, ask_question);
  }
}

void add_data_commands(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  std::vector<std::string>& files = raw.options.files;
  CLI::App* validate = app.add_subcommand("validate", "errors of predictions on a table of measurements");
  validate->add_option("KIND_TABLE", files, fmt::format("kernels, collectives, {}; then a CSV file", kind_names()))
      ->required()
      ->expected(2);
  validate->add_option("--gpu", raw.options.gpu, "GPU that the table was measured on");
  validate->add_option("--node", raw.options.node, "node for collectives (default: one of that GPU)");
  validate->add_option("--timer", raw.options.timer, "timing model (orrery list timers)");
  validate->add_option("--json", raw.options.json, "write the error report");
  validate->add_flag("-q,--quiet", raw.options.quiet, "no text report");
  add_jobs(*validate, raw);
  commands.emplace_back(validate, validate_table);

  CLI::App* list = app.add_subcommand("list", "what there is to choose from");
  list->add_option("FAMILY", files, "a family; without one, the families")->expected(0, 1);
  list->add_option("--json", raw.options.json, "write the list as JSON");
  commands.emplace_back(list, list_family);

  CLI::App* calibrate = app.add_subcommand("calibrate", "fit timing models: calibrate fit TABLE --gpu NAME");
  calibrate->add_option("ACTION", files, "fit TABLE…")->required();
  calibrate->add_option("--gpu", raw.options.gpu, "GPU that the table was measured on");
  calibrate->add_option("--date", raw.options.date, "date to store (default: today)");
  calibrate->add_option("-o,--output", raw.options.output, "profile to write (default: the GPU's own)");
  calibrate->add_flag("--dry-run", raw.options.dry_run, "print the fits, write nothing");
  calibrate->add_flag("-q,--quiet", raw.options.quiet, "no text report");
  commands.emplace_back(calibrate, calibrate_fit);

  CLI::App* fresh = app.add_subcommand("new", "print a commented scenario, or a profile of your own hardware");
  fresh
      ->add_option("KIND", files,
                   fmt::format("{}, jobs (several on one cluster), gpu, node or fabric (default: {})", kind_names(),
                               kinds().front()->name))
      ->expected(0, 1);
  fresh->add_option("-o,--output", raw.options.output, "write it to this file");
  fresh->add_flag("--force", raw.options.force, "even where is there already");
  commands.emplace_back(fresh, new_scenario);
}

/// An option with an empty value (`--json "$UNSET"`) is a mistake, not an option that wasn't given.
void check_names(CLI::App& app) {
  const auto not_empty = [](std::string& text) { return std::string(text.empty() ? "its value is empty" : ""); };
  for (CLI::App* command : app.get_subcommands(nullptr)) {
    check_names(*command);
    for (CLI::Option* option : command->get_options()) {
      if (option->get_items_expected_max() > 0) option->check(CLI::Validator(not_empty, ""));
    }
  }
}

/// The first argument is a command; CLI11 would only say that one is missing.
int check_command(const CLI::App& app, const std::vector<std::string>& args, Console& console) {
  if (args.empty() || args[0].empty() || args[0][0] == '-') return kExitWell;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  if (std::find(names.begin(), names.end(), args[0]) != names.end()) return kExitWell;
  const std::vector<std::string> nearest = hardware::nearest_names(args[0], names);
  console.err << fmt::format(
      "orrery: unknown command '{}'; {} {}\n", args[0], nearest.empty() ? "the commands are" : "did you mean",
      nearest.empty() ? fmt::format("{}", fmt::join(names, ", ")) : fmt::format("{}?", fmt::join(nearest, ", ")));
  return kExitInput;
}

void add_import_command(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  CLI::App* import =
      app.add_subcommand("import", "a launch line, a recorded load or a benchmark's result as a scenario");
  import
      ->add_option(
          "FILE", raw.options.files,
          "a script that starts vLLM, SGLang, TensorRT-LLM or TGI (- for standard input), a trace of requests, "
          "a result of vllm bench serve; several become one scenario")
      ->required();
  import->add_option("--gpu", raw.options.gpu, "GPU to serve on (orrery list gpus)");
  import->add_option("--node", raw.options.node, "node to serve on (default: one of that GPU)");
  import->add_option("--model", raw.options.model, "a name of the library, a config.json or a folder with one");
  import->add_option("-o,--output", raw.options.output, "write it to this file");
  import->add_flag("--force", raw.options.force, "replace the file if it is there");
  import->add_flag("-q,--quiet", raw.options.quiet, "say nothing of what was assumed and not taken");
  commands.emplace_back(import, import_scenario);
}

int not_executed(const Options&, Console&) {
  throw hardware::ConfigError(
      fmt::format("execute: this build has no executor; it needs the CUDA and NCCL backend (here: {})",
                  kernels::cuda::Module::find().describe()));
}

void add_window_command(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  Options& options = raw.options;
  CLI::App* gui = app.add_subcommand("gui", "open the window: edit a scenario and watch what changes");
  gui->add_option("FILE", options.files, "a scenario file")->expected(0, 1);
  gui->add_option("--screenshot", options.screenshot, "draw the window once to this PNG file and end");
  gui->add_option("--size", options.size, "of the window, as 1600x1000");
  gui->add_option("--scale", options.scale, "device pixels per pixel of a screenshot");
  gui->add_option("--theme", options.theme, "light, dark or system");
  gui->add_option("--view", options.view, "the view to show, for example timeline");
  gui->add_option("--set", raw.sets, "edit a scenario key: key=value (repeatable)")
      ->allow_extra_args(false)
      ->take_all();
  commands.emplace_back(gui, open_window);
}

int dispatch(const std::vector<std::pair<CLI::App*, Command>>& commands, Raw& raw, Console& console) {
  Options& options = raw.options;
  for (const std::string& text : raw.sets) options.overrides.push_back(parse_override(text));
  const auto processors = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  if (options.jobs == 0) options.jobs = processors;
  if (options.ask_jobs == 0) options.ask_jobs = processors;
  for (const auto& [app, command] : commands) {
    if (app->parsed()) return command(options, console);
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
  CLI::App app("Orrery predicts the time, memory, throughput and cost of training and serving large language models.",
               "orrery");
  app.set_version_flag("--version", fmt::format("orrery {}", kVersion));
  app.require_subcommand(1);
  Raw raw;
  std::vector<std::pair<CLI::App*, Command>> commands;
  add_run_commands(app, raw, commands);
  add_ask_commands(app, raw, commands);
  add_data_commands(app, raw, commands);
  add_import_command(app, raw, commands);
  add_window_command(app, raw, commands);
  CLI::App* execute = app.add_subcommand("execute", "not part of this build");
  execute->add_option("FILE", raw.options.files, "a scenario file");
  commands.emplace_back(execute, not_executed);
  app.get_subcommand("ask")->footer(examples_of("ask"));
  // A subcommand inherits the footer that stands when it is added: theirs are their own.
  for (const auto& [command, unused] : commands) command->footer(examples_of(command->get_name()));
  app.footer(examples_of("") + std::string(exit_codes()));
  check_names(app);
  if (const int code = check_command(app, args, console); code != kExitWell) return code;
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
