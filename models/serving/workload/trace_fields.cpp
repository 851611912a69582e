// Exact readers: no time passes through a double unless it is written with an exponent, and no libm is involved.
#include "models/serving/workload/trace_fields.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"

namespace orrery::models {
namespace {

using hardware::shown;

constexpr int kPicosecondDigits = 12;

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
  throw std::invalid_argument(fmt::format(format, std::forward<Args>(args)...));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool whole(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::uint64_t power_of_ten(int exponent) {
  std::uint64_t result = 1;
  for (int i = 0; i < exponent; ++i) result *= 10;
  return result;
}

/// Digits behind a decimal point in units of 10^-places, the rest rounded to nearest.
std::uint64_t parse_fraction(std::string_view digits, int places) {
  std::uint64_t value = 0;
  for (int i = 0; i < places; ++i) {
    const auto at = static_cast<std::size_t>(i);
    value = 10 * value + (at < digits.size() ? static_cast<std::uint64_t>(digits[at] - '0') : 0);
  }
  const auto next = static_cast<std::size_t>(places);
  return value + (next < digits.size() && digits[next] >= '5' ? 1 : 0);
}

TraceTime with_carry(std::uint64_t seconds, std::uint64_t picoseconds) {
  return {static_cast<std::int64_t>(seconds + picoseconds / sim::kPicosecondsPerSecond),
          picoseconds % sim::kPicosecondsPerSecond};
}

/// "1.5e-05", as some writers put small numbers.
TraceTime parse_scientific(std::string_view field, std::string_view text, int unit_digits) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr double kMost = 18446744073709549568.0;  // the largest double below 2^64
  const double picoseconds =
      std::floor(value * static_cast<double>(power_of_ten(kPicosecondDigits - unit_digits)) + 0.5);
  if (error != std::errc{} || end != text.data() + text.size() || !(picoseconds >= 0.0 && picoseconds <= kMost)) {
    refuse("{}: {} is not a time from 0 to 213 days", field, shown(text));
  }
  return with_carry(0, static_cast<std::uint64_t>(picoseconds));
}

/// Reads exactly `count` digits off the front of `rest`.
bool take_digits(std::string_view& rest, std::size_t count, int& value) {
  if (rest.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(rest[i])) return false;
    value = 10 * value + (rest[i] - '0');
  }
  rest.remove_prefix(count);
  return true;
}

bool take_char(std::string_view& rest, std::string_view choices) {
  if (rest.empty() || choices.find(rest.front()) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

/// The seconds that "+hh:mm" is ahead of UTC; nothing and Z are none.
bool take_offset(std::string_view& rest, int& seconds) {
  seconds = 0;
  if (rest.empty() || take_char(rest, "Z")) return rest.empty();
  const int sign = rest.front() == '-' ? -1 : 1;
  int hours = 0, minutes = 0;
  if (!take_char(rest, "+-") || !take_digits(rest, 2, hours) || !take_char(rest, ":")) return false;
  if (!take_digits(rest, 2, minutes) || hours > 23 || minutes > 59) return false;
  seconds = sign * (3600 * hours + 60 * minutes);
  return rest.empty();
}

bool read_date_time(std::string_view rest, TraceTime& time) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_digits(rest, 4, year) || !take_char(rest, "-") || !take_digits(rest, 2, month)) return false;
  if (!take_char(rest, "-") || !take_digits(rest, 2, day) || !take_char(rest, " T")) return false;
  if (!take_digits(rest, 2, hour) || !take_char(rest, ":") || !take_digits(rest, 2, minute)) return false;
  if (!take_char(rest, ":") || !take_digits(rest, 2, second)) return false;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (year < 1970 || !date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  std::string_view fraction;
  if (take_char(rest, ".")) {
    const std::size_t digits =
        static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin());
    if (digits == 0) return false;
    fraction = rest.substr(0, digits);
    rest.remove_prefix(digits);
  }
  int offset = 0;
  if (!take_offset(rest, offset)) return false;
  const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  time = with_carry(0, parse_fraction(fraction, kPicosecondDigits));
  time.seconds += 86'400 * days + 3600 * hour + 60 * minute + second - offset;
  return true;
}

}  // namespace

std::vector<std::string_view> split_cells(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

std::string_view first_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  return !line.empty() && line.back() == '\r' ? line.substr(0, line.size() - 1) : line;
}

bool has_columns(std::string_view header, const std::vector<std::string_view>& columns) {
  const auto cells = split_cells(header);
  return std::all_of(columns.begin(), columns.end(),
                     [&](std::string_view column) { return std::count(cells.begin(), cells.end(), column) == 1; });
}

void require_columns(std::string_view header, const std::vector<std::string_view>& columns) {
  const auto cells = split_cells(header);
  for (const std::string_view column : columns) {
    const auto times = std::count(cells.begin(), cells.end(), column);
    if (times == 1) continue;
    refuse("the header {} the column {}", times == 0 ? "lacks" : "repeats", column);
  }
}

std::string_view csv_cell(std::string_view header, std::string_view line, std::string_view column) {
  const auto count = [](std::string_view text) { return std::count(text.begin(), text.end(), ',') + 1; };
  if (count(header) != count(line)) {
    refuse("the line has {} cells, the header {}: is the line cut short?", count(line), count(header));
  }
  while (header.substr(0, header.find(',')) != column) {
    if (header.find(',') == std::string_view::npos) refuse("the header lacks the column {}", column);
    header.remove_prefix(header.find(',') + 1);
    line.remove_prefix(line.find(',') + 1);
  }
  return line.substr(0, line.find(','));
}

std::int64_t parse_tokens(std::string_view field, std::string_view text) {
  std::uint64_t value = 0;
  if (!whole(text, value) || value < 1 || value > static_cast<std::uint64_t>(kMostTokens)) {
    refuse("{}: {} is not a whole number of tokens from 1 to {}", field, shown(text), kMostTokens);
  }
  return static_cast<std::int64_t>(value);
}

void set_lengths(TraceEntry& entry, std::string_view input_field, std::string_view input, std::string_view output_field,
                 std::string_view output) {
  std::uint64_t answer = 1;
  if (whole(output, answer) && answer == 0) {
    std::uint64_t prompt = 0;
    entry.input_tokens = whole(input, prompt) && prompt == 0 ? 0 : parse_tokens(input_field, input);
    entry.output_tokens = 0;
    return;
  }
  entry.input_tokens = parse_tokens(input_field, input);
  entry.output_tokens = parse_tokens(output_field, output);
}

std::uint64_t parse_block_id(std::string_view field, std::string_view text) {
  std::uint64_t value = 0;
  if (!whole(text, value) || value >= kSystemPromptNames) {
    refuse("{}: {} is not a block's id, a whole number from 0 to {}", field, shown(text), kSystemPromptNames - 1);
  }
  return value;
}

TraceTime parse_time(std::string_view field, std::string_view text, int unit_digits) {
  if (text.find_first_of("eE") != std::string_view::npos) return parse_scientific(field, text, unit_digits);
  const std::size_t point = text.find('.');
  const std::string_view fraction = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  std::uint64_t units = 0;
  const bool digits = std::all_of(fraction.begin(), fraction.end(), is_digit);
  if (!whole(text.substr(0, point), units) || !digits || (point != std::string_view::npos && fraction.empty())) {
    refuse("{}: {} is not a time, a decimal number of {} from 0", field, shown(text),
           unit_digits == 9   ? "nanoseconds"
           : unit_digits == 3 ? "milliseconds"
                              : "seconds");
  }
  const std::uint64_t per_second = power_of_ten(unit_digits);
  const std::uint64_t picoseconds = (units % per_second) * power_of_ten(kPicosecondDigits - unit_digits) +
                                    parse_fraction(fraction, kPicosecondDigits - unit_digits);
  constexpr std::uint64_t kMostSeconds = 1'000'000'000'000;  // 30,000 years; keeps sums of them in 64 bits
  if (units / per_second > kMostSeconds) refuse("{}: {} is too late", field, shown(text));
  return with_carry(units / per_second, picoseconds);
}

TraceTime parse_date_time(std::string_view field, std::string_view text) {
  TraceTime time;
  if (!read_date_time(text, time)) {
    refuse("{}: {} is not a date and time such as 2023-11-16 18:15:46.6805900", field, shown(text));
  }
  return time;
}

}  // namespace orrery::models
