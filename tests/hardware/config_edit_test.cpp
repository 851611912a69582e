// set_value and edit_value: the value changes, every other byte stays.

#include "hardware/config/config_edit.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

std::string set(const std::string& text, const std::string& path, const std::string& value) {
  return set_value(text, "f.yaml", path, value);
}

std::string error_of(const std::string& text, const std::string& path, const std::string& value) {
  try {
    return "no error: " + set(text, path, value);
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(SetValue, ReplacesAScalarAndKeepsComments) {
  EXPECT_EQ(set("# head\na: 1   # one\nb:\n  c: x # see\n", "b.c", "yy"), "# head\na: 1   # one\nb:\n  c: yy # see\n");
  EXPECT_EQ(set("a: 'old'\n", "a", "80 GiB"), "a: 80 GiB\n");
  EXPECT_EQ(set("{\"a\":1}", "a", "2"), "{\"a\": 2}");
}

TEST(SetValue, ReplacesInsideFlowCollections) {
  EXPECT_EQ(set("a: {b: 1, c: [2, 3]} # x\n", "a.c.1", "44"), "a: {b: 1, c: [2, 44]} # x\n");
  EXPECT_EQ(set("a: [1, 2]\n", "a", "[3]"), "a: [3]\n");
}

TEST(SetValue, ReplacesABlockCollectionByAValueOnTheLineOfItsKey) {
  EXPECT_EQ(set("a:\n- 1\n- 2\nb: 3\n", "a", "5"), "a: 5\nb: 3\n");
  EXPECT_EQ(set("a: # why\n  x: 1\n  y: 2 # two\nb: 3\n", "a", "{x: 9}"), "a: {x: 9} # why\n # two\nb: 3\n");
  EXPECT_EQ(set("a:\n  x: 1  \nb: 3\n", "a", "5"), "a: 5\nb: 3\n") << "spaces behind its last line go along";
  EXPECT_EQ(set("s:\n  - k: 1\n    l: 2\n  - 7\n", "s.0", "0"), "s:\n  - 0\n  - 7\n");
}

TEST(SetValue, ReplacesABlockScalar) { EXPECT_EQ(set("a: |\n  one\n  two\nb: 3\n", "a", "short"), "a: short\nb: 3\n"); }

TEST(SetValue, FillsAnEmptyValue) {
  EXPECT_EQ(set("a:\nb: 2\n", "a", "1"), "a: 1\nb: 2\n");
  EXPECT_EQ(set("a:   # note\nb: 2\n", "a", "1"), "a: 1   # note\nb: 2\n");
  EXPECT_EQ(set("a:\n", "a.b.c", "1"), "a: {b: {c: 1}}\n");
  EXPECT_EQ(set("a: ~\n", "a", "1"), "a: 1\n");
}

TEST(SetValue, AddsAMissingKeyToABlockMapping) {
  EXPECT_EQ(set("a:\n  b: 1  # note\nz: 2\n", "a.c", "3"), "a:\n  b: 1  # note\n  c: 3\nz: 2\n");
  EXPECT_EQ(set("a: 1", "b", "2"), "a: 1\nb: 2");
  EXPECT_EQ(set("a: 1\r\n", "b", "2"), "a: 1\r\nb: 2\r\n");
  EXPECT_EQ(set("a: 1\n", "b.c.d", "2"), "a: 1\nb: {c: {d: 2}}\n");
  EXPECT_EQ(set("s:\n  - k: 1\n", "s.0.l", "2"), "s:\n  - k: 1\n    l: 2\n");
}

TEST(SetValue, AddsAMissingKeyToAFlowMapping) {
  EXPECT_EQ(set("a: {b: 1}\n", "a.c", "3"), "a: {b: 1, c: 3}\n");
  EXPECT_EQ(set("a: {}\n", "a.c", "3"), "a: {c: 3}\n");
  EXPECT_EQ(set("a: {b: 1, }\n", "a.c", "3"), "a: {b: 1, c: 3, }\n");
}

TEST(SetValue, AppendsToAList) {
  EXPECT_EQ(set("a: [1]\n", "a.1", "2"), "a: [1, 2]\n");
  EXPECT_EQ(set("a: []\n", "a.0", "2"), "a: [2]\n");
  EXPECT_EQ(set("a:\n  - 1\n", "a.1", "2"), "a:\n  - 1\n  - 2\n");
}

TEST(SetValue, FindsKeysThatHoldDots) {
  EXPECT_EQ(set("m:\n  llama-3.1: {n: 1}\n", "m.llama-3.1.n", "2"), "m:\n  llama-3.1: {n: 2}\n");
}

TEST(SetValue, QuotesWhatWouldReadAsSomethingElse) {
  EXPECT_EQ(set("a: [x, y]\n", "a.0", "p, q"), "a: [\"p, q\", y]\n");
  EXPECT_EQ(set("a: 1\n", "a", "b: c"), "a: \"b: c\"\n");
  EXPECT_EQ(set("a: 1\nb: 2\n", "a", "x\nc: 3"), "a: \"x\\nc: 3\"\nb: 2\n");
  EXPECT_EQ(set("a: 1\n", "a", "x # y"), "a: \"x # y\"\n");
}

TEST(SetValue, RefusesWhatCannotBe) {
  EXPECT_EQ(error_of("a: 1\n", "a.b", "2"), "f.yaml:1:4: '1' is a single value: 'b' can't be set in it");
  EXPECT_EQ(error_of("a: [1]\n", "a.x", "2"), "f.yaml:1:4: 'x' is not a position in a list");
  EXPECT_EQ(error_of("a: [1]\n", "a.3", "2"), "f.yaml:1:4: position 3 is past the end of a list of 1");
  EXPECT_EQ(error_of("a: [1]\n", "a.2", "2"), "f.yaml:1:4: position 2 is past the end of a list of 1");
  EXPECT_EQ(error_of("a: [1]\n", "a.-1", "2"), "f.yaml:1:4: '-1' is not a position in a list");
  EXPECT_EQ(error_of("a: 1\n", "a", ""), "f.yaml: no value given for 'a'");
  EXPECT_EQ(error_of("a: 1\n", "a..b", "1"), "f.yaml: 'a..b' is not a path of keys joined by dots");
  EXPECT_EQ(error_of("a: 1\n", "a", "[1, 2"), "f.yaml:1:4: 'a' can't be set to '[1, 2' here");
  EXPECT_EQ(error_of("a: 1\n", "a", "&x 1"), "f.yaml:1:4: 'a' can't be set to '&x 1' here");
  EXPECT_NE(error_of("a: [1\n", "a", "1").find("YAML syntax"), std::string::npos);
}

TEST(EditValue, SaysWhichBytesChanged) {
  const std::string text = "a: {b: 1}\nc:\n  d: 2\ne: 3\n";
  for (const auto& [path, value] : std::vector<std::pair<std::string, std::string>>{
           {"a.b", "44"}, {"a.x", "5"}, {"c", "7"}, {"c.d", "6"}, {"c.x", "8"}, {"f", "9"}}) {
    const ValueEdit edit = edit_value(text, "f.yaml", path, value);
    EXPECT_EQ(edit.text.substr(0, edit.begin), text.substr(0, edit.begin)) << path;
    EXPECT_EQ(edit.text.substr(edit.end), text.substr(edit.old_end)) << path;
    EXPECT_NE(edit.text.substr(edit.begin, edit.end - edit.begin).find(value), std::string::npos) << path;
  }
}

}  // namespace
}  // namespace orrery::hardware
