// orrery new [KIND|jobs|gpu|node|fabric]: a commented scenario, or a profile of one's own hardware, to start from. A
// scenario passes `orrery check` as it stands.

#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/hardware_templates.hpp"
#include "scenarios/jobs_template.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kJobs = "jobs";  ///< several on one cluster, whatever their kinds

/// Throws ConfigError for an unknown name.
std::string_view template_named(const std::string& name) {
  if (const KindRow* kind = find_kind(name)) return kind->scenario_template();
  if (name == kJobs) return jobs_template();
  std::string known = fmt::format("{}, {}", kind_names(), kJobs);
  for (const HardwareTemplate& row : hardware_templates()) {
    if (row.name == name) return row.text;
    known += fmt::format(", {}", row.name);
  }
  throw hardware::ConfigError(fmt::format("new {}: the templates are: {}", name, known));
}

}  // namespace

int new_scenario(const Options& options, Console& console) {
  const std::string name = options.files.empty() ? std::string(kinds().front()->name) : options.files[0];
  const std::string_view text = template_named(name);
  check_outputs(options);
  check_new(options.output, options.force);
  emit(options.output.empty() ? "-" : options.output, std::string(text), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
