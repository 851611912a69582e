#include "hardware/config/shown.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::hardware {

std::string printable(std::string_view text, std::size_t most) {
  std::string result(text.substr(0, most));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > most ? result + "…" : result;
}

std::string quoted_path(const std::string& path) {
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (std::any_of(path.begin(), path.end(), is_control)) {
    std::string result = "$'";
    for (const char c : path) {
      result += is_control(c)            ? fmt::format("\\x{:02x}", c)
                : c == '\'' || c == '\\' ? std::string("\\") + c
                                         : std::string(1, c);
    }
    return result + "'";
  }
  if (path.find_first_of(" \t\n'\"\\$`&|;<>(){}*?!#") == std::string::npos) return path;
  std::string result = "'";
  for (const char c : path) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::string shown(std::string_view text, std::size_t most) { return '"' + printable(text, most) + '"'; }

}  // namespace orrery::hardware
