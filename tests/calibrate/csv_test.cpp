#include <fstream>

#include <gtest/gtest.h>
#include <zlib.h>

#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "hardware/config/config.hpp"
#include "tests/calibrate/temporary_folder.hpp"

namespace orrery::calibrate {
namespace {

using tests::TemporaryFolder;

std::string message_of(const std::filesystem::path& path) {
  try {
    static_cast<void>(read_csv(path));
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::filesystem::path gzip(const TemporaryFolder& folder, const std::string& text) {
  const auto path = folder.path() / "t.csv.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return path;
}

TEST(Csv, ReadsHeaderAndRows) {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("t.csv", "m,n,time_us\n1,2,3.5\n4,,6\n"));
  EXPECT_EQ(table.columns, (std::vector<std::string>{"m", "n", "time_us"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[1], (std::vector<std::string>{"4", "", "6"}));
  EXPECT_EQ(table.column("time_us"), 2);
  EXPECT_EQ(table.column("time"), -1);
  EXPECT_EQ(integer_cell(table, 0, 0), 1);
  EXPECT_EQ(number_cell(table, 0, 2), 3.5);
}

TEST(Csv, AcceptsWindowsLineEndsAndNoFinalNewline) {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("t.csv", "a,b\r\n1,2\r\n3,4"));
  EXPECT_EQ(table.columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(table.rows, (std::vector<std::vector<std::string>>{{"1", "2"}, {"3", "4"}}));
}

TEST(Csv, ReadsQuotedCellsWithCommasAndQuotes) {
  const TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("t.csv", "a,b,c\n\"x, y\",\"say \"\"hi\"\"\",\"\"\n1,\"2\",3\n"));
  EXPECT_EQ(table.rows, (std::vector<std::vector<std::string>>{{"x, y", "say \"hi\"", ""}, {"1", "2", "3"}}));
}

// As Excel saves "CSV UTF-8".
TEST(Csv, ReadsWhatSpreadsheetsSave) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> rows{{"all_reduce", "1, 2"}, {"", "x"}};
  for (const char* mark : {"", "\xEF\xBB\xBF"}) {
    for (const char* end : {"\n", "\r\n"}) {
      for (const int blank : {0, 1, 3}) {
        std::string text = std::string(mark) + "op,\"dtype\"" + end + "all_reduce,\"1, 2\"" + end + ",x" + end;
        for (int i = 0; i < blank; ++i) text += end;
        for (const bool packed : {false, true}) {
          const CsvTable table = read_csv(packed ? gzip(folder, text) : folder.file("t.csv", text));
          EXPECT_EQ(table.columns, (std::vector<std::string>{"op", "dtype"}));
          EXPECT_EQ(table.rows, rows);
        }
      }
    }
  }
  const auto path = folder.file("gap.csv", "a,b\n1,2\n\n3,4\n");
  EXPECT_EQ(message_of(path), path.string() + ":3:1: the row has 1 cells, the header 2") << "a gap is no end";
}

TEST(Csv, RefusesTwoColumnsOfOneName) {
  const TemporaryFolder folder;
  const auto path = folder.file("t.csv", "op,bytes,gpus,bytes\n1,2,3,4\n");
  EXPECT_EQ(message_of(path), path.string() + ":1:1: columns 2 and 4 are both named \"bytes\"");
}

TEST(Csv, RefusesBrokenQuotesWithTheLine) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of(folder.file("a.csv", "a,b\n1,\"2\n")).find("a.csv:2:1: a quoted cell is not closed"),
            std::string::npos);
  EXPECT_NE(message_of(folder.file("b.csv", "a,b\n\"1\"x,2\n")).find("b.csv:2:1: a quoted cell is followed by text"),
            std::string::npos);
}

TEST(Csv, ReadsGzipByItsMagicBytes) {
  const TemporaryFolder folder;
  std::string text = "a,b\n";
  for (int i = 0; i < 100000; ++i) text += std::to_string(i) + ",x\n";  // more than one buffer
  const CsvTable table = read_csv(gzip(folder, text));
  ASSERT_EQ(table.rows.size(), 100000u);
  EXPECT_EQ(table.rows[99999][0], "99999");
  std::filesystem::rename(folder.path() / "t.csv.gz", folder.path() / "plain.csv");
  EXPECT_EQ(read_csv(folder.path() / "plain.csv").rows.size(), 100000u);
}

TEST(Csv, NamesFileAndLineOfARaggedRow) {
  const TemporaryFolder folder;
  const auto path = folder.file("t.csv", "a,b\n1,2\n3\n");
  EXPECT_EQ(message_of(path), path.string() + ":3:1: the row has 1 cells, the header 2");
}

TEST(Csv, SaysWhatIsWrongWithAFile) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of(folder.path() / "none.csv").find("no such file"), std::string::npos);
  EXPECT_NE(message_of(folder.path()).find("is a folder"), std::string::npos);
  EXPECT_NE(message_of(folder.file("e.csv", "")).find("is empty"), std::string::npos);
  EXPECT_NE(message_of(folder.file("h.csv", "a,b\n")).find("is empty"), std::string::npos);
}

TEST(Csv, ABrokenArchiveIsAnError) {
  const TemporaryFolder folder;
  const auto path = gzip(folder, "a,b\n1,2\n3,4\n");
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 6);
  EXPECT_NE(message_of(path).find("broken or cut short"), std::string::npos);
  EXPECT_NE(message_of(folder.file("x.gz", "\x1f\x8bgarbage that is no deflate stream")).find("broken"),
            std::string::npos);
}

TEST(Csv, CellsThatAreNoNumbersNameColumnAndLine) {
  const TemporaryFolder folder;
  const auto path = folder.file("t.csv", "a,b\n1,2\nx,2.5\n3,nan\n");
  const CsvTable table = read_csv(path);
  const auto what = [](auto read) -> std::string {
    try {
      static_cast<void>(read());
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(what([&] { return number_cell(table, 1, 0); }), path.string() + ":3:1: column a: \"x\" is not a number");
  EXPECT_EQ(what([&] { return integer_cell(table, 1, 1); }),
            path.string() + ":3:1: column b: 2.5 is not a whole number");
  EXPECT_EQ(what([&] { return number_cell(table, 2, 1); }), path.string() + ":4:1: column b: \"nan\" is not a number");
}

TEST(DataFolder, FollowsTheVariable) {
  const char* before = std::getenv("ORRERY_DATA");
  const std::string kept = before == nullptr ? "" : before;
  setenv("ORRERY_DATA", "/some/where", 1);
  EXPECT_EQ(data_folder(), "/some/where");
  unsetenv("ORRERY_DATA");
  EXPECT_TRUE(data_folder().empty());
  if (before != nullptr) setenv("ORRERY_DATA", kept.c_str(), 1);
}

}  // namespace
}  // namespace orrery::calibrate
