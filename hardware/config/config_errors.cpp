// Diagnostics of the configuration reader, and reading a file within its limit.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <system_error>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/config_text.hpp"
#include "hardware/config/files.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::hardware {
namespace {

std::string join(const std::vector<Diagnostic>& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!text.empty()) text += '\n';
    text += diagnostic.str();
  }
  return text;
}

}  // namespace

std::string Diagnostic::str() const {
  if (file.empty()) return message;
  const std::string name = quoted_path(file);
  if (span.line == 0) return fmt::format("{}: {}", name, message);
  return fmt::format("{}:{}:{}: {}", name, span.line, span.column, message);
}

ConfigError::ConfigError(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(join(diagnostics)), diagnostics_(std::move(diagnostics)) {}

ConfigError::ConfigError(std::string message) : ConfigError(std::vector<Diagnostic>{{"", {}, std::move(message)}}) {}

void Diagnostics::error(const SourceSpan& span, std::string message) {
  items_.push_back({file_, span, std::move(message)});
}

void Diagnostics::throw_if_any() const {
  if (items_.empty()) return;
  std::vector<Diagnostic> sorted = items_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.span.begin < b.span.begin; });
  throw ConfigError(std::move(sorted));
}

const ConfigNode* ConfigNode::find(std::string_view key) const {
  for (const auto& [name, node] : entries) {
    if (name == key) return node.get();
  }
  return nullptr;
}

std::string read_text_file(const std::string& path) {
  const auto fail = [&](const std::string& why) { throw ConfigError({{path, {}, why}}); };
  const bool standard_input = path == "-";
  if (!standard_input) check_input_file(path);
  errno = 0;
  std::ifstream file;
  if (!standard_input) file.open(path, std::ios::binary);
  std::istream& stream = standard_input ? std::cin : file;
  if (!stream && !(standard_input && stream.eof())) fail(fmt::format("can't be read: {}", std::strerror(errno)));
  // Never more than the limit and a piece, whatever the file's size.
  std::string text;
  std::string chunk(std::size_t{64} << 10, '\0');
  while (stream && text.size() <= kMaxConfigBytes) {
    stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk, 0, static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) fail("can't be read");
  check_config_size(text, path);
  return text;
}

void check_config_size(std::string_view text, const std::string& file) {
  if (text.size() <= kMaxConfigBytes) return;
  const std::string_view taken = text.substr(0, kMaxConfigBytes);
  const auto lines = static_cast<int>(std::count(taken.begin(), taken.end(), '\n'));
  const std::size_t last = taken.rfind('\n');
  const auto column = static_cast<int>(last == std::string_view::npos ? kMaxConfigBytes : kMaxConfigBytes - last - 1);
  throw ConfigError({{file,
                      {lines + 1, column + 1, kMaxConfigBytes, kMaxConfigBytes},
                      "larger than 8 MiB: nothing from here on is read"}});
}

NodePtr load_config(const std::string& path) { return parse_config(read_text_file(path), path); }

}  // namespace orrery::hardware
