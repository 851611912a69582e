#include "scenarios/format.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

constexpr double kKiB = 1024.0;

constexpr int kDigits = 4;
constexpr double kDigitRounding = 1e-9;  // of a logarithm and of a few multiplications, far below a digit that is shown

/// To kDigits significant ones.
double rounded(double value) {
  if (value == 0.0 || !std::isfinite(value)) return value;
  const double unit = std::pow(10.0, std::floor(std::log10(std::fabs(value))) - (kDigits - 1));
  return std::round(value / unit) * unit;
}

/// kDigits significant digits without an exponent for the sizes met here; 9.9999 is "10.00".
std::string significant(double value) {
  if (value == 0.0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::fabs(rounded(value))) + kDigitRounding));
  const int decimals = std::max(0, kDigits - 1 - magnitude);
  return fmt::format("{:.{}f}", value, decimals);
}

std::string readable_seconds(double value) {
  const double size = std::fabs(rounded(value)) * (1.0 + kDigitRounding);
  constexpr double kOnlyPower = 1e9;  // more digits than anyone reads
  if (size >= kOnlyPower) return fmt::format("{:.{}g} s", value, kDigits);
  if (size >= 1.0 || value == 0.0) return significant(value) + " s";
  if (size >= 1e-3) return significant(value * 1e3) + " ms";
  if (size >= 1e-6) return significant(value * 1e6) + " us";
  return significant(value * 1e9) + " ns";
}

std::string readable_bytes(double value) {
  double scaled = value;
  for (const std::string_view unit : {"B", "KiB", "MiB"}) {
    if (std::fabs(rounded(scaled)) < kKiB) return fmt::format("{} {}", significant(scaled), unit);
    scaled /= kKiB;
  }
  return significant(scaled) + " GiB";
}

}  // namespace

std::string readable(double value, Unit unit) {
  switch (unit) {
    case Unit::seconds:
      return readable_seconds(value);
    case Unit::bytes:
      return readable_bytes(value);
    case Unit::ratio:
      return fmt::format("{:.2f} %", value * 100.0);
    case Unit::tflops:
      return significant(value) + " TFLOP/s";
    case Unit::tokens_per_second:
      return significant(value) + " tokens/s";
    case Unit::hours:
      return significant(value) + " h";
    case Unit::dollars:
      return significant(value) + " USD";
    case Unit::flag:
      return value != 0.0 ? "yes" : "no";
    case Unit::requests_per_second:
      return significant(value) + " requests/s";
    case Unit::bytes_per_second:
      return significant(value / 1e9) + " GB/s";
    case Unit::count:
      return fmt::format("{:.0f}", value);
    case Unit::number:
      return significant(value);
  }
  return "";
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::ptrdiff_t sign = value < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > sign; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string printable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    safe += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return safe;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  const auto [end, code] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return code == std::errc{} ? std::string(buffer.data(), end) : std::string("0");
}

}  // namespace orrery::scenarios
