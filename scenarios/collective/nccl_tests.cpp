#include "scenarios/collective/nccl_tests.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "scenarios/format.hpp"

namespace orrery::scenarios {
namespace {

struct Word {
  std::string_view text;
  int column = 1;
};

std::vector<Word> words_in(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
      ++at;
      continue;
    }
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back({line.substr(at, end - at), static_cast<int>(at) + 1});
    at = end;
  }
  return words;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

[[noreturn]] void refuse(const std::string& file, int line, int column, std::string message) {
  throw hardware::ConfigError({{file, {line, column}, std::move(message)}});
}

// size, count, type; then the reduction and the root, which older versions leave out where there is none; then the
// time.
NcclTestsRow read_row(const std::vector<Word>& words, const std::string& file, int line) {
  std::size_t at = 3;
  if (at < words.size() && !number_in(words[at].text)) ++at;  // redop: a word
  const bool has_root =
      at > 3 && at < words.size() && words[at].text.find('.') == std::string_view::npos && at + 3 < words.size();
  if (has_root) ++at;
  if (at >= words.size()) {
    refuse(file, line, words.back().column,
           fmt::format("a row of nccl-tests has a size, count, type and time; this one ends after '{}'",
                       printable(words.back().text)));
  }
  const auto time = number_in(words[at].text);
  const auto size = number_in(words[0].text);
  if (!time || !(*time > 0.0)) {
    refuse(file, line, words[at].column,
           fmt::format("the time '{}' is no positive number of microseconds", printable(words[at].text)));
  }
  if (!size || !(*size > 0.0)) {
    refuse(file, line, words[0].column, fmt::format("the size '{}' is no number of bytes", printable(words[0].text)));
  }
  return {line, Bytes{*size}, std::string(words[2].text), Seconds{*time * 1e-6}};
}

}  // namespace

std::vector<NcclTestsRow> read_nccl_tests(const std::string& path) {
  const std::string text = hardware::read_text_file(path);
  std::vector<NcclTestsRow> rows;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::vector<Word> words = words_in(std::string_view(text).substr(at, end - at));
    ++number;
    at = end + 1;
    // A log has other lines: a row begins with two whole numbers and a type.
    if (words.size() < 3 || !is_digits(words[0].text) || !is_digits(words[1].text) || number_in(words[2].text))
      continue;
    if (words[0].text == "0") continue;  // nccl-tests prints sizes below one element as 0
    rows.push_back(read_row(words, path, number));
  }
  if (rows.empty()) {
    throw hardware::ConfigError(
        fmt::format("{}: no row of nccl-tests (size, count, type, redop, root, time, algbw, busbw)", printable(path)));
  }
  return rows;
}

}  // namespace orrery::scenarios
