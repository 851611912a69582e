// Cells, counts and times of traces, read exactly: every sentence of refusal, and round trips of what is written.
#include <functional>
#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/workload/trace_fields.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include <nlohmann/json.hpp>

#include "models/serving/workload/json_fields.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(SplitCells, KeepsEmptyOnes) {
  EXPECT_THAT(split_cells("a,b,,c"), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split_cells(""), ElementsAre(""));
  EXPECT_THAT(split_cells(","), ElementsAre("", ""));
}

TEST(FirstLine, EndsBeforeEitherKindOfLineEnd) {
  EXPECT_EQ(first_line("a,b\r\nc"), "a,b");
  EXPECT_EQ(first_line("a,b\nc"), "a,b");
  EXPECT_EQ(first_line("a,b"), "a,b");
  EXPECT_EQ(first_line("\n"), "");
  EXPECT_EQ(first_line(""), "");
}

TEST(Columns, AreThereOnceEach) {
  EXPECT_TRUE(has_columns("b,a,c", {"a", "b"}));
  EXPECT_FALSE(has_columns("b,a", {"a", "d"}));
  EXPECT_FALSE(has_columns("a,b,a", {"a"}));
  EXPECT_FALSE(has_columns("aa,b", {"a"})) << "a whole cell";
  EXPECT_TRUE(has_columns("x", {}));
  EXPECT_EQ(refusal([] { require_columns("a,b", {"a", "c"}); }), "the header lacks the column c");
  EXPECT_EQ(refusal([] { require_columns("a,b,a", {"b", "a"}); }), "the header repeats the column a");
  EXPECT_EQ(refusal([] { require_columns("a,b", {"b", "a"}); }), "none");
}

TEST(CsvCell, IsTheOneBelowItsColumn) {
  EXPECT_EQ(csv_cell("a,b,c", "1,2,3", "a"), "1");
  EXPECT_EQ(csv_cell("a,b,c", "1,2,3", "c"), "3");
  EXPECT_EQ(csv_cell("a,b,c", "1,,3", "b"), "");
  EXPECT_EQ(csv_cell("a", "", "a"), "");
  EXPECT_EQ(refusal([] { (void)csv_cell("a,b", "1", "a"); }),
            "the line has 1 cells, the header 2: is the line cut short?");
  EXPECT_EQ(refusal([] { (void)csv_cell("a,b", "1,2,3", "a"); }),
            "the line has 3 cells, the header 2: is the line cut short?");
  EXPECT_EQ(refusal([] { (void)csv_cell("a,b", "1,2", "c"); }), "the header lacks the column c");
}

TEST(Tokens, AreWholeNumbersFromOneToABillion) {
  EXPECT_EQ(parse_tokens("n", "1"), 1);
  EXPECT_EQ(parse_tokens("n", "1000000000"), 1'000'000'000);
  EXPECT_EQ(parse_tokens("n", "007"), 7);
  for (const char* odd : {"0", "1000000001", "-1", "+1", "1.0", " 1", "1 ", "", "99999999999999999999", "0x1", "1e3"}) {
    EXPECT_THAT(refusal([&] { (void)parse_tokens("n", odd); }),
                HasSubstr(" is not a whole number of tokens from 1 to 1000000000"))
        << odd;
  }
}

TEST(BlockIds, AreBelowTheNamesOfSystemPrompts) {
  EXPECT_EQ(parse_block_id("ids", "0"), 0u);
  EXPECT_EQ(parse_block_id("ids", "549755813887"), kSystemPromptNames - 1);
  for (const char* odd : {"549755813888", "-1", "", "1.5", "null"}) {
    EXPECT_THAT(refusal([&] { (void)parse_block_id("ids", odd); }),
                HasSubstr(" is not a block's id, a whole number from 0 to 549755813887"))
        << odd;
  }
}

TEST(Lengths, OfWhatWasNeverAnsweredMayBeNothing) {
  TraceEntry entry;
  set_lengths(entry, "in", "0", "out", "0");
  EXPECT_EQ(entry.input_tokens, 0);
  EXPECT_EQ(entry.output_tokens, 0);
  set_lengths(entry, "in", "12", "out", "0");
  EXPECT_EQ(entry.input_tokens, 12);
  EXPECT_EQ(entry.output_tokens, 0);
  set_lengths(entry, "in", "12", "out", "5");
  EXPECT_EQ(entry.output_tokens, 5);
  EXPECT_THAT(refusal([&] { set_lengths(entry, "in", "0", "out", "5"); }), HasSubstr("in: "));
  EXPECT_THAT(refusal([&] { set_lengths(entry, "in", "x", "out", "0"); }), HasSubstr("in: "));
  EXPECT_THAT(refusal([&] { set_lengths(entry, "in", "5", "out", "x"); }), HasSubstr("out: "));
}

void expect_time(const TraceTime& time, std::int64_t seconds, sim::SimTime picoseconds) {
  EXPECT_EQ(time.seconds, seconds);
  EXPECT_EQ(time.picoseconds, picoseconds);
}

TEST(Times, AreReadToThePicosecond) {
  expect_time(parse_time("t", "0", 0), 0, 0);
  expect_time(parse_time("t", "12.000000000001", 0), 12, 1);
  expect_time(parse_time("t", "12.0000000000004", 0), 12, 0);
  expect_time(parse_time("t", "12.0000000000005", 0), 12, 1);
  expect_time(parse_time("t", "0.9999999999999", 0), 1, 0);
  expect_time(parse_time("t", "1500", 3), 1, 500'000'000'000);
  expect_time(parse_time("t", "1500.25", 3), 1, 500'250'000'000);
  expect_time(parse_time("t", "1000000001", 9), 1, 1'000);
  expect_time(parse_time("t", "7.1239", 9), 0, 7'124);
}

TEST(Times, WithAnExponentAreRoundedOnce) {
  expect_time(parse_time("t", "1.5e-05", 0), 0, 15'000'000);
  expect_time(parse_time("t", "2E3", 3), 2, 0);
  expect_time(parse_time("t", "0e0", 0), 0, 0);
  for (const char* odd : {"1e99", "-1e-3", "1e", "e5", "1e5x", "1e400", "nane"}) {
    EXPECT_THAT(refusal([&] { (void)parse_time("t", odd, 0); }), HasSubstr("is not a time from 0 to 213 days")) << odd;
  }
}

TEST(Times, ThatAreNoneNameTheirUnit) {
  for (const char* odd : {"", "-1", "1.", ".5", "1.2.3", "1,5", "12s", "nan", "inf", " 1"}) {
    EXPECT_THAT(refusal([&] { (void)parse_time("t", odd, 0); }), HasSubstr("a decimal number of seconds from 0"))
        << odd;
  }
  EXPECT_THAT(refusal([] { (void)parse_time("t", "x", 3); }), HasSubstr("a decimal number of milliseconds from 0"));
  EXPECT_THAT(refusal([] { (void)parse_time("t", "x", 9); }), HasSubstr("a decimal number of nanoseconds from 0"));
  EXPECT_THAT(refusal([] { (void)parse_time("t", "1000000000001", 0); }), HasSubstr("is too late"));
  expect_time(parse_time("t", "1000000000000", 0), 1'000'000'000'000, 0);
}

TEST(Dates, AreSecondsSince1970) {
  expect_time(parse_date_time("t", "1970-01-01 00:00:00"), 0, 0);
  expect_time(parse_date_time("t", "1970-01-02T00:00:01.5Z"), 86'401, 500'000'000'000);
  // 2000-03-01: 30 years of 365 days, 7 leap days, 31 + 29 days.
  expect_time(parse_date_time("t", "2000-03-01 00:00:00"), 86'400LL * (30 * 365 + 7 + 31 + 29), 0);
  expect_time(parse_date_time("t", "2024-02-29 23:59:59+00:00"), 1'709'251'199, 0);
  // Two hours ahead of UTC is two hours earlier there.
  expect_time(parse_date_time("t", "1970-01-01 02:30:00+02:00"), 1'800, 0);
  expect_time(parse_date_time("t", "1970-01-01 00:00:00-00:30"), 1'800, 0);
}

TEST(Dates, ThatAreNoneAreRefused) {
  for (const char* odd : {"",
                          "2023-11-16",
                          "2023-11-16 18:15",
                          "2023-02-29 00:00:00",
                          "2023-13-01 00:00:00",
                          "2023-00-01 00:00:00",
                          "2023-11-31 00:00:00",
                          "2023-11-16 24:00:00",
                          "2023-11-16 18:60:00",
                          "2023-11-16 18:15:60",
                          "2023-11-16 18:15:46.",
                          "2023-11-16 18:15:46 ",
                          "2023-11-16 18:15:46+2:00",
                          "2023-11-16 18:15:46+24:00",
                          "2023-11-16 18:15:46+00:60",
                          "1969-12-31 23:59:59",
                          "23-11-16 18:15:46",
                          "2023/11/16 18:15:46",
                          "2023-11-16 18:15:46Zx",
                          "2023-11-16_18:15:46"}) {
    EXPECT_THAT(refusal([&] { (void)parse_date_time("t", odd); }), HasSubstr("is not a date and time such as")) << odd;
  }
}

TEST(Records, TellTheirFormatByAKeyOfTheirObject) {
  EXPECT_TRUE(begins_object_with("{\"a\": 1}", "a"));
  EXPECT_TRUE(begins_object_with(" \n{\"b\": 2, \"a\"\t: 1", "a"));
  EXPECT_FALSE(begins_object_with("[{\"a\": 1}]", "a"));
  EXPECT_FALSE(begins_object_with("{\"b\": \"a\"}", "a")) << "a value is no key";
  EXPECT_TRUE(begins_object_with("{\"b\": \"a\", \"a\": 1}", "a"));
  EXPECT_FALSE(begins_object_with("", "a"));
}

TEST(Records, ThatAreNoObjectsSayWhatTheyAre) {
  EXPECT_EQ(refusal([] { (void)parse_record("{\"a\": 1"); }), "the line is no complete JSON object: is it cut short?");
  EXPECT_EQ(refusal([] { (void)parse_record(""); }), "the line is no complete JSON object: is it cut short?");
  EXPECT_EQ(refusal([] { (void)parse_record("[1]"); }), "the line holds JSON, but no object {…}");
  EXPECT_THAT(refusal([] { (void)parse_record("{\"a\": inf}"); }), HasSubstr("inf stands where JSON has a number"));
  EXPECT_EQ(refusal([] { (void)parse_record("{\"a\": \"x\\\" NaN\""); }),
            "the line is no complete JSON object: is it cut short?")
      << "a word within quotes is no number";
}

TEST(Records, HaveNumbersAsTheyAreWritten) {
  const nlohmann::json object =
      parse_record(R"({"whole": 12, "real": 1.5, "text": "12", "large": 18446744073709551615})");
  EXPECT_EQ(number_text(object, "whole"), "12");
  EXPECT_EQ(number_text(object, "real"), "1.5");
  EXPECT_EQ(number_text(object, "large"), "18446744073709551615");
  EXPECT_EQ(refusal([&] { (void)number_text(object, "gone"); }), "the field gone is missing");
  EXPECT_EQ(refusal([&] { (void)number_text(object, "text"); }), "text: a number is expected");
}

TEST(EstimatedTokens, AreOneForFourBytesOrPartOfThem) {
  EXPECT_EQ(estimated_tokens(""), "0");
  EXPECT_EQ(estimated_tokens("a"), "1");
  EXPECT_EQ(estimated_tokens("abcd"), "1");
  EXPECT_EQ(estimated_tokens("abcde"), "2");
  EXPECT_EQ(estimated_tokens("日本"), "2") << "six bytes";
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(TraceFieldProperties, ATimeIsReadAsItIsWritten) {
  EXPECT_TRUE(rc::check([] {
    const auto seconds = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
    const auto picoseconds = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000);
    const TraceTime time = parse_time("t", fmt::format("{}.{:012}", seconds, picoseconds), 0);
    RC_ASSERT(time.seconds == seconds);
    RC_ASSERT(time.picoseconds == static_cast<sim::SimTime>(picoseconds));
    // The same in milliseconds: nine digits behind the point are left.
    const TraceTime same = parse_time(
        "t", fmt::format("{}{:03}.{:09}", seconds, picoseconds / 1'000'000'000, picoseconds % 1'000'000'000), 3);
    RC_ASSERT(same.seconds == time.seconds);
    RC_ASSERT(same.picoseconds == time.picoseconds);
  }));
}

TEST(TraceFieldProperties, ADateIsReadAsItIsWritten) {
  EXPECT_TRUE(rc::check([] {
    const auto days = *rc::gen::inRange<int>(0, 40'000), second = *rc::gen::inRange<int>(0, 86'400);
    const auto offset = *rc::gen::inRange<int>(-1439, 1440);  // minutes
    // The civil date of a number of days since 1970-01-01 (Hinnant, chrono-compatible date algorithms).
    const int z = days + 719'468, era = z / 146'097, doe = z % 146'097;
    const int yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
    const int doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    const int day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    const int year = yoe + era * 400 + (month <= 2 ? 1 : 0);
    const std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}", year, month, day,
                                         second / 3600, second / 60 % 60, second % 60, offset < 0 ? '-' : '+',
                                         std::abs(offset) / 60, std::abs(offset) % 60);
    RC_ASSERT(parse_date_time("t", text).seconds == 86'400LL * days + second - 60LL * offset);
  }));
}

TEST(TraceFieldProperties, CellsJoinToTheirLine) {
  EXPECT_TRUE(rc::check([] {
    const auto line = *rc::gen::container<std::string>(rc::gen::element('a', ',', '1', ' '));
    std::string joined;
    for (const std::string_view cell : split_cells(line)) joined += std::string(cell) + ",";
    RC_ASSERT(joined == line + ",");
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
