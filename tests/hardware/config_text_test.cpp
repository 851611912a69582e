// The raw text: lines and columns against a count by hand, characters, and where values of every style end.
#include "hardware/config/config_text.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

/// "" or "position: message".
std::string problem(const std::string& text) {
  const auto found = SourceText(text).find_bad_character();
  return found ? std::to_string(found->position) + ": " + found->message : "";
}

/// The scalar that begins at `begin` as the text has it.
std::string scalar_at(const std::string& text, std::size_t begin, const std::string& value) {
  const ScalarExtent extent = SourceText(text).scalar_extent(begin, value);
  return extent.error.empty() ? text.substr(begin, extent.end - begin) : extent.error;
}

TEST(SourceSpans, CountLinesAndBytesFromOne) {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    std::string text(random() % 40, 'x');
    for (char& c : text) c = "ab\n"[random() % 3];
    const SourceText source(text);
    int line = 1, column = 1;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      const SourceSpan span = source.span(at, at);
      ASSERT_EQ(span.line, line) << at;
      ASSERT_EQ(span.column, column) << at;
      ASSERT_EQ(source.line_begin(at), at + 1 - static_cast<std::size_t>(column));
      const std::size_t end = text.find('\n', at);
      ASSERT_EQ(source.line_end(at), end == std::string::npos ? text.size() : end);
      if (at == text.size()) break;
      column = text[at] == '\n' ? 1 : column + 1;
      line += text[at] == '\n' ? 1 : 0;
    }
  }
}

TEST(SourceSpans, NeverEndBeforeTheyBegin) {
  const SourceText source("abc\ndef");
  EXPECT_EQ(source.span(5, 2).end, 5u);
  EXPECT_EQ(source.span(1, 6).end, 6u);
  EXPECT_EQ(source.at(7), '\0');
  EXPECT_EQ(source.at(1000), '\0');
  EXPECT_EQ(source.clamp(1000), 7u);
}

TEST(BadCharacters, OnlyWholeShortestUtf8Passes) {
  // The first and last code points of each length, and around the surrogates (RFC 3629).
  for (const char* good : {"", "plain", "\xC2\xA0", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                           "\xEF\xBF\xBC", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(problem(good), "") << good;
  }
  EXPECT_EQ(problem("ab\x80"), "2: not UTF-8: byte 0x80");            // a continuation that continues nothing
  EXPECT_EQ(problem("\xC1\xBF"), "0: not UTF-8: byte 0xc1");          // overlong
  EXPECT_EQ(problem("\xE0\x9F\xBF"), "0: not UTF-8: byte 0xe0");      // overlong
  EXPECT_EQ(problem("\xF0\x8F\xBF\xBF"), "0: not UTF-8: byte 0xf0");  // overlong
  EXPECT_EQ(problem("\xED\xBF\xBF"), "0: not UTF-8: byte 0xed");      // U+DFFF
  EXPECT_EQ(problem("\xF5\x80\x80\x80"), "0: not UTF-8: byte 0xf5");  // beyond Unicode
  EXPECT_EQ(problem("a\xE2\x82"), "1: not UTF-8: byte 0xe2");         // cut off
  EXPECT_EQ(problem("\xE2\x82x"), "0: not UTF-8: byte 0xe2");         // broken off
}

TEST(BadCharacters, ControlCharactersAndExoticLineBreaksAreNamed) {
  EXPECT_EQ(problem("a\tb\nc\r\nd"), "") << "tab and line breaks";
  EXPECT_EQ(problem("a\x1b[0m"), "1: the character U+001B is not allowed");
  EXPECT_EQ(problem("\x7f"), "0: the character U+007F is not allowed");
  EXPECT_EQ(problem("\xC2\x9B"), "0: the character U+009B is not allowed");  // CSI of 8-bit terminals
  EXPECT_EQ(problem("\xE2\x80\xA8"), "0: the character U+2028 is not allowed");
  EXPECT_EQ(problem("\xE2\x80\xA9"), "0: the character U+2029 is not allowed");
  EXPECT_EQ(problem("\xEF\xBF\xBE"), "0: the character U+FFFE is not allowed");
  EXPECT_EQ(problem("a\rb"), "1: a carriage return without a line feed");
  EXPECT_EQ(problem("a\r"), "1: a carriage return without a line feed");
}

TEST(BadCharacters, AByteOrderMarkMayOnlyBegin) {
  EXPECT_EQ(problem("\xEF\xBB\xBF"
                    "a"),
            "");
  EXPECT_EQ(problem("a\xEF\xBB\xBF"), "1: the character U+FEFF is not allowed");
  EXPECT_EQ(SourceText("\xEF\xBB\xBF").bom_length(), 3u);
  EXPECT_EQ(SourceText("\xEF\xBB").bom_length(), 0u);
}

TEST(FlowExcess, IsTheFirstOneTooMany) {
  const SourceText source("[a, {b: c}]");  // five marks: [ , { } ]
  EXPECT_EQ(source.find_flow_excess(5), std::nullopt);
  EXPECT_EQ(source.find_flow_excess(4), 10u);
  EXPECT_EQ(source.find_flow_excess(0), 0u);
}

TEST(Blanks, AreSpacesLineBreaksAndComments) {
  const std::string text = "  # one\n\t# two\n  x # three";
  const SourceText source(text);
  EXPECT_EQ(source.skip_blank(0), text.find('x'));
  EXPECT_EQ(source.skip_blank(text.find('x')), text.find('x'));
  EXPECT_EQ(source.skip_blank(text.find('x') + 1), text.size());
  EXPECT_EQ(SourceText("a#b").skip_blank(1), 1u) << "no comment without a space before it";
  EXPECT_EQ(SourceText("#b").skip_blank(0), 2u) << "but at the very beginning";
}

TEST(ClosingBrackets, AreFoundBehindCommasAndComments) {
  const std::string text = "[a , # ]\n ] b";
  EXPECT_EQ(SourceText(text).closing_bracket(2), text.find("] b") + 1);
  EXPECT_EQ(SourceText("[]").closing_bracket(1), 2u);
  EXPECT_EQ(SourceText("[a").closing_bracket(2), 2u) << "never past the text";
}

TEST(Nulls, EndAtAWordBoundary) {
  const auto length = [](const char* text) { return SourceText(text).null_length(0); };
  EXPECT_EQ(length("~"), 1u);
  EXPECT_EQ(length("null\n"), 4u);
  EXPECT_EQ(length("Null,"), 4u);
  EXPECT_EQ(length("NULL}"), 4u);
  EXPECT_EQ(length("~]"), 1u);
  EXPECT_EQ(length("nullable"), 0u);
  EXPECT_EQ(length("nULL"), 0u);
  EXPECT_EQ(length("~x"), 0u);
  EXPECT_EQ(length(""), 0u);
}

TEST(ScalarExtents, QuotedOnesEndAtTheirQuote) {
  EXPECT_EQ(scalar_at("a: 'it''s' # x", 3, "it's"), "'it''s'");
  EXPECT_EQ(scalar_at("'' b", 0, ""), "''");
  EXPECT_EQ(scalar_at("\"a\\\"b\\\\\" c", 0, "a\"b\\"), "\"a\\\"b\\\\\"");
  EXPECT_EQ(scalar_at("\"two\n  lines\"", 0, "two lines"), "\"two\n  lines\"");
  EXPECT_EQ(scalar_at("'open", 0, "open"), "YAML syntax: the quoted text has no end");
  EXPECT_EQ(scalar_at("\"open\\\"", 0, "open\""), "YAML syntax: the quoted text has no end");
}

TEST(ScalarExtents, PlainOnesEndWithTheirLastLetterHoweverTheyAreFolded) {
  EXPECT_EQ(scalar_at("a: two words  # no", 3, "two words"), "two words");
  EXPECT_EQ(scalar_at("a: two\n   words\nb: 1", 3, "two words"), "two\n   words");
  EXPECT_EQ(scalar_at("x", 0, "x"), "x");
}

TEST(ScalarExtents, BlocksEndWithTheirLastLineOfText) {
  const std::string text = "a: |\n  one\n\n    deeper\n  two\n\n\nb: 1\n";
  EXPECT_EQ(scalar_at(text, 3, "one\n\n  deeper\ntwo\n"), "|\n  one\n\n    deeper\n  two");
  EXPECT_EQ(scalar_at("a: >+\n  x\n\n", 3, "x\n\n"), ">+\n  x");
  EXPECT_EQ(scalar_at("a: |-\r\n  x\r\nb: 1", 3, "x"), "|-\r\n  x") << "without the carriage return";
  EXPECT_EQ(scalar_at("a: |\nb: 1", 3, ""), "|") << "nothing in it";
  EXPECT_EQ(scalar_at("a: |2\n    x\n", 3, "  x\n"), "an indentation indicator of a block scalar is not allowed");
  EXPECT_EQ(scalar_at("a: |-2\n    x\n", 3, "  x"), "an indentation indicator of a block scalar is not allowed");
}

}  // namespace
}  // namespace orrery::hardware
