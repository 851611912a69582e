// What is coloured in a line of YAML, and as what.
#include "gui/view/yaml_highlighter.hpp"

#include <QGuiApplication>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextLayout>
#include <gtest/gtest.h>

namespace orrery::gui {
namespace {

const char* name_of(YamlPart part) {
  switch (part) {
    case YamlPart::key:
      return "key";
    case YamlPart::string:
      return "string";
    case YamlPart::number:
      return "number";
    case YamlPart::word:
      return "word";
    case YamlPart::comment:
      return "comment";
    case YamlPart::punctuation:
      break;
  }
  return "punctuation";
}

/// "key<model> comment<# note>" of a line.
std::string parts_of(const char* line) {
  QTextDocument document(QString::fromUtf8(line));
  const QPalette palette = QGuiApplication::palette();
  YamlHighlighter highlighter(&document, palette);
  highlighter.rehighlight();
  std::string parts;
  for (const QTextLayout::FormatRange& range : document.firstBlock().layout()->formats()) {
    for (std::size_t i = 0; i < YamlHighlighter::kParts; ++i) {
      const auto part = static_cast<YamlPart>(i);
      if (range.format.foreground().color() != YamlHighlighter::color(part, palette)) continue;
      if (!parts.empty()) parts += ' ';
      parts += name_of(part) + ("<" + document.firstBlock().text().mid(range.start, range.length).toStdString() + ">");
      break;
    }
  }
  return parts;
}

TEST(YamlParts, AreKeysAndPlainValues) {
  EXPECT_EQ(parts_of("model: llama-3-8b  # note"), "key<model> comment<# note>");
  EXPECT_EQ(parts_of("  größe: 1"), "key<größe> number<1>");
  EXPECT_EQ(parts_of("- name: learn"), "key<name>");
  EXPECT_EQ(parts_of("load:"), "key<load>");
  EXPECT_EQ(parts_of(""), "");
}

TEST(YamlParts, ANumberTakesItsUnit) {
  EXPECT_EQ(parts_of("memory: 80 GiB"), "key<memory> number<80 GiB>");
  EXPECT_EQ(parts_of("rate: -2.5e-3"), "key<rate> number<-2.5e-3>");
  EXPECT_EQ(parts_of("share: .5"), "key<share> number<.5>");
  EXPECT_EQ(parts_of("tokens: 1_000"), "key<tokens> number<1_000>");
}

TEST(YamlParts, ANameThatBeginsWithADigitIsNoNumberNorIsADate) {
  EXPECT_EQ(parts_of("fabric: 3-tier"), "key<fabric>");
  EXPECT_EQ(parts_of("since: 2024-01-31"), "key<since>");
  EXPECT_EQ(parts_of("version: 1.2.3"), "key<version>");
}

TEST(YamlParts, SwitchesAreWordsWhateverTheirCase) {
  EXPECT_EQ(parts_of("zero: true"), "key<zero> word<true>");
  EXPECT_EQ(parts_of("zero: Off"), "key<zero> word<Off>");
  EXPECT_EQ(parts_of("zero: ~"), "key<zero> word<~>");
  EXPECT_EQ(parts_of("zero: truely"), "key<zero>");
}

TEST(YamlParts, StringsEndAtTheirQuote) {
  EXPECT_EQ(parts_of("a: \"x # y\" # z"), "key<a> string<\"x # y\"> comment<# z>");
  EXPECT_EQ(parts_of("a: \"say \\\"hi\\\"\""), "key<a> string<\"say \\\"hi\\\"\">");
  EXPECT_EQ(parts_of("a: 'open"), "key<a> string<'open>");
  EXPECT_EQ(parts_of("\"quoted key\": 1"), "key<\"quoted key\"> number<1>");
}

TEST(YamlParts, OfFlowCollectionsEndAtBrackets) {
  EXPECT_EQ(parts_of("load: {rate: 2, input: [1, full], on: true}"),
            "key<load> key<rate> number<2> key<input> number<1> key<on> word<true>");
  EXPECT_EQ(parts_of("path: a,b"), "key<path>") << "outside of brackets a comma is a letter";
}

TEST(YamlParts, AHashWithinAWordIsNoComment) {
  EXPECT_EQ(parts_of("url: http://x#y"), "key<url>");
  EXPECT_EQ(parts_of("# all of it: 1"), "comment<# all of it: 1>");
}

TEST(YamlParts, NothingIsTooOddForIt) {
  for (const char* line : {"}]}", ":", ": :", "- - -", "'", "\"\\", "{{{{", "a: [", "😀: 😀", ",,,"}) {
    (void)parts_of(line);
  }
  EXPECT_EQ(parts_of("} b: 1"), "key<b> number<1>") << "a bracket too many changes nothing behind it";
}

}  // namespace
}  // namespace orrery::gui
