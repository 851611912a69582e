// orrery collective OP: what a collective takes over sizes, as nccl-tests prints it.

#include <ostream>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "scenarios/collective/collective_fit.hpp"
#include "scenarios/collective/collective_table.hpp"
#include "scenarios/commands/commands.hpp"
#include "scenarios/output.hpp"

namespace orrery::scenarios {

int print_collective(const Options& options, Console& console) {
  const CollectiveWords& words = options.collective;
  std::vector<std::string> inputs;
  if (!words.compare.empty()) inputs.push_back(words.compare);
  check_outputs(options, inputs);
  const CollectiveQuery query = read_query(options.files.at(0), words, options.overrides);
  if (!words.fit.empty()) {
    check_writable(words.fit);
    if (words.compare.empty()) throw hardware::ConfigError("collective: --fit needs measurements: --compare FILE");
    if (same_file(words.fit, words.compare)) {
      throw hardware::ConfigError(fmt::format("collective: --fit {} would overwrite the input", words.fit));
    }
    for (const std::string& output : {options.json, options.csv, options.svg}) {
      if (output.empty() || !same_file(words.fit, output)) continue;
      throw hardware::ConfigError(
          fmt::format("{}: two outputs can't go to the same place", hardware::quoted_path(words.fit)));
    }
    for (const std::string& line : fit_measurements(query, words.compare, words.fit, today()))
      console.err << line << "\n";
  }
  const CollectiveTable table = predict(query);
  if (!options.quiet && !writes_to_standard_output(options)) console.out << table_text(table);
  emit(options.json, table_json(table), false, console);
  emit(options.csv, table_csv(table), false, console);
  if (!options.svg.empty()) emit(options.svg, table_svg(table), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
