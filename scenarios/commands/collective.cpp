// orrery collective OP: what a collective takes over sizes, as nccl-tests prints it.

#include <ostream>

#include "scenarios/collective/collective_table.hpp"
#include "scenarios/commands/commands.hpp"

namespace orrery::scenarios {

int print_collective(const Options& options, Console& console) {
  const CollectiveWords& words = options.collective;
  std::vector<std::string> inputs;
  if (!words.compare.empty()) inputs.push_back(words.compare);
  check_outputs(options, inputs);
  const CollectiveTable table = predict(read_query(options.files.at(0), words, options.overrides));
  if (!options.quiet && !writes_to_standard_output(options)) console.out << table_text(table);
  emit(options.json, table_json(table), false, console);
  emit(options.csv, table_csv(table), false, console);
  if (!options.svg.empty()) emit(options.svg, table_svg(table), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
