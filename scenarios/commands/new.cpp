// orrery new [KIND|jobs]: a commented scenario to start from. It passes `orrery check` as it stands.

#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/jobs_template.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kJobs = "jobs";  ///< several on one cluster, whatever their kinds

}  // namespace

int new_scenario(const Options& options, Console& console) {
  const std::string name = options.files.empty() ? std::string(kinds().front()->name) : options.files[0];
  const KindRow* kind = find_kind(name);
  if (kind == nullptr && name != kJobs) {
    throw hardware::ConfigError(fmt::format("new {}: the templates are: {}, {}", name, kind_names(), kJobs));
  }
  const std::string_view text = kind == nullptr ? jobs_template() : kind->scenario_template();
  check_outputs(options);
  emit(options.output.empty() ? "-" : options.output, std::string(text), false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
