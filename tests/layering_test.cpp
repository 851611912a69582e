// The shape of the tree: a folder includes only folders to its left, a library stays where it belongs, headers
// form no cycle, and no file knows a path of somebody's machine.
//
//   hardware ← kernels ← sim ← models ← calibrate ← scenarios ← gui        tests may include all
#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/places.hpp"
#include "tests/tree_files.hpp"

namespace orrery {
namespace {

using tree::ends_with;
using tree::File;
using tree::Include;
using tree::kFolders;
using tree::read_tree;
using tree::starts_with;

/// Place of a folder in the chain, or −1 for no folder of the tree.
int rank(std::string_view path) {
  const std::string_view folder = path.substr(0, path.find('/'));
  const auto* found = std::find(kFolders.begin(), kFolders.end(), folder);
  return found == kFolders.end() ? -1 : static_cast<int>(found - kFolders.begin());
}

/// A library and the only files that may include it.
struct Confined {
  std::string_view library;
  bool (*included)(std::string_view name);
  std::string_view where;
  bool (*allowed)(std::string_view path);
};

bool is_qt(std::string_view name) {
  return starts_with(name, "Qt") ||
         (name.size() > 1 && name[0] == 'Q' && std::isupper(static_cast<unsigned char>(name[1])) != 0);
}

bool is_cuda(std::string_view name) {
  for (std::string_view prefix : {"cuda", "cublas", "cudnn", "nccl", "nvml", "nvtx3/", "cooperative_groups"}) {
    if (starts_with(name, prefix)) return true;
  }
  return false;
}

bool may_use_cuda(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  return starts_with(path, "kernels/cuda/") || ends_with(path, ".cu") ||
         (starts_with(path, "kernels/") && starts_with(file, "gpu"));
}

const std::vector<Confined>& confined() {
  using Text = std::string_view;
  static const std::vector<Confined> rows = {
      {"yaml-cpp", [](Text name) { return starts_with(name, "yaml-cpp/"); }, "hardware/config/*.cpp",
       [](Text path) { return starts_with(path, "hardware/config/") && ends_with(path, ".cpp"); }},
      {"Boost", [](Text name) { return starts_with(name, "boost/"); }, "hardware/topology/topology_joined.cpp",
       [](Text path) { return path == "hardware/topology/topology_joined.cpp"; }},
      {"Eigen", [](Text name) { return starts_with(name, "Eigen/"); }, "calibrate/*.cpp",
       [](Text path) { return starts_with(path, "calibrate/") && ends_with(path, ".cpp"); }},
      {"Qt", is_qt, "gui/", [](Text path) { return starts_with(path, "gui/") || starts_with(path, "tests/gui/"); }},
      {"QCustomPlot", [](Text name) { return starts_with(name, "qcustomplot"); }, "gui/",
       [](Text path) { return starts_with(path, "gui/") || starts_with(path, "tests/gui/"); }},
      {"CUDA", is_cuda, "kernels/cuda/, *.cu and kernels/**/gpu*", may_use_cuda},
      {"nlohmann json",
       [](Text name) { return starts_with(name, "nlohmann/") && name != "nlohmann/json_fwd.hpp"; },  // names alone
       "*.cpp", [](Text path) { return ends_with(path, ".cpp"); }},
      {"CLI11", [](Text name) { return starts_with(name, "CLI/"); }, "scenarios/",
       [](Text path) { return starts_with(path, "scenarios/"); }},
      {"ranges", [](Text name) { return name == "ranges"; }, "no file (clang 14 can't compile g++ 12's)",
       [](Text) { return false; }},
  };
  return rows;
}

void check_include(const File& file, const Include& include, const std::set<std::string>& paths,
                   std::vector<std::string>& out) {
  const std::string place = file.path + ":" + std::to_string(include.line) + ": ";
  for (const Confined& row : confined()) {
    if (rank(include.name) < 0 && row.included(include.name) && !row.allowed(file.path)) {
      out.push_back(place + std::string(row.library) + " belongs to " + std::string(row.where));
    }
  }
  const int target = rank(include.name);
  if (target < 0) {
    if (include.quoted) out.push_back(place + "\"" + include.name + "\" is not written from the root of the tree");
    return;
  }
  if (target > rank(file.path)) {
    out.push_back(place + std::string(kFolders.at(static_cast<std::size_t>(rank(file.path)))) + " may not include " +
                  include.name + ", which lies to its right");
  }
  if (paths.count(include.name) == 0) out.push_back(place + include.name + " does not exist");
}

/// Each cycle of includes once, as "a.hpp -> b.hpp -> a.hpp".
std::vector<std::string> cycles(const std::map<std::string, std::vector<std::string>>& edges) {
  std::vector<std::string> found;
  std::vector<std::string> trail;
  std::set<std::string> done;
  const std::function<void(const std::string&)> visit = [&](const std::string& node) {
    const auto seen = std::find(trail.begin(), trail.end(), node);
    if (seen != trail.end()) {
      std::string cycle;
      for (auto step = seen; step != trail.end(); ++step) cycle += *step + " -> ";
      found.push_back(cycle + node);
      return;
    }
    if (done.count(node) > 0) return;
    trail.push_back(node);
    if (const auto next = edges.find(node); next != edges.end()) {
      for (const std::string& target : next->second) visit(target);
    }
    trail.pop_back();
    done.insert(node);
  };
  for (const auto& edge : edges) visit(edge.first);
  return found;
}

/// What is wrong with the includes of `files`, empty for a well-shaped tree.
std::vector<std::string> layering_faults(const std::vector<File>& files) {
  std::vector<std::string> out;
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);
  std::map<std::string, std::vector<std::string>> edges;
  for (const File& file : files) {
    if (!tree::is_source(file.path)) continue;
    for (const Include& include : tree::includes_of(file.text)) {
      check_include(file, include, paths, out);
      if (rank(include.name) >= 0) edges[file.path].push_back(include.name);
    }
  }
  for (const std::string& cycle : cycles(edges)) out.push_back("include cycle: " + cycle);
  return out;
}

/// Lines that name a folder of one machine: a home, or where the tree was built.
std::vector<std::string> path_faults(const std::vector<File>& files) {
  std::vector<std::string> out;
  const auto part_of_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("_.-/}").find(c) != std::string::npos;
  };
  for (const File& file : files) {
    for (std::string_view folder : {"work", "root", "home"}) {
      const std::string needle = "/" + std::string(folder);
      for (std::size_t at = file.text.find(needle); at != std::string::npos; at = file.text.find(needle, at + 1)) {
        const bool begins = at == 0 || !part_of_word(file.text[at - 1]);
        const std::size_t after = at + needle.size();
        const bool ends = after >= file.text.size() || file.text[after] == '/' || !part_of_word(file.text[after]);
        if (!begins || !ends) continue;
        const auto line = 1 + std::count(file.text.begin(), file.text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        out.push_back(file.path + ":" + std::to_string(line) + ": " + needle + " is a path of one machine");
      }
    }
  }
  return out;
}

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> faults_of(const std::string& path, const std::string& text) {
  return layering_faults({{path, text}, {"hardware/a.hpp", ""}, {"sim/b.hpp", ""}, {"scenarios/c.hpp", ""}});
}

TEST(Layering, HoldsInThisTree) {
  const std::vector<File> files = read_tree(orrery::tests::source_root());
  ASSERT_GT(files.size(), 20U) << "the tree was not found at " << orrery::tests::source_root();
  EXPECT_THAT(layering_faults(files), IsEmpty());
}

TEST(Layering, KnowsNoPathOfOneMachine) {
  EXPECT_THAT(path_faults(read_tree(orrery::tests::source_root())), IsEmpty());
}

TEST(LayeringChecker, TakesAnEdgeToTheLeftAndWithin) {
  EXPECT_THAT(faults_of("models/x.cpp", "#include <vector>\n#include \"sim/b.hpp\"\n#include \"hardware/a.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(faults_of("tests/sim/x_test.cpp", "#include \"scenarios/c.hpp\"\n"), IsEmpty());
}

TEST(LayeringChecker, FindsAnEdgeToTheRight) {
  EXPECT_THAT(faults_of("hardware/x.cpp", "// why\n#  include \"sim/b.hpp\"\n"),
              ElementsAre("hardware/x.cpp:2: hardware may not include sim/b.hpp, which lies to its right"));
  EXPECT_THAT(faults_of("calibrate/x.hpp", "#include <scenarios/c.hpp>"),
              ElementsAre("calibrate/x.hpp:1: calibrate may not include scenarios/c.hpp, which lies to its right"));
}

TEST(LayeringChecker, FindsTestsInTheProgram) {
  EXPECT_THAT(layering_faults({{"gui/x.cpp", "#include \"tests/t.hpp\""}, {"tests/t.hpp", ""}}),
              ElementsAre("gui/x.cpp:1: gui may not include tests/t.hpp, which lies to its right"));
}

TEST(LayeringChecker, FindsAnIncludeThatIsNotWrittenFromTheRoot) {
  EXPECT_THAT(faults_of("sim/x.cpp", "#include \"b.hpp\""),
              ElementsAre("sim/x.cpp:1: \"b.hpp\" is not written from the root of the tree"));
  EXPECT_THAT(faults_of("sim/x.cpp", "#include \"sim/gone.hpp\""),
              ElementsAre("sim/x.cpp:1: sim/gone.hpp does not exist"));
}

TEST(LayeringChecker, FindsACycle) {
  EXPECT_THAT(layering_faults({{"sim/a.hpp", "#include \"sim/b.hpp\""},
                               {"sim/b.hpp", "#include \"sim/c.hpp\""},
                               {"sim/c.hpp", "#include \"sim/b.hpp\""}}),
              ElementsAre("include cycle: sim/b.hpp -> sim/c.hpp -> sim/b.hpp"));
}

TEST(LayeringChecker, FindsALibraryOutsideItsPlace) {
  const std::map<std::string, std::pair<std::string, std::string>> cases = {
      // include → a file that may, a file that may not
      {"<yaml-cpp/yaml.h>", {"hardware/config/config_text.cpp", "hardware/config/config.hpp"}},
      {"<boost/pending/disjoint_sets.hpp>",
       {"hardware/topology/topology_joined.cpp", "hardware/topology/topology.cpp"}},
      {"<Eigen/Dense>", {"calibrate/fit.cpp", "calibrate/fit.hpp"}},
      {"<QWidget>", {"gui/window.cpp", "scenarios/run.cpp"}},
      {"<QtCore/QString>", {"gui/window.hpp", "sim/clock.cpp"}},
      {"<QtTest>", {"tests/gui/window_test.cpp", "tests/scenarios/run_test.cpp"}},
      {"<qcustomplot.h>", {"gui/view/plot.cpp", "scenarios/report.cpp"}},
      {"<cuda_runtime.h>", {"kernels/gemm/gpu.hpp", "kernels/gemm/gemm.cpp"}},
      {"<cublasLt.h>", {"kernels/cuda/cublaslt.hpp", "calibrate/execute.cpp"}},
      {"<nccl.h>", {"sim/collective/run.cu", "sim/collective/run.cpp"}},
      {"<nlohmann/json.hpp>", {"models/architectures/hf_config.cpp", "models/architectures/hf_config.hpp"}},
      {"<CLI/CLI.hpp>", {"scenarios/commands/command_line.cpp", "calibrate/fit.cpp"}},
  };
  for (const auto& [include, files] : cases) {
    EXPECT_THAT(faults_of(files.first, "#include " + include), IsEmpty()) << include << " in " << files.first;
    EXPECT_EQ(faults_of(files.second, "#include " + include).size(), 1U) << include << " in " << files.second;
  }
  EXPECT_THAT(faults_of("scenarios/kinds.hpp", "#include <nlohmann/json_fwd.hpp>"), IsEmpty());
  EXPECT_THAT(faults_of("sim/x.cpp", "#include <Eigen/Core>"),
              ElementsAre("sim/x.cpp:1: Eigen belongs to calibrate/*.cpp"));
}

TEST(LayeringChecker, FindsAPathOfOneMachine) {
  const std::string slash = "/";  // apart, so that this file passes its own test
  EXPECT_THAT(path_faults({{"sim/x.cpp", "\n\"" + slash + "home/me/data\""}}),
              ElementsAre("sim/x.cpp:2: " + slash + "home is a path of one machine"));
  EXPECT_EQ(path_faults({{"README.md", "cd " + slash + "root"}}).size(), 1U);
  EXPECT_EQ(path_faults({{"orrery", slash + "work"}}).size(), 1U);
  EXPECT_THAT(path_faults({{"sim/x.cpp", "time/work, $x/home, ../root, " + slash + "workshop, " + slash + "homes/a"}}),
              IsEmpty());
}

}  // namespace
}  // namespace orrery
