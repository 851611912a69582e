// The text of a config.json before a parser sees it: places of keys, depth, size, Python's words.
#include "models/architectures/config_text.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> values(std::string_view text) {
  std::vector<std::string> found;
  for (const TopLevelKey& key : top_level_keys(text, "c.json")) {
    found.push_back(key.key + "=" + std::string(text.substr(key.value_begin, key.value_end - key.value_begin)));
  }
  return found;
}

std::string error_of(std::string_view text) {
  try {
    (void)top_level_keys(text, "c.json");
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(TopLevelKeys, AreThoseOfTheOutermostObjectWithTheirValues) {
  EXPECT_THAT(values(R"({"a": 1, "b": {"c": 2, "d": [3]}, "e": [4, {"f": 5}] })"),
              ElementsAre("a=1", R"(b={"c": 2, "d": [3]})", R"(e=[4, {"f": 5}])"));
  EXPECT_THAT(values("{}"), ElementsAre());
  EXPECT_THAT(values("{\"a\" :\n\t \"x\"\n}"), ElementsAre("a=\"x\""));
}

TEST(TopLevelKeys, DoNotTakeBracketsOrColonsOfTextsForTheirOwn) {
  EXPECT_THAT(values(R"({"a": "\" {", "b": "\\", "c": 1})"), ElementsAre(R"(a="\" {")", R"(b="\\")", "c=1"));
  EXPECT_THAT(values(R"({"a": "}, \"b\": {", "c:d": "[", "e": 1})"),
              ElementsAre(R"(a="}, \"b\": {")", "c:d=\"[\"", "e=1"));
}

TEST(TopLevelKeys, KeepAKeyThatStandsTwice) { EXPECT_THAT(values(R"({"a": 1, "a": 2})"), ElementsAre("a=1", "a=2")); }

TEST(TopLevelKeys, RefuseWhatIsEmptyDeepOrLarge) {
  EXPECT_EQ(error_of(std::string(64, '[')), "");
  EXPECT_THAT(error_of("{\"a\":\n" + std::string(64, '[')), HasSubstr("c.json:2:64: nested deeper than 64 levels"));
  EXPECT_THAT(error_of(" \r\n\t"), HasSubstr("c.json: the file is empty"));
  EXPECT_EQ(error_of(std::string(8U << 20U, '1')), "");
  EXPECT_THAT(error_of(std::string((8U << 20U) + 1, '1')), HasSubstr("c.json: the file is larger than 8 MiB"));
}

TEST(TopLevelKeys, DoNotCountBracketsThatCloseAgain) {
  std::string flat = "{";
  for (int i = 0; i < 1000; ++i) flat += "\"k\": [[]], ";
  EXPECT_EQ(error_of(flat + "\"z\": 1}"), "");
}

TEST(Places, CountLinesAndColumnsFromOne) {
  const std::string text = "ab\ncd\n\nef";
  Places places(text);
  const auto at = [&](std::size_t begin) {
    const hardware::SourceSpan span = places.at(begin, begin + 1);
    return std::pair(span.line, span.column);
  };
  EXPECT_EQ(at(0), std::pair(1, 1));
  EXPECT_EQ(at(1), std::pair(1, 2));
  EXPECT_EQ(at(2), std::pair(1, 3)) << "the line feed ends its own line";
  EXPECT_EQ(at(3), std::pair(2, 1));
  EXPECT_EQ(at(7), std::pair(4, 1));
  EXPECT_EQ(at(100), std::pair(4, 3)) << "no further than the end";
}

TEST(Places, SpansStayWithinTheText) {
  const hardware::SourceSpan span = place_in("abc", 1, 100);
  EXPECT_EQ(span.begin, 1u);
  EXPECT_EQ(span.end, 3u);
  const hardware::SourceSpan backward = place_in("abc", 2, 1);
  EXPECT_EQ(backward.begin, 2u);
  EXPECT_EQ(backward.end, 2u);
}

TEST(PythonWords, BecomeMarkedTextsOfTheSameLength) {
  const std::string mark(1, kPythonMark);
  EXPECT_EQ(without_python_words("[Infinity]"), "[\"" + mark + "+\"    ]");
  EXPECT_EQ(without_python_words("[-Infinity]"), "[\"" + mark + "-\"     ]");
  EXPECT_EQ(without_python_words("[NaN]"), "[\"" + mark + "\"]");
  EXPECT_EQ(without_python_words("\"NaN \\\" Infinity\""), "\"NaN \\\" Infinity\"") << "texts stay as they are";
  EXPECT_EQ(without_python_words("[-NaN, -1]"), "[-\"" + mark + "\", -1]") << "there is no -NaN to read";
  EXPECT_EQ(without_python_words("{\"a\": \"\\\\\", \"b\": NaN}"), "{\"a\": \"\\\\\", \"b\": \"" + mark + "\"}");
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ConfigTextProperties, PythonWordsMoveNoPlace) {
  EXPECT_TRUE(rc::check([] {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "NaN", "Infinity", "-Infinity", "\"", "\\", "a", "-", " ", "\n", "[", "1", "I", "N"));
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    RC_ASSERT(without_python_words(text).size() == text.size());
  }));
}

TEST(ConfigTextProperties, APlaceIsWhereCountingLineFeedsLeads) {
  EXPECT_TRUE(rc::check([] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element('a', '\n', 'b'));
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    int line = 1, column = 1;
    for (std::size_t i = 0; i < at; ++i) {
      column = text[i] == '\n' ? 1 : column + 1;
      line += text[i] == '\n' ? 1 : 0;
    }
    const hardware::SourceSpan span = place_in(text, at, at);
    RC_ASSERT(span.line == line);
    RC_ASSERT(span.column == column);
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
