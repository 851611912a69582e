#include "scenarios/ask/words.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving/argument_names.hpp"

namespace orrery::scenarios {

using hardware::ConfigError;

namespace {

constexpr std::int64_t kMostTokens = 1'000'000'000;
/// Goals that somebody may have: what lies beyond is a slip of the pen.
constexpr Seconds kLeastGoal{1e-9}, kMostGoal{86'400.0};
constexpr double kMostSpread = 100.0, kMostPrice = 1e6;

[[noreturn]] void fail(std::string_view by, std::string_view text, std::string_view expected) {
  throw ConfigError(fmt::format("{} {}: expected {}", by, printable(text), expected));
}

double read_number(std::string_view text, std::string_view by, std::string_view whole, std::string_view expected,
                   double most) {
  std::string error;
  const std::optional<double> value = hardware::parse_number(text, error);
  if (!value || !(*value >= 0.0 && *value <= most)) fail(by, whole, expected);
  return *value;
}

}  // namespace

std::int64_t read_tokens(std::string_view text, std::string_view by) {
  std::string error;
  std::optional<std::int64_t> tokens = parse_readable_count(text);
  if (!tokens) tokens = hardware::parse_integer(text, error);
  if (!tokens || *tokens < 1 || *tokens > kMostTokens) {
    fail(by, text, "a number of tokens such as 2000, 32k (= 32,000) or 32K (= 32,768)");
  }
  return *tokens;
}

AskedLength read_asked_length(std::string_view text, std::string_view by) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.empty() || parts.size() > 3) fail(by, text, "tokens, or MEAN:CV:MOST such as 1155:0.96:7000");
  AskedLength length;
  length.mean = static_cast<double>(read_tokens(parts[0], by));
  if (parts.size() > 1)
    length.cv = read_number(parts[1], by, text, "a spread such as 0.96 after the mean, up to 100", kMostSpread);
  if (parts.size() > 2) length.most = read_tokens(parts[2], by);
  if (length.most > 0 && static_cast<double>(length.most) < length.mean) {
    fail(by, text, "the most tokens to be no less than their mean");
  }
  return length;
}

Seconds read_time(std::string_view text, std::string_view by) {
  // The scenario's quantities have a blank before the unit; a command line seldom does.
  const std::size_t unit = text.find_first_not_of("0123456789.+-eE ");
  std::string spaced(text);
  if (unit != std::string_view::npos && unit > 0 && text[unit - 1] != ' ') spaced.insert(unit, 1, ' ');
  std::string error;
  const std::optional<Seconds> time = hardware::parse_duration(spaced, error);
  if (!time || *time < kLeastGoal || *time > kMostGoal) fail(by, text, "a time such as 50ms or 5s, from 1ns to 24h");
  return *time;
}

ApiPrice read_api_price(std::string_view text, std::string_view by) {
  constexpr std::string_view kExpected =
      "CACHED/INPUT/OUTPUT in USD per million tokens, such as 0.14/0.55/2.19, each up to 1,000,000";
  const std::vector<std::string> parts = split(text, '/');
  if (parts.size() != 3) fail(by, text, kExpected);
  const auto price = [&](std::size_t i) { return read_number(parts[i], by, text, kExpected, kMostPrice); };
  return {price(0), price(1), price(2)};
}

std::int64_t read_count(std::string_view text, std::string_view by, std::int64_t most) {
  const std::string expected = fmt::format("a whole number from 1 to {}", most);
  const double value = read_number(text, by, text, expected, static_cast<double>(most));
  if (value < 1.0 || value != std::floor(value)) fail(by, text, expected);
  return static_cast<std::int64_t>(value);
}

double read_within(std::string_view text, std::string_view by, double least, double most) {
  const std::string expected = fmt::format("a number from {:g} to {:g}", least, most);
  const double value = read_number(text, by, text, expected, most);
  if (value < least) fail(by, text, expected);
  return value;
}

std::vector<std::string> split(std::string_view text, char sign) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(sign, at), text.size());
    std::string_view part = text.substr(at, end - at);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    parts.emplace_back(part);
    at = end + 1;
  }
  return parts;
}

}  // namespace orrery::scenarios
