// Fuzz target of the engine-log reader: any bytes, plain or gzip, as what an engine wrote when it started.
//
// Any outcome but figures that an engine may have or a ConfigError that names the file ends the program.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/serving/engine_log.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void fuzz_log(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  models::ServingResult result;
  result.pool.block_size = 16;
  try {
    const std::vector<scenarios::LoggedTerm> terms = scenarios::read_engine_log(file.path(), result);
    require(!terms.empty(), "a log without figures is an error");
    for (const scenarios::LoggedTerm& term : terms) {
      require(std::abs(term.logged) <= 1e16, "a figure is one that an engine may have");
      require(term.line >= 1, "a figure stands on a line");
    }
    std::ostringstream out;
    scenarios::write_log_text(out, terms, "log");
    require(is_printable(out.str()), "a table holds no control characters");
  } catch (const hardware::ConfigError& error) {
    require(is_printable(error.what()), "a message holds no control characters");
    require(std::string(error.what()).find(file.path()) != std::string::npos, "an error names the file");
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_log(data, size);
  return 0;
}
