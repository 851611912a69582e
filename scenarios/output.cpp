#include "scenarios/output.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/files.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::scenarios {

namespace fs = std::filesystem;
using hardware::ConfigError;

namespace {

/// A device such as /dev/stdout or /dev/null is written in place; anything else by rename.
bool is_special(const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  return !code && fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

}  // namespace

void check_writable(const std::string& path) {
  if (path.empty()) throw ConfigError("the name of an output file is empty");
  hardware::check_output_file(path);
  std::error_code code;
  if (is_special(path)) {
    if (::access(path.c_str(), W_OK) != 0) {
      throw ConfigError(fmt::format("{}: can't write: {}", hardware::quoted_path(path), std::strerror(errno)));
    }
    return;
  }
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, code)) {
    throw ConfigError(
        fmt::format("{}: can't write: there is no folder {}", hardware::quoted_path(path), folder.string()));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw ConfigError(fmt::format("{}: can't write: {}", hardware::quoted_path(path), std::strerror(errno)));
  }
}

bool same_file(const std::string& a, const std::string& b) {
  if (a == "-" || b == "-") return a == b;
  if (is_special(a) || is_special(b)) return false;
  std::error_code code;
  if (fs::equivalent(a, b, code) && !code) return true;
  const fs::path first = fs::weakly_canonical(fs::absolute(a, code), code);
  const fs::path second = fs::weakly_canonical(fs::absolute(b, code), code);
  return !first.empty() && first == second;
}

std::string name_with(const std::string& path, std::string_view part) {
  const fs::path target(path);
  const fs::path name = fmt::format("{}.{}{}", target.stem().string(), part, target.extension().string());
  return (target.parent_path() / name).string();
}

std::string partial_name(const std::string& path) { return name_with(path, "partial"); }

void write_output(const std::string& path, std::string_view content, bool partial) {
  write_output(
      path, [&](std::ostream& out) { out.write(content.data(), static_cast<std::streamsize>(content.size())); },
      partial);
}

void write_output(const std::string& path, const std::function<void(std::ostream&)>& writer, bool partial) {
  if (!is_special(path)) {
    hardware::replace_file(partial ? partial_name(path) : path, writer);
    return;
  }
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  writer(out);
  out.flush();
  if (!out) throw ConfigError(fmt::format("{}: can't write: {}", hardware::quoted_path(path), std::strerror(errno)));
}

}  // namespace orrery::scenarios
