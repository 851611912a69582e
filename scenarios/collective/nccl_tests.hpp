// What nccl-tests printed: all_reduce_perf and its like.
#pragma once

#include <string>
#include <vector>

#include "hardware/units.hpp"

namespace orrery::scenarios {

struct NcclTestsRow {
  int line = 0;
  Bytes size;
  std::string type;  ///< "float", "bfloat16"
  Seconds time;      ///< out of place
};

/// The rows of sizes: `size count type [redop] [root] time algbw busbw …`, comments (#) and other lines of a log left
/// out. Throws ConfigError, with file, line and column: a row whose time or size is no positive number, a row that ends
/// before its time; no row at all.
[[nodiscard]] std::vector<NcclTestsRow> read_nccl_tests(const std::string& path);

}  // namespace orrery::scenarios
