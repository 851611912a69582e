// orrery new [training|serving]: a commented scenario to start from. It passes `orrery check` as it stands.

#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/schema.hpp"

namespace orrery::scenarios {

namespace {

struct Template {
  std::string_view name;
  ScenarioKind kind;
};
constexpr Template kTemplates[] = {{"training", ScenarioKind::training}, {"serving", ScenarioKind::serving}};

}  // namespace

int new_scenario(const Options& options, Console& console) {
  const std::string kind = options.files.empty() ? "training" : options.files[0];
  std::string known;
  for (const Template& one : kTemplates) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
    if (one.name != kind) continue;
    check_outputs(options);
    emit(options.output.empty() ? "-" : options.output, std::string(scenario_template(one.kind)), false, console);
    return kExitWell;
  }
  throw hardware::ConfigError(fmt::format("new {}: the templates are: {}", kind, known));
}

}  // namespace orrery::scenarios
