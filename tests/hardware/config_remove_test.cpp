// remove_value: the entry goes, every other byte stays.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "tests/places.hpp"

namespace orrery::hardware {
namespace {

std::string removed(const std::string& text, const std::string& path) { return remove_value(text, "f.yaml", path); }

bool same(const ConfigNode& a, const ConfigNode& b) {
  if (a.kind != b.kind || a.scalar != b.scalar || a.items.size() != b.items.size()) return false;
  if (a.entries.size() != b.entries.size()) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(*a.items[i], *b.items[i])) return false;
  }
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].first != b.entries[i].first || !same(*a.entries[i].second, *b.entries[i].second)) return false;
  }
  return true;
}

TEST(RemoveValue, TakesTheLineWithItsComment) {
  EXPECT_EQ(removed("# head\na: 1   # one\n# of b\nb: 2\n", "a"), "# head\n# of b\nb: 2\n");
  EXPECT_EQ(removed("a: 1\n\nb: 2  # two\n# tail\n", "b"), "a: 1\n\n# tail\n");
  EXPECT_EQ(removed("a: 1\nb: 2", "b"), "a: 1\n");
  EXPECT_EQ(removed("a: 1\r\nb: 2\r\nc: 3\r\n", "b"), "a: 1\r\nc: 3\r\n");
  EXPECT_EQ(removed("a:\nb: ~\nc: ''\n", "a"), "b: ~\nc: ''\n");
  EXPECT_EQ(removed("a:\nb: ~\nc: ''\n", "b"), "a:\nc: ''\n");
}

TEST(RemoveValue, TakesAllLinesOfACollection) {
  EXPECT_EQ(removed("a: # why\n  x: 1\n  y: [2,\n    3] # two\n# of b\nb: 3\n", "a"), "# of b\nb: 3\n");
  EXPECT_EQ(removed("a:\n- 1\n- 2\nb: 3\n", "a"), "b: 3\n");
  EXPECT_EQ(removed("a:\n- 1\n- 2 # two\n- 3\n", "a.1"), "a:\n- 1\n- 3\n");
  EXPECT_EQ(removed("a: |\n  one\n\n  two\nb: 3\n", "a"), "b: 3\n");
  EXPECT_EQ(removed("a: \"1\n  2\"\nb: 3\n", "a"), "b: 3\n");
}

TEST(RemoveValue, TakesAnEntryAndACommaFromAFlowCollection) {
  EXPECT_EQ(removed("a: {b: 1, c: 2, d: 3} # x\n", "a.b"), "a: {c: 2, d: 3} # x\n");
  EXPECT_EQ(removed("a: {b: 1, c: 2, d: 3} # x\n", "a.c"), "a: {b: 1, d: 3} # x\n");
  EXPECT_EQ(removed("a: {b: 1, c: 2, d: 3} # x\n", "a.d"), "a: {b: 1, c: 2} # x\n");
  EXPECT_EQ(removed("a: { b: 1, c: 2, }\n", "a.c"), "a: { b: 1, }\n");
  EXPECT_EQ(removed("a: [1, [2, 3], 4]\n", "a.1.0"), "a: [1, [3], 4]\n");
  EXPECT_EQ(removed("a: [1, [2, 3], 4]\n", "a.1"), "a: [1, 4]\n");
  EXPECT_EQ(removed("a: {\n  b: 1,  # of b\n  # of c\n  c: 2,\n}\n", "a.b"), "a: {\n  # of c\n  c: 2,\n}\n");
  EXPECT_EQ(removed("a: {\n  b: 1, # of b\n  c: 2 # of c\n}\n", "a.c"), "a: {\n  b: 1, # of b\n}\n");
}

TEST(RemoveValue, JoinsTheNextEntryToTheDashOfItsList) {
  EXPECT_EQ(removed("s:\n  - a: 1 # one\n    b: 2\n  - 7\n", "s.0.a"), "s:\n  - b: 2\n  - 7\n");
  EXPECT_EQ(removed("s:\n  - a: 1\n    b: 2\n", "s.0.b"), "s:\n  - a: 1\n");
  const std::string text = removed("s:\n  - a: 1\n    # of b\n    b: 2\n", "s.0.a");
  EXPECT_NE(text.find("# of b\n    b: 2\n"), std::string::npos) << text;
}

TEST(RemoveValue, TakesTheKeyOfWhatIsLeftEmpty) {
  EXPECT_EQ(removed("a: 1\nslo:  # promised\n  ttft: 1 s\nb: 2\n", "slo.ttft"), "a: 1\nb: 2\n");
  EXPECT_EQ(removed("a: 1\nb: {c: {d: [5]}}\n", "b.c.d.0"), "a: 1\n");
  // A position in a list stays, and so does the document.
  EXPECT_EQ(removed("s:\n  - {a: 1}\n  - 7\n", "s.0.a"), "s:\n  - {}\n  - 7\n");
  EXPECT_EQ(removed("s:\n  - a: 1  # one\n  - 7\n", "s.0.a"), "s:\n  - {}\n  - 7\n");
  EXPECT_EQ(removed("s:\n  - - 1\n  - 7\n", "s.0.0"), "s:\n  - []\n  - 7\n");
  EXPECT_EQ(removed("# head\na: 1 # one\n", "a"), "# head\n{}\n");
  EXPECT_EQ(removed("{a: 1}\n", "a"), "{}\n");
}

TEST(RemoveValue, LeavesTheTextWhereThereIsNoSuchPath) {
  const std::string text = "a: 1 # x\nb: [1]\nc: {d: }\n";
  for (const char* path : {"z", "b.1", "b.9", "c.z", "z.y.x"}) EXPECT_EQ(removed(text, path), text) << path;
}

TEST(RemoveValue, RefusesWhatSetValueRefuses) {
  EXPECT_THROW((void)removed("a: 1\n", "a.b"), ConfigError);
  EXPECT_THROW((void)removed("a: [1]\n", "a.b"), ConfigError);
  EXPECT_THROW((void)removed("a: 1\n", ""), ConfigError);
  EXPECT_THROW((void)removed("a: 1\n", "a..b"), ConfigError);
  EXPECT_THROW((void)removed("a: {\n", "a"), ConfigError);
}

/// Paths of everything below `node`.
void collect(const ConfigNode& node, const std::string& prefix, std::vector<std::string>& paths) {
  const auto visit = [&](const std::string& key, const ConfigNode& child) {
    paths.push_back(prefix.empty() ? key : prefix + "." + key);
    collect(child, std::string(paths.back()), paths);
  };
  for (const auto& [key, child] : node.entries) visit(key, *child);
  for (std::size_t i = 0; i < node.items.size(); ++i) visit(std::to_string(i), *node.items[i]);
}

std::vector<std::string> library_texts() {
  std::vector<std::string> texts;
  const auto folder = std::filesystem::path(orrery::tests::source_root()) / "scenarios" / "library";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") texts.push_back(read_text_file(entry.path().string()));
  }
  EXPECT_GT(texts.size(), 10u);
  return texts;
}

/// Lines of `part` in their order, each also a line of `whole`.
bool is_part_of(const std::string& part, const std::string& whole) {
  std::istringstream a(part), b(whole);
  std::string line, candidate;
  while (std::getline(a, line)) {
    do {
      if (!std::getline(b, candidate)) return false;
    } while (candidate != line);
  }
  return true;
}

TEST(RemoveValue, TakesAnyEntryOutOfEveryScenarioOfTheLibrary) {
  std::size_t entries = 0, whole_lines = 0;
  for (const std::string& text : library_texts()) {
    std::vector<std::string> paths;
    collect(*parse_config(text, "f.yaml"), "", paths);
    for (const std::string& path : paths) {
      const std::string rest = removed(text, path);  // throws unless all else reads as before
      ASSERT_LT(rest.size(), text.size()) << path;
      ASSERT_NO_THROW((void)parse_config(rest, "f.yaml")) << path;
      ++entries;
      whole_lines += is_part_of(rest, text) ? 1 : 0;
    }
  }
  EXPECT_GT(entries, 300u);
  EXPECT_GT(2 * whole_lines, entries) << "most entries have lines to themselves";
}

TEST(RemoveValue, UndoesWhatSetValueAdded) {
  std::vector<std::string> texts = library_texts();
  texts.insert(texts.end(),
               {"a: 1", "{a: 1}\n", "{a: 1, }\n", "a: [1, 2]\r\nb:\r\n  c: 1\r\n", "a:\n- b: 1\n  c: 2\n- 3\n"});
  for (const std::string& text : texts) {
    const NodePtr before = parse_config(text, "f.yaml");
    std::vector<std::string> paths, holders{""};
    collect(*before, "", paths);
    for (const std::string& path : paths) holders.push_back(path + ".");
    for (const std::string& holder : holders) {
      for (const char* added : {"added_key", "added_key.below"}) {
        std::string changed;
        try {
          changed = set_value(text, "f.yaml", holder + added, "17");
        } catch (const ConfigError&) {
          continue;  // a scalar, or a list
        }
        std::string path = holder + added;
        const std::string back = removed(changed, path);
        const NodePtr after = parse_config(back, "f.yaml");
        // An empty value that set_value turned into a mapping goes with its only entry.
        if (back.size() < text.size()) continue;
        ASSERT_TRUE(same(*before, *after)) << path << "\n" << changed << "\n---\n" << back;
      }
    }
  }
}

}  // namespace
}  // namespace orrery::hardware
