// Fuzz target of the reader of saved reports: any bytes as what `orrery run --json` once wrote.
//
// Any outcome but finite metrics that a report may have or a ConfigError that names the file ends the program.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "hardware/config/config.hpp"
#include "scenarios/commands/saved_report.hpp"
#include "scenarios/metrics.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void fuzz_report(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  try {
    const scenarios::SavedReport report = scenarios::read_saved_report(file.path());
    for (const auto& [name, value] : report.metrics) {
      require(std::isfinite(value), "a figure is a number");
      require(
          scenarios::job_of(name).empty() ? scenarios::find_metric_row(name).has_value() : name.rfind("jobs.", 0) == 0,
          "a figure is of a metric");
    }
  } catch (const hardware::ConfigError& error) {
    require(is_printable(error.what()), "a message holds no control characters");
    require(std::string(error.what()).size() < 2000, "a message is short");
    require(std::string(error.what()).find(file.path()) != std::string::npos, "an error names the file");
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_report(data, size);
  return 0;
}
