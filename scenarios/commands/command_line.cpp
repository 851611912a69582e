// Parsing of arguments with CLI11 (seen only here) and the mapping of failures to exit codes.

#include "scenarios/commands/command_line.hpp"

#include <cerrno>
#include <cstring>
#include <functional>
#include <ostream>
#include <thread>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "kernels/cuda/loader.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

using Command = int (*)(const Options&, Console&);

constexpr std::string_view kExamples = R"(Questions:
  orrery ask serve --model Qwen/Qwen3-32B-FP8 --gpu l40s --gpus 2 --context 32k --input 2000 --output 500 --tpot 50ms
  orrery ask serve --model llama-3.1-70b --rate 20 --input 1155 --output 211 --ttft 1s    at least cost
  orrery ask fit --model llama-3.3-70b-fp8 --gpu h100 --context 128k --users 5            the fewest GPUs

Examples:
  orrery new > mine.yaml                    a commented scenario to start from
  orrery run mine.yaml                      predict its training step, or how it serves
  orrery run mine.yaml --set training.tensor_parallel=4 --json report.json --trace trace.json
  orrery run chat.yaml --requests requests.csv --trace trace.json   every request of a serving run
  orrery run mine.yaml --plan plan.txt      what every rank does, step by step
  orrery explain mine.yaml                  where each number comes from
  orrery check scenarios/library -j 8       hold predictions to published results
  orrery sweep mine.yaml --csv grid.csv     all combinations of the lists in sweep:
  orrery compare a.yaml b.yaml              metric by metric
  orrery validate kernels gemm.csv.gz --gpu h100_sxm
  orrery list models
  orrery gui mine.yaml                      the same in a window that follows every change

Exit codes: 0 well, 1 a finding (expectation missed, out of memory, SLO missed), 2 wrong input,
3 internal error, 130 interrupted (outputs are then named *.partial.*).
)";

/// Options as CLI11 sees them, before --set is split.
struct Raw {
  Options options;
  std::vector<std::string> sets;
};

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
  explain->add_option("--metric", raw.options.metric, "one figure with what it is made of (orrery list metrics)");
  add_scenario_options(*explain, raw);
  commands.emplace_back(explain, explain_file);
}

void add_question(CLI::App& command, Raw& raw) {
  AskWords& ask = raw.options.ask;
  command.add_option("--model", ask.model, "of the library (orrery list models), as Hugging Face has it, or a path")
      ->required();
  command.add_option("--gpu", ask.gpu, "kinds to choose from: h100,l40s (default: all of the library)");
  command.add_option("--gpus", ask.gpus, "GPUs that there are (default: as many as it takes)")
      ->check(CLI::Range(1, 4096));
  command.add_option("--tp", ask.tensor_parallel, "tensor parallelism (default: 1, 2, 4 and 8 are tried)")
      ->check(CLI::Range(1, 8));
  command.add_option("--weight-dtype", ask.weight_dtype, "number format of the weights (orrery list dtypes)");
  command.add_option("--users", ask.users, "users at once")->check(CLI::Range(1, 100'000));
  command.add_option("--save", ask.save, "write the scenario of the answer to this file");
  command.add_flag("--force", ask.force, "--save may replace a file");
  command.add_option("--json", raw.options.json, "write the answer as JSON (- for standard output)");
  command.add_flag("-q,--quiet", raw.options.quiet, "no progress and no text");
  // A question is short; people wait for it.
  command.add_option("-j,--jobs", raw.options.ask_jobs, "runs at a time (default 0: one per processor)")
      ->check(CLI::Range(0, 1024));
}

void add_ask_commands(CLI::App& app, Raw& raw, std::vector<std::pair<CLI::App*, Command>>& commands) {
  AskWords& ask = raw.options.ask;
  CLI::App* question = app.add_subcommand("ask", "from a model, GPUs and a goal to an answer: ask serve, ask fit");
  question->require_subcommand(1);
  CLI::App* serve = question->add_subcommand(
      "serve", "how many users do these GPUs hold, or which plan serves this load at least cost");
  add_question(*serve, raw);
  serve->add_option("--context", ask.context, "tokens of the longest request, prompt and answer: 32k = 32768");
  serve->add_option("--input", ask.input, "tokens of a prompt: 2000, or MEAN:CV:MOST")->required();
  serve->add_option("--output", ask.output, "tokens of an answer: 500, or MEAN:CV:MOST")->required();
  serve->add_option("--ttft", ask.ttft, "longest time to the first token: 5s");
  serve->add_option("--tpot", ask.tpot, "longest time per token after it: 50ms");
  serve->add_option("--attainment", ask.attainment, "share of the requests within both (default 0.99)")
      ->check(CLI::Range(0.01, 1.0));
  serve->add_option("--rate", ask.rate, "requests per second")->check(CLI::Range(0.001, 100'000.0));
  serve->add_option("--compare-api", ask.compare_api,
                    "CACHED/INPUT/OUTPUT prices of an API, USD per million tokens: when do own GPUs win?");
  commands.emplace_back(serve, ask_serve);
  CLI::App* fit = question->add_subcommand("fit", "the fewest GPUs that hold a model and so many tokens");
  add_question(*fit, raw);
  fit->add_option("--context", ask.context, "tokens of each sequence: 128k = 131072")->required();
  commands.emplace_back(fit, ask_fit);
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

  CLI::App* fresh = app.add_subcommand("new", "print a commented scenario to start from");
  fresh
      ->add_option(
          "KIND", files,
          fmt::format("{}, or jobs: several on one cluster (default: {})", kind_names(), kinds().front()->name))
      ->expected(0, 1);
  fresh->add_option("-o,--output", raw.options.output, "write it to this file");
  commands.emplace_back(fresh, new_scenario);
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
  app.footer(std::string(kExamples));
  app.set_version_flag("--version", fmt::format("orrery {}", kVersion));
  app.require_subcommand(1);
  Raw raw;
  std::vector<std::pair<CLI::App*, Command>> commands;
  add_run_commands(app, raw, commands);
  add_ask_commands(app, raw, commands);
  add_data_commands(app, raw, commands);
  add_window_command(app, raw, commands);
  CLI::App* execute = app.add_subcommand("execute", "not part of this build");
  execute->add_option("FILE", raw.options.files, "a scenario file");
  commands.emplace_back(execute, not_executed);
  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, console.out, console.err) == 0 ? kExitWell : kExitInput;
  }
  return guarded([&] { return dispatch(commands, raw, console); }, console);
}

}  // namespace

int run_command(const std::vector<std::string>& args, Console& console) {
  errno = 0;
  const int code = parse_and_run(args, console);
  // A full disk shows only when the last bytes are written.
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
