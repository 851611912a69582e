// The commands with their options and help, as CLI11 reads them.

#include "scenarios/commands/command_options.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "kernels/cuda/loader.hpp"
#include "scenarios/commands/examples.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

using Raw = RawOptions;
using Commands = std::vector<ParsedCommand>;

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

void add_run_commands(CLI::App& app, Raw& raw, Commands& commands) {
  std::vector<std::string>& files = raw.options.files;
  CLI::App* run = app.add_subcommand("run", "predict scenarios and report");
  run->add_option("FILE", files, "scenario files")->required();
  add_outputs(*run, raw, true);
  run->add_flag("--intervals", raw.options.intervals,
                "how far off each metric may be: some ten to thirty runs, one for each end of each fit's errors");
  add_scenario_options(*run, raw);
  add_jobs(*run, raw);
  commands.push_back({run, run_files});

  CLI::App* check = app.add_subcommand("check", "run scenarios and test what they expect");
  check->add_option("PATH", files, "scenario files or folders")->required();
  add_outputs(*check, raw, false);
  add_scenario_options(*check, raw);
  add_jobs(*check, raw);
  commands.push_back({check, check_paths});

  CLI::App* sweep = app.add_subcommand("sweep", "run all combinations of the lists in sweep:");
  sweep->add_option("FILE", files, "a scenario file")->required()->expected(1);
  sweep->add_option("--json", raw.options.json, "write every point's figures");
  sweep->add_option("--csv", raw.options.csv, "write a row per point");
  sweep->add_option("--columns", raw.options.columns, "metrics to show and write: a,b,c (orrery list metrics)");
  sweep->add_option("--sort", raw.options.sort, "show the points by this metric, the best first");
  sweep->add_option("--objective", raw.options.objective,
                    "the metric that the best point is best at (default: speed, or price where that differs)");
  sweep->add_option("--pareto", raw.options.pareto,
                    "mark the points that no other beats in all of these metrics, such as "
                    "serving.output_tokens_per_s_per_gpu,serving.output_tokens_per_s_per_user");
  sweep->add_flag("--resume", raw.options.resume,
                  "take up the rows that an interrupted sweep left in its partial file");
  add_scenario_options(*sweep, raw);
  add_jobs(*sweep, raw);
  commands.push_back({sweep, sweep_file});

  CLI::App* compare = app.add_subcommand("compare", "compare two scenarios or two saved JSON reports");
  compare->add_option("A_B", files, "two files")->required()->expected(2);
  compare->add_option("--json", raw.options.json, "write the table as JSON");
  add_scenario_options(*compare, raw);
  commands.push_back({compare, compare_two});

  CLI::App* explain = app.add_subcommand("explain", "where each number of a prediction comes from");
  explain->add_option("FILE", files, "a scenario file")->required()->expected(1);
  explain->add_option("--json", raw.options.json, "write the report with every step's terms");
  add_reproducible(*explain, raw);
  explain->add_option("--metric", raw.options.metric, "one figure with what it is made of (orrery list metrics)");
  explain->add_option("--log", raw.options.log, "lay the memory that an engine logged when it started beside (vLLM)");
  add_scenario_options(*explain, raw);
  commands.push_back({explain, explain_file});
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

void add_ask_commands(CLI::App& app, Raw& raw, Commands& commands) {
  std::vector<std::string> names;
  for (const AskKind& kind : ask_kinds()) names.push_back(fmt::format("ask {}", kind.name));
  CLI::App* question =
      app.add_subcommand("ask", fmt::format("from a model, GPUs and a goal to an answer: {}", fmt::join(names, ", ")));
  question->require_subcommand(1);
  for (const AskKind& kind : ask_kinds()) {
    CLI::App* command = question->add_subcommand(std::string(kind.name), std::string(kind.summary));
    add_question(*command, kind, raw);
    commands.push_back({command, ask_question});
  }
}

void add_data_commands(CLI::App& app, Raw& raw, Commands& commands) {
  std::vector<std::string>& files = raw.options.files;
  CLI::App* validate = app.add_subcommand("validate", "errors of predictions on a table of measurements");
  validate
      ->add_option("KIND_TABLE", files,
                   fmt::format("kernels, collectives, {}; then a CSV file, or of collectives what nccl-tests printed",
                               kind_names()))
      ->required()
      ->expected(2);
  validate->add_option("--gpu", raw.options.gpu, "GPU that the table was measured on");
  validate->add_option("--node", raw.options.node, "node for collectives (default: one of that GPU)");
  validate->add_option("--cluster", raw.options.collective.cluster,
                       "what collectives ran on: a node, its profile, or a file with a cluster");
  validate->add_option("--fabric,--network", raw.options.collective.fabric,
                       "what joins several nodes (default: the rail fat tree of their cards)");
  validate->add_option("--timer", raw.options.timer, "timing model (orrery list timers)");
  validate->add_option("--json", raw.options.json, "write the error report");
  validate->add_flag("-q,--quiet", raw.options.quiet, "no text report");
  add_jobs(*validate, raw);
  commands.push_back({validate, validate_table});

  CLI::App* list = app.add_subcommand("list", "what there is to choose from");
  list->add_option("FAMILY", files, "a family; without one, the families")->expected(0, 1);
  list->add_option("--json", raw.options.json, "write the list as JSON");
  commands.push_back({list, list_family});

  CLI::App* calibrate = app.add_subcommand("calibrate", "fit timing models: calibrate fit TABLE --gpu NAME");
  calibrate->add_option("ACTION", files, "fit TABLE…")->required();
  calibrate->add_option("--gpu", raw.options.gpu, "GPU that the table was measured on");
  calibrate->add_option("--date", raw.options.date, "date to store (default: today)");
  calibrate->add_option("-o,--output", raw.options.output, "profile to write (default: the GPU's own)");
  calibrate->add_flag("--dry-run", raw.options.dry_run, "print the fits, write nothing");
  calibrate->add_flag("-q,--quiet", raw.options.quiet, "no text report");
  commands.push_back({calibrate, calibrate_fit});

  CLI::App* fresh = app.add_subcommand("new", "print a commented scenario, or a profile of your own hardware");
  fresh
      ->add_option(
          "KIND", files,
          fmt::format("{}, jobs (several on one cluster), gpu, node or fabric (default: {}); behind fabric its "
                      "kind, as torus",
                      kind_names(), kinds().front()->name))
      ->expected(0, 2);
  fresh->add_option("-o,--output", raw.options.output, "write it to this file");
  fresh->add_flag("--force", raw.options.force, "even where is there already");
  commands.push_back({fresh, new_scenario});
}

void add_collective_command(CLI::App& app, Raw& raw, Commands& commands) {
  CollectiveWords& words = raw.options.collective;
  CLI::App* table = app.add_subcommand("collective", "what a collective takes over sizes, as nccl-tests prints it");
  table->add_option("OP", raw.options.files, "all_reduce, all_gather, reduce_scatter, all_to_all, broadcast or reduce")
      ->required()
      ->expected(1);
  table->add_option("--cluster", words.cluster, "a node (orrery list nodes), its profile, or a file with a cluster")
      ->required();
  table->add_option("--fabric,--network", words.fabric,
                    "what joins several nodes (default: the rail fat tree of their cards)");
  table->add_option("--gpus", words.gpus, "ranks on each node (default: all its GPUs)")->check(CLI::Range(1, 1024));
  table->add_option("--nodes", words.nodes, "nodes of the group (default: one, or all of the scenario's)")
      ->check(CLI::Range(1, 100000));
  table->add_option("--bytes", words.bytes, "a size, or FIRST..LAST by factors of two (default: 1KiB..1GiB)");
  table->add_option("--type", words.type, "of the elements, by our names or nccl-tests' (default: bf16)");
  table->add_option("--operations", words.operations, "calls that NCCL is given as one group; sizes are of them all")
      ->check(CLI::Range(1, 4096));
  table->add_option("--compare", words.compare, "what nccl-tests printed: its sizes, with the error of each");
  table->add_option("--fit", words.fit,
                    "fit what --compare measured into this profile, made from the GPU's where it isn't there");
  table->add_option("--json", raw.options.json, "write the table as JSON (- for standard output)");
  table->add_option("--csv", raw.options.csv, "write a row per size");
  table->add_option("--svg", raw.options.svg, "draw the bus bandwidth over size");
  add_scenario_options(*table, raw);
  commands.push_back({table, print_collective});
}

void add_import_command(CLI::App& app, Raw& raw, Commands& commands) {
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
  commands.push_back({import, import_scenario});
}

int not_executed(const Options&, Console&) {
  throw hardware::ConfigError(
      fmt::format("execute: this build has no executor; it needs the CUDA and NCCL backend (here: {})",
                  kernels::cuda::Module::find().describe()));
}

void add_window_command(CLI::App& app, Raw& raw, Commands& commands) {
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
  commands.push_back({gui, open_window});
}

void add_shell_commands(CLI::App& app, Raw& raw, Commands& commands) {
  CLI::App* completion = app.add_subcommand("completion", "print what completes commands and names in a shell");
  completion->add_option("SHELL", raw.options.files, "bash, zsh or fish")->required()->expected(1);
  commands.push_back({completion, print_completion});
  CLI::App* man = app.add_subcommand("man", "print the manual page: orrery man | man -l -");
  commands.push_back({man, print_man});
}

}  // namespace

std::vector<ParsedCommand> add_commands(CLI::App& app, RawOptions& raw) {
  app.set_version_flag("--version", fmt::format("orrery {}", kVersion));
  app.require_subcommand(1);
  Commands commands;
  add_run_commands(app, raw, commands);
  add_ask_commands(app, raw, commands);
  add_data_commands(app, raw, commands);
  add_collective_command(app, raw, commands);
  add_import_command(app, raw, commands);
  add_window_command(app, raw, commands);
  add_shell_commands(app, raw, commands);
  CLI::App* execute = app.add_subcommand("execute", "not part of this build");
  execute->add_option("FILE", raw.options.files, "a scenario file");
  commands.push_back({execute, not_executed});
  app.get_subcommand("ask")->footer(examples_of("ask"));
  // A subcommand inherits the footer that stands when it is added: theirs are their own.
  for (const ParsedCommand& command : commands) command.app->footer(examples_of(command.app->get_name()));
  app.footer(examples_of("") + std::string(exit_codes()));
  return commands;
}

}  // namespace orrery::scenarios
