// How full the links of a scenario's machine are over time.
//
// A report has what each class of links carried in all. For its course the scenario is run once more with every change
// on record (models/link_loads.hpp): asked for by whoever draws it, and by nobody else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"
#include "scenarios/scenario.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

/// Of the links of one class and capacity that carried something, as a line of Report::links has them; shares of the
/// capacity in equal parts of the time.
struct LoadSeries {
  std::string link_class;
  BytesPerSecond capacity;
  std::vector<double> mean;  ///< over the links and the part
  std::vector<double> most;  ///< of the fullest of them, at its fullest
};

struct LinkLoads {
  Seconds duration;   ///< that is on record, from the start
  bool whole = true;  ///< else the run goes on, and there was too much to keep
  std::vector<LoadSeries> series;

  /// nullptr: no link of that class and capacity carried anything.
  [[nodiscard]] const LoadSeries* find(std::string_view link_class, BytesPerSecond capacity) const;
};

inline constexpr std::size_t kLoadParts = 600;  ///< of the time

/// Runs the scenario. Where the cluster reads the messages of collectives one by one, each collective is one flow here.
/// Throws ConfigError as run_scenario(), and Cancelled. REQUIRES that it is not skipped. Thread-safe.
[[nodiscard]] LinkLoads link_loads(const Scenario& scenario, const sim::RunControl& control = {});

}  // namespace orrery::scenarios
