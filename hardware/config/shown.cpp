#include "hardware/config/shown.hpp"

namespace orrery::hardware {

std::string printable(std::string_view text, std::size_t most) {
  std::string result(text.substr(0, most));
  for (char& c : result) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text.size() > most ? result + "…" : result;
}

std::string quoted_path(const std::string& path) {
  if (path.find_first_of(" \t\n'\"\\$`&|;<>(){}*?!#") == std::string::npos) return path;
  std::string result = "'";
  for (const char c : path) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::string shown(std::string_view text, std::size_t most) { return '"' + printable(text, most) + '"'; }

}  // namespace orrery::hardware
