// What nccl-tests printed: all_reduce_perf and its like.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"

namespace orrery::scenarios {

struct NcclTestsRow {
  int line = 0;
  Bytes size;
  std::string type;        ///< "float", "bfloat16"
  std::string reduction;   ///< "sum", "none"; empty where the table has no such column
  std::string operation;   ///< "all_reduce", "alltoall": of the test that the log names before it; empty: none
  Seconds time;            ///< out of place
  double bus_ratio = 0.0;  ///< busbw/algbw; 0: not there, or too small to tell
  /// Of the list of ranks that the test printed before its table; 0, empty: it is not there.
  int ranks = 0, hosts = 0;
  std::string board = {};  ///< "NVIDIA H100 80GB HBM3"
};

/// It is a text with a table of nccl-tests and no CSV file: a header of columns that are parted by blanks.
[[nodiscard]] bool is_nccl_tests(const std::string& path);

/// The rows of sizes: `size count type [redop] [root] time algbw busbw …`, comments (#) and other lines of a log left
/// out, and what a launcher puts before a line: "[1,0]<stdout>:" of mpirun --tag-output, "0: " of srun -l. Which
/// columns there are the header says, since versions differ: before 2.11 redop and root stood only with the tests that
/// have one. Without a header those are taken whose algbw is size/time. Throws ConfigError, with file, line and column:
/// a row whose time or size is no positive number, a row that ends before its time, a bandwidth that is not that of its
/// size and time, values that the test found wrong; no row at all.
[[nodiscard]] std::vector<NcclTestsRow> read_nccl_tests(const std::string& path);

/// The rows of one operation ("all_reduce") and element type; an empty `type`: the only one that is there. Throws
/// ConfigError: no row of that operation or type, rows of several types and none asked for, a reduction beside an
/// operation that has none, bus bandwidths that are another operation's or of another number of ranks. `factor`:
/// busbw/algbw of the operation among the ranks that are asked about.
[[nodiscard]] std::vector<NcclTestsRow> rows_of(std::vector<NcclTestsRow> rows, const std::string& path,
                                                std::string_view operation, std::string_view type, double factor);

/// Whom a log is laid beside.
struct LogGroup {
  int gpus = 1, nodes = 1;  ///< ranks of each node, nodes
  std::string board;        ///< contract name
};

/// Throws ConfigError at the first row whose test ran among other ranks, on other hosts or on another board of the
/// catalogue than the group, as far as the log lists its ranks.
void check_group(const std::vector<NcclTestsRow>& rows, const std::string& path, const LogGroup& group);

}  // namespace orrery::scenarios
