// A table of collectives with a misspelt column, or of none.
#include "calibrate/collective_columns.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"

namespace orrery::calibrate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(std::vector<std::string> columns) {
  CsvTable table;
  table.file = "t.csv";
  table.columns = std::move(columns);
  try {
    require_collective_columns(table);
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(CollectiveColumns, AreOfOneOfTheKinds) {
  EXPECT_EQ(error_of({"op", "dtype", "gpus", "bytes", "time_us", "campaign"}), "");
  EXPECT_EQ(error_of({"id", "op", "dtype", "node", "fabric", "gpus", "nodes", "bytes", "busbw_GBps", "source"}), "");
}

TEST(CollectiveColumns, NameTheOneThatIsMisspelt) {
  EXPECT_THAT(error_of({"id", "op", "dtype", "node", "fabric", "gpus", "nodes", "bytes", "busbw_GBs", "source"}),
              AllOf(HasSubstr("t.csv:1:1"), HasSubstr("no column 'busbw_GBps' (is \"busbw_GBs\" meant?)"),
                    HasSubstr("published figures")));
  EXPECT_THAT(error_of({"op", "dtype", "gpus", "byte", "time_us"}),
              HasSubstr("no column 'bytes' (is \"byte\" meant?): a table of NCCL's collectives has op, dtype"));
}

TEST(CollectiveColumns, OfAnotherTableSayWhichThereAre) {
  EXPECT_THAT(error_of({"m", "n", "k"}),
              AllOf(HasSubstr("no table of collectives"), HasSubstr("of published figures")));
}

}  // namespace
}  // namespace orrery::calibrate
