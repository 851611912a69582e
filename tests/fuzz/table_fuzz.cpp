// Fuzz target of measured tables: any bytes, plain or gzip, as a CSV that somebody validates against.
//
// Any outcome but rows that are as wide as the header, or a ConfigError that names the file, ends the program.

#include <cstddef>
#include <cstdint>
#include <string>

#include "calibrate/tables.hpp"
#include "hardware/config/config.hpp"
#include "tests/fuzz/memory_file.hpp"

namespace orrery::tests {
namespace {

void fuzz_table(const std::uint8_t* data, std::size_t size) {
  const MemoryFile file(data, size);
  try {
    const calibrate::CsvTable table = calibrate::read_csv(file.path());
    for (const auto& row : table.rows) require(row.size() == table.columns.size(), "a row has a cell of each column");
  } catch (const hardware::ConfigError& error) {
    require(std::string(error.what()).find(file.path()) != std::string::npos, "an error names the file");
  }
}

}  // namespace
}  // namespace orrery::tests

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orrery::tests::fuzz_table(data, size);
  return 0;
}
