#include "models/architectures/config_text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace orrery::models {

using hardware::ConfigError;
using hardware::Diagnostic;
using hardware::SourceSpan;

namespace {

constexpr std::size_t kLargestText = std::size_t{8} << 20;
constexpr int kDeepest = 64;

/// Walks JSON (or what claims to be it) once; never recurses.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// Position of the first bracket nested too deep, if any.
  std::optional<std::size_t> run() {
    for (std::size_t at = 0; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '"') {
        at = string_end(at);
      } else if (c == '{' || c == '[') {
        if (++depth_ > kDeepest) return at;
      } else if (c == '}' || c == ']') {
        if (--depth_ == 0) finish_value(at);
      } else if (depth_ == 1 && c == ':') {
        keys_.push_back({last_string_, next_token(at + 1), 0});
        open_ = true;
      } else if (depth_ == 1 && c == ',') {
        finish_value(at);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] const std::vector<TopLevelKey>& keys() const { return keys_; }

 private:
  std::size_t string_end(std::size_t begin) {
    std::size_t at = begin + 1;
    while (at < text_.size() && text_[at] != '"') at += text_[at] == '\\' ? 2 : 1;
    if (depth_ == 1) last_string_ = std::string(text_.substr(begin + 1, std::min(at, text_.size()) - begin - 1));
    return at;
  }

  [[nodiscard]] std::size_t next_token(std::size_t at) const {
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t' || text_[at] == '\n' || text_[at] == '\r')) ++at;
    return at;
  }

  void finish_value(std::size_t end) {
    if (!open_) return;
    while (end > keys_.back().value_begin && std::string_view(" \t\r\n").find(text_[end - 1]) != std::string_view::npos)
      --end;
    keys_.back().value_end = end;
    open_ = false;
  }

  std::string_view text_;
  int depth_ = 0;
  bool open_ = false;
  std::string last_string_;
  std::vector<TopLevelKey> keys_;
};

}  // namespace

void fail_at(const std::string& file, const SourceSpan& span, std::string message) {
  throw ConfigError(std::vector<Diagnostic>{Diagnostic{file, span, std::move(message)}});
}

SourceSpan Places::at(std::size_t begin, std::size_t end) {
  begin = std::min(begin, text_.size());
  for (; seen_ < begin; ++seen_) {
    if (text_[seen_] != '\n') continue;
    ++line_;
    line_begin_ = seen_ + 1;
  }
  SourceSpan span;
  span.line = line_;
  span.column = static_cast<int>(begin - line_begin_) + 1;
  span.begin = begin;
  span.end = std::min(std::max(begin, end), text_.size());
  return span;
}

SourceSpan place_in(std::string_view text, std::size_t begin, std::size_t end) { return Places(text).at(begin, end); }

std::vector<TopLevelKey> top_level_keys(std::string_view text, const std::string& file) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) fail_at(file, SourceSpan{}, "the file is empty");
  if (text.size() > kLargestText) fail_at(file, SourceSpan{}, "the file is larger than 8 MiB");
  Scanner scanner(text);
  if (const auto deep = scanner.run()) {
    fail_at(file, place_in(text, *deep, *deep + 1), fmt::format("nested deeper than {} levels", kDeepest));
  }
  return scanner.keys();
}

std::string without_python_words(std::string_view text) {
  std::string result(text);
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (inside && c == '\\') {
      ++at;
      continue;
    }
    if (c == '"') inside = !inside;
    if (inside) continue;
    const bool negative = c == '-';
    const std::string_view rest = text.substr(at + (negative ? 1 : 0));
    const bool infinite = rest.substr(0, kPythonInfinity.size()) == kPythonInfinity;
    if (!infinite && (negative || rest.substr(0, kPythonNan.size()) != kPythonNan)) continue;
    const std::size_t length = (infinite ? kPythonInfinity.size() : kPythonNan.size()) + (negative ? 1 : 0);
    std::string word = {'"', kPythonMark};
    if (infinite) word += negative ? '-' : '+';
    word += '"';
    result.replace(at, length, word + std::string(length - word.size(), ' '));
    at += length - 1;
  }
  return result;
}

}  // namespace orrery::models
