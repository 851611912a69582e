// orrery new [KIND]: a commented scenario to start from. It passes `orrery check` as it stands.

#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

int new_scenario(const Options& options, Console& console) {
  const std::string name = options.files.empty() ? std::string(kinds().front()->name) : options.files[0];
  const KindRow* kind = find_kind(name);
  if (kind == nullptr) {
    throw hardware::ConfigError(fmt::format("new {}: the templates are: {}", name, kind_names()));
  }
  check_outputs(options);
  emit(options.output.empty() ? "-" : options.output, std::string(kind->scenario_template()), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
