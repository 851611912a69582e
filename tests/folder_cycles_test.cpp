// No two folders include each other, however deep they lie and however many others stand between them: a folder is its
// own files, so that sim/plan/ is another than sim/.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/places.hpp"
#include "tests/tree_files.hpp"

namespace orrery {
namespace {

using tree::File;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

using Edges = std::map<std::string, std::set<std::string>>;

/// Which folders the files of a folder include, itself left out. What tests include is their own affair.
Edges folder_edges(const std::vector<File>& files) {
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);
  Edges edges;
  for (const File& file : files) {
    if (!tree::is_source(file.path) || tree::starts_with(file.path, "tests/")) continue;
    for (const tree::Include& include : tree::includes_of(file.text)) {
      if (paths.count(include.name) == 0 || folder_of(include.name) == folder_of(file.path)) continue;
      edges[folder_of(file.path)].insert(folder_of(include.name));
    }
  }
  return edges;
}

std::set<std::string> reached_from(const std::string& folder, const Edges& edges) {
  std::set<std::string> reached;
  std::vector<std::string> open = {folder};
  while (!open.empty()) {
    const auto next = edges.find(open.back());
    open.pop_back();
    if (next == edges.end()) continue;
    for (const std::string& target : next->second) {
      if (reached.insert(target).second) open.push_back(target);
    }
  }
  return reached;
}

/// Each set of folders that all reach each other, as "sim sim/plan".
std::vector<std::string> folder_cycles(const std::vector<File>& files) {
  const Edges edges = folder_edges(files);
  std::map<std::string, std::set<std::string>> reached;
  for (const auto& edge : edges) reached[edge.first] = reached_from(edge.first, edges);
  std::vector<std::string> cycles;
  std::set<std::string> told;
  for (const auto& [folder, targets] : reached) {
    if (targets.count(folder) == 0 || told.count(folder) > 0) continue;
    std::string cycle;
    for (const std::string& other : targets) {
      const auto back = reached.find(other);
      if (back == reached.end() || back->second.count(folder) == 0) continue;
      told.insert(other);
      cycle += (cycle.empty() ? "" : " ") + other;
    }
    cycles.push_back(cycle);
  }
  return cycles;
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(FolderCycles, NoneInThisTree) {
  const std::vector<File> files = tree::read_tree(orrery::tests::source_root());
  ASSERT_GT(files.size(), 20U) << "the tree was not found at " << orrery::tests::source_root();
  EXPECT_THAT(folder_cycles(files), IsEmpty());
}

TEST(FolderCyclesChecker, TakesEdgesThatOnlyGoOneWay) {
  EXPECT_THAT(folder_cycles({{"sim/a.hpp", ""},
                             {"sim/plan/b.hpp", "#include \"sim/a.hpp\""},
                             {"sim/plan/c.hpp", "#include \"sim/plan/b.hpp\"\n#include <vector>"},
                             {"models/d.cpp", "#include \"sim/plan/c.hpp\"\n#include \"sim/a.hpp\""}}),
              IsEmpty());
}

TEST(FolderCyclesChecker, FindsAFolderThatIncludesItsOwnSubfolder) {
  EXPECT_THAT(folder_cycles({{"sim/a.hpp", ""},
                             {"sim/table.cpp", "#include \"sim/plan/b.hpp\""},
                             {"sim/plan/b.hpp", "#include \"sim/a.hpp\""}}),
              ElementsAre("sim sim/plan"));
}

TEST(FolderCyclesChecker, FindsACycleOverOthersAndTellsTwoApart) {
  EXPECT_THAT(folder_cycles({{"gui/a/x.hpp", "#include \"gui/b/x.hpp\""},
                             {"gui/b/x.hpp", "#include \"gui/c/x.hpp\""},
                             {"gui/c/x.hpp", ""},
                             {"gui/c/y.cpp", "#include \"gui/a/x.hpp\""},
                             {"gui/d/x.cpp", "#include \"gui/a/x.hpp\"\n#include \"sim/b/x.hpp\""},
                             {"sim/a/x.hpp", "#include \"sim/b/x.hpp\""},
                             {"sim/b/x.hpp", ""},
                             {"sim/b/y.cpp", "#include \"sim/a/x.hpp\""}}),
              ElementsAre("gui/a gui/b gui/c", "sim/a sim/b"));
}

TEST(FolderCyclesChecker, LeavesTestsAlone) {
  EXPECT_THAT(folder_cycles({{"tests/a.hpp", "#include \"tests/sim/b.hpp\""},
                             {"tests/sim/b.hpp", ""},
                             {"tests/sim/c.cpp", "#include \"tests/a.hpp\""}}),
              IsEmpty());
}

}  // namespace
}  // namespace orrery
