#include "hardware/config/config_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/nearest_names.hpp"

namespace orrery::hardware {
namespace {

constexpr double kKi = 1024.0;

const std::vector<Unit>& size_units() {
  static const std::vector<Unit> units{
      {"B", 1.0},
      {"kB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12},
      {"PB", 1e15},
      {"KiB", kKi},
      {"MiB", kKi * kKi},
      {"GiB", kKi * kKi * kKi},
      {"TiB", kKi * kKi * kKi * kKi},
  };
  return units;
}

/// Links are sold in bits, memory in bytes: both are accepted, by the case of the letter.
const std::vector<Unit>& bandwidth_units() {
  static const std::vector<Unit> units{
      {"B/s", 1.0},
      {"kB/s", 1e3},
      {"MB/s", 1e6},
      {"GB/s", 1e9},
      {"TB/s", 1e12},
      {"Mb/s", 1e6 / 8},
      {"Gb/s", 1e9 / 8},
      {"Tb/s", 1e12 / 8},
      {"MiB/s", kKi * kKi},
      {"GiB/s", kKi * kKi * kKi},
      {"TiB/s", kKi * kKi * kKi * kKi},
  };
  return units;
}

const std::vector<Unit>& flop_rate_units() {
  static const std::vector<Unit> units{
      {"FLOP/s", 1.0}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}, {"PFLOP/s", 1e15}, {"EFLOP/s", 1e18}, {"TOP/s", 1e12},
  };
  return units;
}

const std::vector<Unit>& duration_units() {
  static const std::vector<Unit> units{
      {"ps", 1e-12}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"d", 86400.0},
  };
  return units;
}

const std::vector<Unit>& frequency_units() {
  static const std::vector<Unit> units{{"Hz", 1.0}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}};
  return units;
}

const std::vector<Unit>& power_units() {
  static const std::vector<Unit> units{{"W", 1.0}, {"kW", 1e3}, {"MW", 1e6}};
  return units;
}

const std::vector<Unit>& price_units() {
  static const std::vector<Unit> units{{"USD/h", 1.0}};
  return units;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Length of the decimal number that `text` begins with; 0 if there is none.
std::size_t number_length(std::string_view text) {
  const auto is_digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  std::size_t i = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const std::size_t digits = i;
  while (is_digit(i)) ++i;
  std::size_t count = i - digits;
  if (i < text.size() && text[i] == '.') {
    const std::size_t point = i++;
    while (is_digit(i)) ++i;
    count += i - point - 1;
  }
  if (count == 0) return 0;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::size_t exponent = i + 1;
    if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
    if (is_digit(exponent)) {
      while (is_digit(exponent)) ++exponent;
      i = exponent;
    }
  }
  return i;
}

std::optional<double> convert(std::string_view digits, std::string& error) {
  if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
  double value = 0.0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (code == std::errc::result_out_of_range || !std::isfinite(value)) {
    error = fmt::format("{} is outside the range of a number", in_quotes(digits));
    return std::nullopt;
  }
  if (code != std::errc{} || end != digits.data() + digits.size()) {
    error = fmt::format("{} is not a number", in_quotes(digits));
    return std::nullopt;
  }
  return value;
}

/// The double next to what is written in a unit below 1. No power of ten below 1 is a double, so that a product with
/// one is off by its last bit: the exponent of the text is shifted. REQUIRES a number, as convert() takes it, and a
/// unit that is a power of ten.
double shifted(std::string_view digits, const Unit& unit) {
  const std::size_t e = std::min(digits.find_first_of("eE"), digits.size());
  double exponent = std::round(std::log10(unit.scale)), value = 0.0;
  if (e < digits.size()) {
    std::string ignored;
    exponent += convert(digits.substr(e + 1), ignored).value_or(0.0);
  }
  std::string_view mantissa = digits.substr(0, e);
  if (mantissa.front() == '+') mantissa.remove_prefix(1);
  const std::string text = fmt::format("{}e{:.0f}", mantissa, exponent);
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The SI base unit, that a dimension's bounds are in.
std::string_view base_unit(const Dimension& dimension) {
  const auto& units = dimension.units;
  return std::find_if(units.begin(), units.end(), [](const Unit& unit) { return unit.scale == 1.0; })->name;
}

std::vector<std::string> unit_names(const Dimension& dimension) {
  std::vector<std::string> names;
  for (const Unit& unit : dimension.units) names.emplace_back(unit.name);
  return names;
}

}  // namespace

const Dimension& size_dimension() {
  static const Dimension dimension{"a size", "80 GiB", size_units()};
  return dimension;
}
const Dimension& bandwidth_dimension() {
  static const Dimension dimension{"a bandwidth", "450 GB/s", bandwidth_units(), 1.0, 1e18};
  return dimension;
}
const Dimension& flop_rate_dimension() {
  static const Dimension dimension{"a compute rate", "312 TFLOP/s", flop_rate_units(), 1.0, 1e24};
  return dimension;
}
const Dimension& duration_dimension() {
  static const Dimension dimension{"a duration", "1.5 us", duration_units(), 1e-15, 1e10};
  return dimension;
}
const Dimension& frequency_dimension() {
  static const Dimension dimension{"a frequency", "1.41 GHz", frequency_units(), 1.0, 1e15};
  return dimension;
}
const Dimension& power_dimension() {
  static const Dimension dimension{"a power", "400 W", power_units()};
  return dimension;
}
const Dimension& price_dimension() {
  static const Dimension dimension{"a price", "2 USD/h", price_units()};
  return dimension;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 60;
  if (text.size() <= kMost) return fmt::format("'{}'", text);
  std::size_t cut = kMost;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0u) == 0x80u) --cut;  // not inside a character
  return fmt::format("'{}…'", text.substr(0, cut));
}

std::string listed(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string did_you_mean(std::string_view word, const std::vector<std::string>& valid) {
  const std::vector<std::string> names = nearest_names(word, valid);
  if (names.empty()) return {};
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += in_quotes(names[i]);
  }
  return text + "?";
}

std::optional<double> parse_number(std::string_view text, std::string& error) {
  text = trim(text);
  if (text.empty() || number_length(text) != text.size()) {
    error = fmt::format("expected a number, found {}", in_quotes(text));
    return std::nullopt;
  }
  return convert(text, error);
}

std::optional<std::int64_t> parse_integer(std::string_view text, std::string& error) {
  text = trim(text);
  if (text.empty() || number_length(text) != text.size()) {
    error = fmt::format("expected a whole number, found {}", in_quotes(text));
    return std::nullopt;
  }
  const std::string_view digits = text.front() == '+' ? text.substr(1) : text;
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end == digits.data() + digits.size() && code == std::errc{}) return value;
  if (code == std::errc::result_out_of_range) {
    error = fmt::format("{} does not fit in 64 bits", in_quotes(text));
    return std::nullopt;
  }
  // "1e6" is whole; so is "2.5e3". Beyond 2^53 a double no longer tells.
  const std::optional<double> real = convert(text, error);
  if (!real) return std::nullopt;
  if (*real != std::floor(*real) || std::abs(*real) > 9007199254740992.0 ||
      digits.find_first_of("eE") == std::string_view::npos) {
    error = fmt::format("expected a whole number, found {}", in_quotes(text));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*real);
}

std::optional<double> parse_quantity(std::string_view text, const Dimension& dimension, std::string& error) {
  text = trim(text);
  const std::size_t length = number_length(text);
  if (length == 0) {
    error = fmt::format("expected {} such as '{}', found {}", dimension.what, dimension.example, in_quotes(text));
    return std::nullopt;
  }
  const std::string_view unit = trim(text.substr(length));
  const std::vector<std::string> names = unit_names(dimension);
  if (unit.empty()) {
    error = fmt::format("{} has no unit; {} needs one of: {}", in_quotes(text), dimension.what, listed(names));
    return std::nullopt;
  }
  const auto found = std::find_if(dimension.units.begin(), dimension.units.end(),
                                  [&](const Unit& candidate) { return candidate.name == unit; });
  if (found == dimension.units.end()) {
    error = fmt::format("{} is not a unit of {}; expected one of: {}{}", in_quotes(unit), dimension.what, listed(names),
                        did_you_mean(unit, names));
    return std::nullopt;
  }
  const std::optional<double> number = convert(text.substr(0, length), error);
  if (!number) return std::nullopt;
  const double value = found->scale < 1.0 ? shifted(text.substr(0, length), *found) : *number * found->scale;
  if (!std::isfinite(value)) {
    error = fmt::format("{} is outside the range of a number", in_quotes(text));
    return std::nullopt;
  }
  // Negative ones are for the range of the key to refuse.
  if (value > 0.0 && (value < dimension.least || value > dimension.most)) {
    error = fmt::format("{} is no {} that anything has: expected {:g} to {:g} {}", in_quotes(text),
                        dimension.what.substr(2), dimension.least, dimension.most, base_unit(dimension));
    return std::nullopt;
  }
  return value;
}

std::optional<Bytes> parse_bytes(std::string_view text, std::string& error) {
  const auto value = parse_quantity(text, size_dimension(), error);
  return value ? std::optional(Bytes{*value}) : std::nullopt;
}
std::optional<BytesPerSecond> parse_bandwidth(std::string_view text, std::string& error) {
  const auto value = parse_quantity(text, bandwidth_dimension(), error);
  return value ? std::optional(BytesPerSecond{*value}) : std::nullopt;
}
std::optional<Seconds> parse_duration(std::string_view text, std::string& error) {
  const auto value = parse_quantity(text, duration_dimension(), error);
  return value ? std::optional(Seconds{*value}) : std::nullopt;
}
std::optional<FlopsPerSecond> parse_flop_rate(std::string_view text, std::string& error) {
  const auto value = parse_quantity(text, flop_rate_dimension(), error);
  return value ? std::optional(FlopsPerSecond{*value}) : std::nullopt;
}

}  // namespace orrery::hardware
