// The plain reading against yaml-cpp's: the same tree wherever it reads at all.

#include "hardware/config/config_plain.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/places.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_span(const SourceSpan& span, std::ostream& out) {
  out << span.line << ':' << span.column << '[' << span.begin << ',' << span.end << ')';
}

/// Everything that a tree holds.
void write_tree(const ConfigNode& node, std::ostream& out) {
  out << static_cast<int>(node.kind) << (node.quoted ? 'q' : 'p') << '<' << node.scalar << '>';
  write_span(node.span, out);
  for (const NodePtr& item : node.items) write_tree(*item, out << " - ");
  for (std::size_t i = 0; i < node.entries.size(); ++i) {
    write_span(node.key_spans.at(i), out << ' ' << node.entries[i].first);
    write_tree(*node.entries[i].second, out << ": ");
  }
  out << ';';
}

std::string written(const NodePtr& root) {
  std::ostringstream out;
  write_tree(*root, out);
  return out.str();
}

std::string by_yaml(const SourceText& source, const std::string& text) {
  try {
    return written(parse_yaml(source, text, "f.yaml"));
  } catch (const ConfigError& error) {
    return error.what();
  }
}

/// Whether the plain reading takes the text. Fails the test where the two readings differ.
bool reads(const std::string& text) {
  const SourceText source(text);
  if (source.find_bad_character()) return false;
  const NodePtr plain = parse_plain(source, text);
  if (plain == nullptr) return false;
  EXPECT_EQ(written(plain), by_yaml(source, text)) << text;
  return true;
}

std::vector<fs::path> files_below(const char* folder, const char* extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(orrery::tests::source_root()) / folder)) {
    if (entry.is_regular_file() && (*extension == '\0' || entry.path().extension() == extension)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(PlainReading, TakesEveryProfileAndScenarioOfTheTree) {
  for (const char* folder : {"hardware/profiles", "scenarios/library"}) {
    for (const fs::path& path : files_below(folder, ".yaml")) EXPECT_TRUE(reads(text_of(path))) << path;
  }
}

TEST(PlainReading, ReadsWhatItTakesAsYamlDoes) {
  for (const char* text : {
           "a: 1\nb:\n  c: [x, y]\n  d: 'it''s'\n",
           "a: \"x \\\" \\\\ y\"  # end\nb: ' two  spaces '\n",
           "# head\n\na:   # open\n  # inner\n  b: 1\n\n  c: -2.5e3\nd: (x) {y}, [z] \"w\" a#b\n",
           "list:\n- a: 1\n  b: {c: [1, 2], d: x y}\n-   c: 2\nnext: 3",
           "- 1\n- two words # no\n- 'x'\n- [a]\n",
           "f: [ \"a\",   # one\n  \"b\",\n\n 'c' ]   # two\ng: {}\nh: []\n",
           "título_no: 1\n",
           "a: el ñandú – x\n",
           "deep:\n    a:\n      - x: 1\n        y: [2]\n      - x: 3\n    b: 4\nc: ${ORRERY_DATA}/x\n",
       }) {
    const bool taken = reads(text);
    EXPECT_EQ(taken, std::string(text).find("título") == std::string::npos) << text;
  }
}

TEST(PlainReading, LeavesTheRestToYaml) {
  for (const char* text : {
           "",
           "# only\n",
           "scalar\n",
           "a:\n",
           "a: null\n",
           "a: ~\n",
           "a: 1\na: 2\n",
           "a: b: c\n",
           "a: 'open\n",
           "a: \"x\\n\"\n",
           "a: >-\n  x\n",
           "a: |\n  x\n",
           "a: x\n  y\n",
           "a: [1, 2\n",
           "a: [1, ]\n",
           "a: [x: y]\n",
           "a: {b}\n",
           "a: {b:1}\n",
           "a: &x 1\n",
           "a: *x\n",
           "a: !!str 1\n",
           "? a\n: 1\n",
           "\"a\": 1\n",
           "a : 1\n",
           "---\na: 1\n",
           "a: 1\n---\nb: 2\n",
           "a: 1\n...\n",
           "a:\tb\n",
           "a: 1\r\n",
           "\xEF\xBB\xBF"
           "a: 1\n",
           " a: 1\n",
           "a:\n  b: 1\n c: 2\n",
           "a:\n    - 1\n  - 2\n",
           "a: 1\n- 2\n",
           "-\n- a\n",
           "- - a\n",
           "a: [b\n c]\n",
           "a: \"x\"#c\n",
           "null: 1\n",
           "a: @x\n",
           "a: %x\n",
           "a:\n  b: 1\n  - 2\n",
           "a: x:\n",
       }) {
    EXPECT_FALSE(reads(text)) << text;
  }
}

TEST(PlainReading, LeavesDepthAndSizeToYaml) {
  EXPECT_FALSE(reads("a: " + std::string(40, '[') + std::string(40, ']')));
  std::string many, keys;
  for (int i = 0; i < 100'100; ++i) many += "- 1\n";
  for (int i = 0; i < 300; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_FALSE(reads(many));
  EXPECT_FALSE(reads(keys));
  EXPECT_FALSE(reads(std::string(201, 'k') + ": 1\n"));
}

TEST(PlainReading, AgreesOnTheFuzzersCorpus) {
  std::size_t taken = 0;
  for (const fs::path& path : files_below("tests/fuzz/corpus/config", "")) taken += reads(text_of(path)) ? 1 : 0;
  EXPECT_GT(taken, 0u);
}

/// A text with a few places changed, inserted, dropped or repeated: what a hand, or a fuzzer, would do.
std::string mutated(std::string text, std::mt19937& random) {
  static const std::string kPieces[] = {" ", "\n", ":",  ": ",   "- ", "#",   " #",  "[",    "]",  "{",    "}",
                                        ",", "'",  "\"", "\\",   "  ", "a",   "-",   "null", "? ", "\n\n", "&x",
                                        "*", "| ", "%",  "\n  ", "~",  "...", "---", "x: ",  "+",  "!",    "a: 1"};
  const std::size_t changes = 1 + random() % 3;
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    const std::string& piece = kPieces[random() % std::size(kPieces)];
    switch (random() % 4) {
      case 0:
        text.insert(at, piece);
        break;
      case 1:
        text.erase(at, 1 + random() % 4);
        break;
      case 2:
        text.replace(at, 1, piece);
        break;
      default:
        text.insert(random() % text.size(), text.substr(at, 1 + random() % 12));
    }
  }
  return text;
}

TEST(PlainReading, AgreesOnMutationsOfTheTreesFiles) {
  std::vector<std::string> seeds{"a: 1\nb:\n  - c: [x, 'y']\n    d: {e: \"f\", g: 2}\n  - h # i\nj: k l\n",
                                 "- a: b\n  c:\n  - d\n  - e: [1,\n    2]\n- f\n"};
  for (const char* folder : {"hardware/profiles", "scenarios/library"}) {
    for (const fs::path& path : files_below(folder, ".yaml")) {
      const std::string text = text_of(path);
      seeds.push_back(text.substr(0, text.find('\n', 1500)));
    }
  }
  std::mt19937 random(20261129);
  std::size_t taken = 0;
  for (int i = 0; i < 6000; ++i) {
    const std::string& seed = seeds[i % 3 == 0 ? random() % 2 : random() % seeds.size()];
    taken += reads(mutated(seed, random)) ? 1 : 0;
  }
  EXPECT_GT(taken, 500u);
}

}  // namespace
}  // namespace orrery::hardware
