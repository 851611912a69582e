// orrery new [KIND|jobs|gpu|node|fabric [KIND]]: a commented scenario, or a profile of one's own hardware, to start
// from. A scenario passes `orrery check` as it stands.

#include <ostream>

#include <fmt/format.h>

#include "scenarios/commands/commands.hpp"
#include "scenarios/fabric_templates.hpp"
#include "scenarios/format.hpp"
#include "scenarios/hardware_templates.hpp"
#include "scenarios/jobs_template.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kJobs = "jobs";  ///< several on one cluster, whatever their kinds
constexpr std::string_view kFabricTemplate = "fabric";

/// Throws ConfigError for an unknown one. Empty: rails.
std::string fabric_named(const std::string& kind) {
  std::vector<std::string> known;
  for (const hardware::FabricKindRow& row : hardware::fabric_kinds()) {
    if (row.name == (kind.empty() ? "rail_fat_tree" : kind)) return fabric_template(row.kind);
    known.emplace_back(row.name);
  }
  throw hardware::ConfigError(fmt::format("new fabric {}: the kinds are: {}", printable(kind), fmt::join(known, ", ")));
}

/// Throws ConfigError for an unknown name. `kind`: of a fabric; empty: none was given.
std::string template_named(const std::string& name, const std::string& kind) {
  if (name == kFabricTemplate) return fabric_named(kind);
  if (!kind.empty()) {
    throw hardware::ConfigError(
        fmt::format("new {} {}: a fabric alone has kinds (orrery new fabric torus)", printable(name), printable(kind)));
  }
  if (const KindRow* row = find_kind(name)) return std::string(row->scenario_template());
  if (name == kJobs) return std::string(jobs_template());
  std::string known = fmt::format("{}, {}", kind_names(), kJobs);
  for (const HardwareTemplate& row : hardware_templates()) {
    if (row.name == name) return std::string(row.text);
    known += fmt::format(", {}", row.name);
  }
  throw hardware::ConfigError(
      fmt::format("new {}: the templates are: {}, {}", printable(name), known, kFabricTemplate));
}

}  // namespace

int new_scenario(const Options& options, Console& console) {
  const std::string name = options.files.empty() ? std::string(kinds().front()->name) : options.files[0];
  const std::string text = template_named(name, options.files.size() > 1 ? options.files[1] : "");
  check_outputs(options);
  check_new(options.output, options.force);
  emit(options.output.empty() ? "-" : options.output, text, false, console);
  return kExitWell;
}

}  // namespace orrery::scenarios
