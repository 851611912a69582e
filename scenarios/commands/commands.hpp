// The commands behind `orrery`: each takes the parsed options and returns the exit code.
//
// A command throws ConfigError when the input is wrong; command_line.cpp turns that into exit code 2.
#pragma once

#include <string>
#include <vector>

#include "scenarios/ask/ask.hpp"
#include "scenarios/collective/collective_table.hpp"
#include "scenarios/commands/command_line.hpp"
#include "scenarios/report.hpp"
#include "scenarios/runner.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

/// Everything the command line can say; each command reads its part.
struct Options {
  std::vector<std::string> files;  ///< FILE…, PATH…, A B, KIND TABLE, FAMILY
  std::vector<Override> overrides;
  std::string json, csv, trace, junit, requests, plan, output;  ///< file names, "-" for standard output, empty: none
  std::string gpu, node, date, timer = "fitted";
  std::string model;  ///< of import: instead of what the files name
  const AskKind* ask_kind = nullptr;
  AskWords ask;
  CollectiveWords collective;
  std::string svg;                                   ///< of a collective's table: its picture
  std::string save;                                  ///< of a question: where its answer's scenario goes
  std::string columns, sort, objective, pareto;      ///< of a sweep
  bool resume = false;                               ///< of a sweep: takes up the rows of its partial files
  std::string metric;                                ///< of explain: one figure alone
  std::string log;                                   ///< of explain: what the engine wrote
  std::string screenshot, size, scale, theme, view;  ///< of the window, as its program takes them
  int jobs = 1;
  int ask_jobs = 0;  ///< of a question: 0 is one per processor
  bool quiet = false;
  bool dry_run = false;
  bool intervals = false;     ///< how far off each metric may be
  bool reproducible = false;  ///< no wall times in JSON
  bool force = false;         ///< an output may take the place of a file

  [[nodiscard]] EnginePart engine_part() const { return reproducible ? EnginePart::counts : EnginePart::whole; }
};

int run_files(const Options& options, Console& console);
int check_paths(const Options& options, Console& console);
int sweep_file(const Options& options, Console& console);
int compare_two(const Options& options, Console& console);
int validate_table(const Options& options, Console& console);
int print_collective(const Options& options, Console& console);
int list_family(const Options& options, Console& console);
int explain_file(const Options& options, Console& console);
int calibrate_fit(const Options& options, Console& console);
int new_scenario(const Options& options, Console& console);
int import_scenario(const Options& options, Console& console);
int ask_question(const Options& options, Console& console);
int print_completion(const Options& options, Console& console);
int print_man(const Options& options, Console& console);
int open_window(const Options& options, Console& console);

/// The families that `list` knows, for its help.
[[nodiscard]] std::vector<std::string> family_names();

/// Loads every file, several at a time; errors of all of them are thrown together, in the order of the files.
/// After Ctrl-C it returns early with what it has: nothing will be run.
[[nodiscard]] std::vector<Scenario> load_all(const std::vector<std::string>& files, const Options& options,
                                             Console& console);

/// Throws ConfigError for the first named output that can't be written, or that would overwrite one of `inputs` or
/// another output. `jobs`: of the scenario that the plan is of. Call before the work.
/// The day as a fit's date is written.
[[nodiscard]] std::string today();

void check_outputs(const Options& options, const std::vector<std::string>& inputs = {},
                   const std::vector<Job>& jobs = {});

/// Throws ConfigError if `path` (empty or "-": none) is there already, which somebody may have edited, unless forced.
void check_new(const std::string& path, bool force);

/// Ctrl-C before the one result of a command: an empty partial JSON report, and exit code 130.
int interrupted_alone(const Options& options, Console& console);

/// An output goes to standard output, so the text report must not.
[[nodiscard]] bool writes_to_standard_output(const Options& options);

/// Writes `content` to a file or, for "-", to standard output; nothing for an empty name.
void emit(const std::string& path, const std::string& content, bool partial, Console& console);

}  // namespace orrery::scenarios
