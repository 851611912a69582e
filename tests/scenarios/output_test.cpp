#include "scenarios/output.hpp"

#include "hardware/config/config.hpp"
#include "scenarios/format.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using Output = FolderTest;

TEST_F(Output, WritesWholeFilesAndLeavesNothingBeside) {
  write_output(path("report.json"), "{}\n");
  EXPECT_EQ(read_file(path("report.json")), "{}\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(Output, PartialResultsGoToANameOfTheirOwn) {
  EXPECT_EQ(partial_name("out/report.json"), "out/report.partial.json");
  EXPECT_EQ(partial_name("report"), "report.partial");
  write_output(path("report.json"), "{}\n", true);
  EXPECT_FALSE(std::filesystem::exists(path("report.json")));
  EXPECT_TRUE(std::filesystem::exists(path("report.partial.json")));
}

TEST_F(Output, RefusesFoldersAndMissingFolders) {
  EXPECT_THROW(check_writable(folder_.string()), hardware::ConfigError);
  EXPECT_THROW(check_writable(path("none/x.json")), hardware::ConfigError);
  EXPECT_THROW(check_writable(""), hardware::ConfigError);
  EXPECT_NO_THROW(check_writable(path("x.json")));
  EXPECT_NO_THROW(check_writable("/dev/null"));
}

TEST_F(Output, CheckingLeavesNoFile) {
  check_writable(path("x.json"));
  EXPECT_FALSE(std::filesystem::exists(path("x.json")));
}

TEST_F(Output, DevicesAreWrittenInPlace) {
  write_output("/dev/null", "text", true);
  EXPECT_FALSE(std::filesystem::exists("/dev/null.partial"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(Readable, ChoosesUnitsBySize) {
  EXPECT_EQ(readable(13.75, Unit::seconds), "13.75 s");
  EXPECT_EQ(readable(0.3, Unit::seconds), "300.0 ms");
  EXPECT_EQ(readable(4.2e-6, Unit::seconds), "4.200 us");
  EXPECT_EQ(readable(0.0, Unit::seconds), "0 s");
  EXPECT_EQ(readable(45.5625 * 1073741824.0, Unit::bytes), "45.56 GiB");
  EXPECT_EQ(readable(1536.0, Unit::bytes), "1.500 KiB");
  EXPECT_EQ(readable(0.514, Unit::ratio), "51.40 %");
  EXPECT_EQ(readable(1.0, Unit::flag), "yes");
  EXPECT_EQ(readable(2588.0, Unit::count), "2588");
  EXPECT_EQ(readable(12.345, Unit::number), "12.35");
  EXPECT_EQ(readable(8.0, Unit::requests_per_second), "8.000 requests/s");
}

TEST(Shortest, ReadsBackAsTheSameNumber) {
  for (const double value : {0.1, 1.0 / 3.0, 1e-300, 123456789.125, 0.0}) {
    EXPECT_EQ(std::stod(shortest(value)), value);
  }
  EXPECT_EQ(shortest(0.1), "0.1");
}

}  // namespace
}  // namespace orrery::scenarios::testing
