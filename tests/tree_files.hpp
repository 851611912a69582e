// The files of the tree and what they include, for the tests of its shape.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::tree {

namespace fs = std::filesystem;

inline constexpr std::array<std::string_view, 8> kFolders = {"hardware",  "kernels",   "sim", "models",
                                                             "calibrate", "scenarios", "gui", "tests"};

struct File {
  std::string path;  ///< from the root, with '/'
  std::string text;
};

struct Include {
  std::string name;
  bool quoted = false;
  int line = 0;
};

inline bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}
inline bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

/// Every #include line of a source.
inline std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line[0] != '#') continue;
    line.erase(0, line.find_first_not_of(" \t", 1));
    if (!starts_with(line, "include")) continue;
    const std::size_t open = line.find_first_of("<\"");
    if (open == std::string::npos) continue;
    const std::size_t close = line.find_first_of(">\"", open + 1);
    if (close == std::string::npos) continue;
    found.push_back({line.substr(open + 1, close - open - 1), line[open] == '"', number});
  }
  return found;
}

inline bool is_source(std::string_view path) {
  for (std::string_view ending : {".cpp", ".hpp", ".h", ".cu", ".cuh"}) {
    if (ends_with(path, ending)) return true;
  }
  return false;
}

/// Every file of the tree's folders and of its root. Build folders and hidden ones lie outside.
inline std::vector<File> read_tree(const fs::path& root) {
  std::vector<File> files;
  const auto read = [&](const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    files.push_back({fs::relative(path, root).generic_string(),
                     {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
  };
  for (const auto& entry : fs::directory_iterator(root)) {
    // Of a second working tree, .git is a file that says where the first lies.
    if (entry.is_regular_file() && entry.path().filename() != ".git") read(entry.path());
  }
  for (std::string_view folder : kFolders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      // A fuzzing corpus is arbitrary bytes.
      if (entry.is_regular_file() && entry.path().string().find("/corpus/") == std::string::npos) read(entry.path());
    }
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

}  // namespace orrery::tree
