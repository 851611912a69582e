// The parser: what is refused and with which message, and where values stand in the text.

#include "hardware/config/config.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace orrery::hardware {
namespace {

constexpr const char* kNoAliases =
    "aliases (*name) and merge keys (<<) are not read, on purpose: each value stands where it is used; write it out";
constexpr const char* kNoAnchors =
    "anchors (&name) are not read, on purpose: each value stands where it is used; write it out, or list changes under "
    "variants:";

/// The message of the ConfigError that parsing `text` throws; "no error" otherwise.
std::string error_of(const std::string& text) {
  try {
    (void)parse_config(text, "f.yaml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string file_error(const std::string& path) {
  try {
    (void)load_config(path);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string spanned(const std::string& text, const ConfigNode& node) {
  return text.substr(node.span.begin, node.span.end - node.span.begin);
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name) : path_(std::filesystem::path(::testing::TempDir()) / name) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string str() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(ParseConfig, ReadsNestedMappingsAndLists) {
  const std::string text = "a: 1\nb:\n  c: [x, y]\n  d: 'it''s'\n";
  const NodePtr root = parse_config(text, "f.yaml");
  ASSERT_EQ(root->kind, NodeKind::mapping);
  EXPECT_EQ(root->find("a")->scalar, "1");
  const ConfigNode* b = root->find("b");
  ASSERT_NE(b, nullptr);
  ASSERT_EQ(b->find("c")->items.size(), 2u);
  EXPECT_EQ(b->find("c")->items[1]->scalar, "y");
  EXPECT_EQ(b->find("d")->scalar, "it's");
  EXPECT_TRUE(b->find("d")->quoted);
  EXPECT_FALSE(root->find("a")->quoted);
  EXPECT_EQ(root->find("absent"), nullptr);
}

TEST(ParseConfig, RefusesAnEmptyFile) {
  EXPECT_EQ(error_of(""), "f.yaml: the file is empty");
  EXPECT_EQ(error_of("# only a comment\n"), "f.yaml: the file is empty");
  EXPECT_EQ(error_of("---\n"), "f.yaml: the file is empty");
  EXPECT_EQ(error_of("\xEF\xBB\xBF"), "f.yaml: the file is empty");
}

TEST(ParseConfig, NamesTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(error_of("a: 1\nb: \xFFx\n"), "f.yaml:2:4: not UTF-8: byte 0xff");
  EXPECT_EQ(error_of("a: \xC3("), "f.yaml:1:4: not UTF-8: byte 0xc3");             // a truncated sequence
  EXPECT_EQ(error_of("a: \xC0\xAF"), "f.yaml:1:4: not UTF-8: byte 0xc0");          // overlong '/'
  EXPECT_EQ(error_of("a: \xE0\x80\xAF"), "f.yaml:1:4: not UTF-8: byte 0xe0");      // overlong '/'
  EXPECT_EQ(error_of("a: \xED\xA0\x80"), "f.yaml:1:4: not UTF-8: byte 0xed");      // the surrogate U+D800
  EXPECT_EQ(error_of("a: \xF4\x90\x80\x80"), "f.yaml:1:4: not UTF-8: byte 0xf4");  // U+110000
  EXPECT_EQ(error_of("\xFF\xFE"
                     "a"),
            "f.yaml:1:1: not UTF-8: byte 0xff");  // UTF-16
}

TEST(ParseConfig, RefusesControlCharacters) {
  EXPECT_EQ(error_of(std::string("a: x\0y", 6)), "f.yaml:1:5: the character U+0000 is not allowed");
  EXPECT_EQ(error_of("a: x\x04y"), "f.yaml:1:5: the character U+0004 is not allowed");
  EXPECT_EQ(error_of("a: \xC2\x85"), "f.yaml:1:4: the character U+0085 is not allowed");
  EXPECT_EQ(error_of("a: 1\rb: 2"), "f.yaml:1:5: a carriage return without a line feed");
}

TEST(ParseConfig, ReportsASyntaxErrorWithItsPosition) {
  EXPECT_EQ(error_of("a: [1, 2\nb: 3\n").substr(0, 9), "f.yaml:2:");
  EXPECT_NE(error_of("a: [1, 2\n").find("YAML syntax"), std::string::npos);
  EXPECT_EQ(error_of("a: b: c\n"), "f.yaml:1:5: YAML syntax: illegal map value");
  EXPECT_EQ(error_of("a: \"open\n"), "f.yaml:1:4: YAML syntax: the quoted text has no end");
  EXPECT_NE(error_of("a: 1\n\tb: 2\n").find("f.yaml:2:"), std::string::npos);
}

TEST(ParseConfig, ReportsEveryDuplicateKeyWithTheLineOfTheFirst) {
  EXPECT_EQ(error_of("a: 1\nb: 2\na: 3\nb: {c: 1, c: 2}\n"),
            "f.yaml:3:1: duplicate key 'a': it stands in line 1 already\n"
            "f.yaml:4:1: duplicate key 'b': it stands in line 2 already\n"
            "f.yaml:4:11: duplicate key 'c': it stands in line 4 already");
}

TEST(ParseConfig, RefusesAnchorsAliasesAndTags) {
  EXPECT_EQ(error_of("a: &x 1\n"), "f.yaml:1:4: " + std::string(kNoAnchors));
  EXPECT_EQ(error_of("a: &x [1]\n"), "f.yaml:1:4: " + std::string(kNoAnchors));
  EXPECT_EQ(error_of("a: *x\n"), "f.yaml:1:4: " + std::string(kNoAliases));
  EXPECT_EQ(error_of("a: !!str 1\n"), "f.yaml:1:4: tags (!name) are not allowed");
  EXPECT_EQ(error_of("a: !x [1]\n"), "f.yaml:1:4: tags (!name) are not allowed");
}

TEST(ParseConfig, RefusesAnAliasBombAtItsFirstAnchor) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [*" + before;
    for (int i = 0; i < 8; ++i) bomb += ", *" + before;
    bomb += "]\n";
  }
  EXPECT_EQ(error_of(bomb), "f.yaml:1:4: " + std::string(kNoAnchors));
}

TEST(ParseConfig, RefusesSeveralDocuments) {
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "f.yaml:3:1: several documents in one file: only one is allowed");
  EXPECT_EQ(error_of("---\na: 1\n...\n"), "no error");
}

TEST(ParseConfig, RefusesKeysThatAreNoStrings) {
  EXPECT_EQ(error_of("? [a]\n: 1\n"), "f.yaml:1:3: a key must be a string");
  EXPECT_EQ(error_of("{a: 1}: 2\n"), "f.yaml:1:1: a key must be a string");
  EXPECT_EQ(error_of("null: 2\n"), "f.yaml:1:1: a key must be a string");
}

TEST(ParseConfig, AcceptsSixtyFourLevelsAndNoMore) {
  const auto flow = [](int n) {
    return std::string(static_cast<std::size_t>(n), '[') + std::string(static_cast<std::size_t>(n), ']');
  };
  EXPECT_EQ(error_of(flow(64)), "no error");
  EXPECT_EQ(error_of(flow(65)), "f.yaml:1:65: nested deeper than 64 levels");
  std::string block;
  for (std::size_t i = 0; i < 65; ++i) block += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(error_of(block + std::string(65, ' ') + "a: 1\n"), "f.yaml:65:65: nested deeper than 64 levels");
}

TEST(ParseConfig, RefusesVeryDeepNestingWithoutCrashing) {
  for (const char* unit : {"[", "{a: ", "- ", "[a,", "[\n", "? "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += unit;
    EXPECT_NE(error_of(text).find("nested deeper than 64 levels"), std::string::npos) << unit << error_of(text);
  }
}

TEST(ParseConfig, BoundsTheMemoryOfEightMebibytesOfBrackets) {
  // The scanner would keep 8.4 M tokens (1.8 GB) before it reports the first.
  const std::string text(std::size_t{8} << 20, '[');
  EXPECT_EQ(error_of(text), "f.yaml:1:500001: more than 500000 brackets and commas in one file");
}

TEST(ParseConfig, RefusesMoreValuesThanItCouldHold) {
  std::string text;
  for (int i = 0; i < 500'001; ++i) text += "- 1\n";
  EXPECT_NE(error_of(text).find("more than 500000 values"), std::string::npos);
}

TEST(ParseConfig, RefusesMoreThanEightMebibytes) {
  const std::string text = "a: " + std::string((std::size_t{8} << 20) - 2, 'x');
  EXPECT_EQ(error_of(text), "f.yaml:1:8388609: larger than 8 MiB: nothing from here on is read");
  // Where the limit is reached is a line.
  std::string lines;
  while (lines.size() <= std::size_t{8} << 20) lines += "- abcdefghijklm\n";
  EXPECT_EQ(error_of(lines).substr(0, 18), "f.yaml:524289:1: l");
  EXPECT_EQ(error_of(text.substr(1)).find("larger"), std::string::npos);
}

TEST(LoadConfig, NamesMissingFilesAndFolders) {
  EXPECT_EQ(file_error("/nowhere/x.yaml"), "/nowhere/x.yaml: no such file");
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(file_error(folder), folder + ": is a folder, not a file");
}

TEST(LoadConfig, RefusesAGigabyteWithoutReadingIt) {
  const TemporaryFile file("orrery_huge.yaml");
  std::ofstream(file.str()) << "a: 1\n";
  std::filesystem::resize_file(file.str(), 1'000'000'000);  // sparse
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(file_error(file.str()).find(file.str() + ":2:8388604: larger than 8 MiB"), 0u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(200));
}

TEST(LoadConfig, StopsReadingADeviceWithoutEnd) {
  if (!std::filesystem::exists("/dev/zero")) GTEST_SKIP() << "no /dev/zero here";
  EXPECT_EQ(file_error("/dev/zero"), "/dev/zero:1:8388609: larger than 8 MiB: nothing from here on is read");
}

TEST(LoadConfig, ReadsAFile) {
  const TemporaryFile file("orrery_small.yaml");
  std::ofstream(file.str()) << "a: 1\n";
  EXPECT_EQ(load_config(file.str())->find("a")->scalar, "1");
}

TEST(Span, CoversExactlyTheTextOfEveryKindOfValue) {
  const std::string text =
      "plain: two words   # comment\n"
      "single: 'it''s # here' # comment\n"
      "double: \"a \\\" b\"\n"
      "flow: [1, {a: b}, ] # list\n"
      "braces: { x: 1,  # first\n"
      "  y: 2 # }\n"
      "}\n"
      "block:\n"
      "  - one\n"
      "  - two: 2\n"
      "    three: 3   # end\n"
      "folded: >-\n"
      "  line one\n"
      "\n"
      "  line two\n"
      "multi: first\n"
      "  second # no more\n"
      "zero:\n"
      "- 1\n"
      "- 2\n"
      "nothing:   # empty\n"
      "tilde: ~\n"
      "last: 3";
  const NodePtr root = parse_config(text, "f.yaml");
  const auto at = [&](const char* key) { return spanned(text, *root->find(key)); };
  EXPECT_EQ(at("plain"), "two words");
  EXPECT_EQ(at("single"), "'it''s # here'");
  EXPECT_EQ(at("double"), "\"a \\\" b\"");
  EXPECT_EQ(at("flow"), "[1, {a: b}, ]");
  EXPECT_EQ(spanned(text, *root->find("flow")->items[1]), "{a: b}");
  EXPECT_EQ(at("braces"), "{ x: 1,  # first\n  y: 2 # }\n}");
  EXPECT_EQ(at("block"), "- one\n  - two: 2\n    three: 3");
  EXPECT_EQ(spanned(text, *root->find("block")->items[1]), "two: 2\n    three: 3");
  EXPECT_EQ(at("folded"), ">-\n  line one\n\n  line two");
  EXPECT_EQ(root->find("folded")->scalar, "line one\nline two");
  EXPECT_EQ(at("multi"), "first\n  second");
  EXPECT_EQ(root->find("multi")->scalar, "first second");
  EXPECT_EQ(at("zero"), "- 1\n- 2");
  EXPECT_EQ(at("nothing"), "");
  EXPECT_EQ(root->find("nothing")->span.begin, text.find("nothing:") + 8);
  EXPECT_EQ(at("tilde"), "~");
  EXPECT_EQ(root->find("tilde")->kind, NodeKind::null);
  EXPECT_EQ(at("last"), "3");
  EXPECT_EQ(root->span.end, text.size());
}

TEST(Span, CountsLinesAndColumnsInBytes) {
  const std::string text = "título: ñandú\r\nb: {c: x}\r\n";
  const NodePtr root = parse_config(text, "f.yaml");
  const SourceSpan& first = root->find("título")->span;
  EXPECT_EQ(first.line, 1);
  EXPECT_EQ(first.column, 10);  // "título: " is 9 bytes
  EXPECT_EQ(spanned(text, *root->find("título")), "ñandú");
  const SourceSpan& second = root->find("b")->find("c")->span;
  EXPECT_EQ(second.line, 2);
  EXPECT_EQ(second.column, 8);
  EXPECT_EQ(root->find("b")->key_spans[0].column, 5);
}

TEST(Span, CountsAByteOrderMark) {
  const std::string text =
      "\xEF\xBB\xBF"
      "a: xyz\n";
  const NodePtr root = parse_config(text, "f.yaml");
  EXPECT_EQ(spanned(text, *root->find("a")), "xyz");
}

TEST(Span, PutsAnUnwrittenItemAfterItsDash) {
  const std::string text = "-\n- a\n-   # none\n";
  const NodePtr root = parse_config(text, "f.yaml");
  ASSERT_EQ(root->items.size(), 3u);
  EXPECT_EQ(root->items[0]->span.begin, 1u);
  EXPECT_EQ(root->items[2]->span.begin, 7u);
  EXPECT_EQ(root->items[2]->span.end, 7u);
}

TEST(Span, DoesNotTakeTheNextKeyForAnEmptyValue) {
  const std::string text = "a:\nnullable: 3\nb: {c: , d: null}\n";
  const NodePtr root = parse_config(text, "f.yaml");
  EXPECT_EQ(root->find("a")->span.begin, 2u);
  EXPECT_EQ(spanned(text, *root->find("b")->find("c")), "");
  EXPECT_EQ(spanned(text, *root->find("b")->find("d")), "null");
}

TEST(Diagnostic, PrintsFileLineAndColumn) {
  EXPECT_EQ((Diagnostic{"a.yaml", {3, 7, 0, 0}, "wrong"}).str(), "a.yaml:3:7: wrong");
  EXPECT_EQ((Diagnostic{"a.yaml", {}, "wrong"}).str(), "a.yaml: wrong");
  EXPECT_EQ((Diagnostic{"", {}, "wrong"}).str(), "wrong");
}

TEST(Diagnostics, ThrowsEverythingInOrderOfPosition) {
  Diagnostics diagnostics("f.yaml");
  EXPECT_NO_THROW(diagnostics.throw_if_any());
  diagnostics.error({2, 1, 10, 11}, "second");
  diagnostics.error({1, 1, 0, 1}, "first");
  try {
    diagnostics.throw_if_any();
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "f.yaml:1:1: first\nf.yaml:2:1: second");
    EXPECT_EQ(error.diagnostics().size(), 2u);
  }
}

}  // namespace
}  // namespace orrery::hardware
