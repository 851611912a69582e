// The partial files of a sweep: what is taken from them, and what is not.
#include "scenarios/search/journal.hpp"

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/output.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/search/small_search.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PointForm form() { return {{{"a.x", {"1", "2", "3"}}}, speed_and_price()}; }
std::vector<Override> at(const std::string& x) { return {{"a.x", x, "sweep"}}; }

class JournalFiles : public FolderTest, public ::testing::WithParamInterface<JournalForm> {
 protected:
  [[nodiscard]] std::string output() const { return path(GetParam() == JournalForm::csv ? "grid.csv" : "grid.json"); }
  [[nodiscard]] std::string partial() const { return partial_name(output()); }
  [[nodiscard]] FinishedPoints read(const std::string& fingerprint = "f00d") const {
    return read_journal(output(), GetParam(), form(), fingerprint);
  }
  [[nodiscard]] std::string refusal(const std::string& fingerprint = "f00d") const {
    try {
      (void)read(fingerprint);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "read";
  }
  void write_two() const {
    Journal journal(output(), GetParam(), form(), "f00d");
    journal.add(form(), point_of(10, 1, at("1")));
    journal.add(form(), point_of(20, 2, at("2")));
  }
};

TEST_P(JournalFiles, HoldEachRowAtOnce) {
  Journal journal(output(), GetParam(), form(), "f00d");
  EXPECT_THAT(read(), IsEmpty());
  journal.add(form(), point_of(10, 1, at("1")));
  ASSERT_EQ(read().size(), 1U) << "while the sweep goes on";
  journal.add(form(), point_of(20, kUndefined, at("2")));
  const FinishedPoints finished = read();
  ASSERT_EQ(finished.size(), 2U);
  EXPECT_EQ(finished.at("a.x=1").values.front(), 10.0);
  EXPECT_EQ(finished.at("a.x=2").values.front(), 20.0);
  journal.remove();
  EXPECT_FALSE(std::filesystem::exists(partial()));
  EXPECT_THAT(read(), IsEmpty());
}

TEST_P(JournalFiles, BeginAnew) {
  write_two();
  const Journal again(output(), GetParam(), form(), "f00d");
  EXPECT_THAT(read(), IsEmpty());
}

TEST_P(JournalFiles, OfAnotherSweepAreRefused) {
  write_two();
  EXPECT_THAT(refusal("beef"), AllOf(HasSubstr(partial()), HasSubstr("--resume: this is of another sweep")));
  write(std::filesystem::path(partial()).filename().string(), "");
  EXPECT_THAT(refusal(), HasSubstr("this is of another sweep"));
}

TEST_P(JournalFiles, AnEditedRowIsRefusedWithItsLine) {
  write_two();
  const std::string text = read_file(partial());
  // Head and mark, or the mark alone, stand before the rows.
  const int first = GetParam() == JournalForm::csv ? 3 : 2;
  const std::size_t twenty = text.find("20");
  write(std::filesystem::path(partial()).filename().string(), text.substr(0, twenty) + "21" + text.substr(twenty + 2));
  EXPECT_THAT(refusal(), HasSubstr(partial() + ":" + std::to_string(first + 1) +
                                   ":1: --resume: the row is not as the sweep wrote it"));
}

TEST_P(JournalFiles, ARowThatWasBeingWrittenIsLeftOut) {
  write_two();
  const std::string text = read_file(partial());
  for (std::size_t cut = 1; cut <= 20; ++cut) {
    write(std::filesystem::path(partial()).filename().string(), text.substr(0, text.size() - cut));
    EXPECT_EQ(read().size(), 1U) << cut;
  }
}

TEST_P(JournalFiles, OfARowTwiceTheLastStands) {
  Journal journal(output(), GetParam(), form(), "f00d");
  journal.add(form(), point_of(10, 1, at("1")));
  journal.add(form(), point_of(11, 1, at("1")));
  EXPECT_EQ(read().at("a.x=1").values.front(), 11.0);
}

INSTANTIATE_TEST_SUITE_P(Forms, JournalFiles, ::testing::Values(JournalForm::csv, JournalForm::json),
                         [](const auto& form_case) { return form_case.param == JournalForm::csv ? "csv" : "json"; });

class Journals : public FolderTest {};

TEST_F(Journals, StandardOutputAndDevicesKeepNothing) {
  for (const char* output : {"", "-", "/dev/null"}) {
    Journal journal(output, JournalForm::csv, form(), "f00d");
    journal.add(form(), point_of(1, 1, at("1")));
    EXPECT_THAT(read_journal(output, JournalForm::csv, form(), "f00d"), IsEmpty()) << output;
    journal.remove();
  }
  EXPECT_FALSE(std::filesystem::exists("/dev/null.partial"));
}

TEST_F(Journals, AnInterruptedDocumentIsReadWithThePlaceOfAnEdit) {
  const std::vector<SearchPoint> points = {point_of(10, 1, at("1")), point_of(20, 2, at("2"))};
  std::string text = points_json(form(), points, journal_mark("f00d"));
  write("grid.partial.json", text);
  EXPECT_EQ(read_journal(path("grid.json"), JournalForm::json, form(), "f00d").size(), 2U);
  text = replaced(text, "\"output_tokens_per_s\": 20.0", "\"output_tokens_per_s\": 99.0");
  write("grid.partial.json", text);
  try {
    (void)read_journal(path("grid.json"), JournalForm::json, form(), "f00d");
    ADD_FAILURE();
  } catch (const hardware::ConfigError& error) {
    const std::size_t check = text.rfind("\"check\"");
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(check), '\n');
    EXPECT_THAT(error.what(), HasSubstr("grid.partial.json:" + std::to_string(line) + ":1: --resume: the row"));
  }
}

TEST(Fingerprint, ChangesWithWhateverChangesTheSweep) {
  const Override set{"a.z", "1", "--set"};
  const std::string mine = fingerprint_of("text", {set}, form());
  EXPECT_EQ(mine, fingerprint_of("text", {set}, form()));
  EXPECT_EQ(mine.size(), 16U);
  EXPECT_NE(mine, fingerprint_of("Text", {set}, form()));
  EXPECT_NE(mine, fingerprint_of("text", {}, form()));
  EXPECT_NE(mine, fingerprint_of("text", {{"a.z", "2", "--set"}}, form()));
  PointForm other = form();
  other.kept.rows.pop_back();
  EXPECT_NE(mine, fingerprint_of("text", {set}, other));
  // What ends one part is no letter of another: "ab" + "c" is not "a" + "bc".
  EXPECT_NE(fingerprint_of("ab", {{"c", "1", ""}}, form()), fingerprint_of("abc", {{"", "1", ""}}, form()));
}

}  // namespace
}  // namespace orrery::scenarios::testing
