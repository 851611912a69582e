// Reports of `orrery run` that were saved as JSON, as `orrery compare` reads them.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace orrery::scenarios {

struct SavedReport {
  std::map<std::string, double> metrics;  ///< of several jobs by their full names ("jobs.chat.serving.requests_per_s")
  std::vector<std::string> lost;          ///< findings that name a job that was lost
};

/// The report of one run. Null and what isn't there are no metrics. Throws ConfigError naming the file for a text that
/// is no such report, or one of another schema_version.
[[nodiscard]] SavedReport read_saved_report(const std::string& file);

}  // namespace orrery::scenarios
