// What the tests of the front door share: running commands in this process, and a folder of their own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "scenarios/commands/command_line.hpp"
#include "tests/places.hpp"

namespace orrery::scenarios::testing {

/// What a command printed and returned.
struct Outcome {
  int code = 0;
  std::string out, err;
};

inline Outcome orrery(const std::vector<std::string>& args) {
  std::ostringstream out, err;
  const int code = run_command(args, out, err);
  return {code, out.str(), err.str()};
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string library(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(orrery::tests::source_root()) / "scenarios" / "library" / "training";
  return (folder / (name + ".yaml")).string();
}

/// Tests that write files do so in a folder that goes away with them.
class FolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "orrery-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

  std::filesystem::path folder_;
};

/// A small scenario that is well: GPT-2 124M on one node, quick to predict. Lines are counted by tests.
inline std::string small_scenario() {
  return "scenario: \"small\"\n"
         "model: gpt2-124m\n"
         "cluster:\n"
         "  node: dgx_a100\n"
         "  nodes: 1\n"
         "training:\n"
         "  sequence_length: 1024\n"
         "  global_batch_size: 64\n"
         "  micro_batch_size: 4\n"
         "  tensor_parallel: 2\n"
         "  data_parallel: 4\n";
}

/// `text` with the first `from` replaced by `to`.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace orrery::scenarios::testing
