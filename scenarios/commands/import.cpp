// orrery import FILE…: a launch line, a recorded load, a benchmark's result → a scenario.

#include "scenarios/import/import.hpp"

#include <filesystem>
#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/commands/commands.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::size_t kLongestRemark = 400;

void tell(std::ostream& err, std::string_view what, const std::vector<std::string>& remarks) {
  for (const std::string& remark : remarks) {
    err << fmt::format("{}: {}\n", what, hardware::printable(remark, kLongestRemark));
  }
}

}  // namespace

int import_scenario(const Options& options, Console& console) {
  check_outputs(options, options.files);
  check_new(options.output, options.force);
  ImportOptions of_import{options.gpu, options.node, options.model, ""};
  if (!options.output.empty() && options.output != "-") {
    of_import.output_folder = std::filesystem::path(options.output).parent_path().string();
    if (of_import.output_folder.empty()) of_import.output_folder = ".";
  }
  Imported imported;
  try {
    imported = import_files(options.files, of_import, console);
  } catch (const hardware::ConfigError&) {
    if (!console.stopped()) throw;
    console.err << "interrupted: nothing done\n";
    return kExitInterrupted;
  }
  emit(options.output.empty() ? "-" : options.output, imported.yaml, false, console);
  if (options.quiet) return kExitWell;
  tell(console.err, "assumed", imported.notes);
  tell(console.err, "not taken", imported.ignored);
  return kExitWell;
}

}  // namespace orrery::scenarios
