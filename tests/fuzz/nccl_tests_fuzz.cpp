// Fuzz target of nccl-tests' output: any bytes as a log that somebody lays beside a prediction.
//
// Any outcome but rows of positive sizes and times, or a ConfigError that names the file, ends the program.

#include <cstddef>
#include <cstdint>
#include <string>

#include "hardware/config/config.hpp"
#include "scenarios/collective/nccl_tests.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void fuzz_log(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  try {
    for (const scenarios::NcclTestsRow& row : scenarios::read_nccl_tests(file.path())) {
      require(row.line >= 1 && row.size > Bytes{} && row.time > Seconds{}, "a row has a place, a size and a time");
    }
  } catch (const hardware::ConfigError& error) {
    require(std::string(error.what()).find(file.path()) != std::string::npos, "an error names the file");
    require(is_printable(error.what()), "a message holds no control characters");
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_log(data, size);
  return 0;
}
