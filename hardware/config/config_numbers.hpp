// Numbers and quantities as they are written in configuration files.
//
// A quantity is a decimal number, optional spaces and a unit. Used by MapReader and the parse_* functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::hardware {

/// One unit of a dimension and its size in the SI base unit.
struct Unit {
  std::string_view name;
  double scale;
};

/// A dimension: what it is called in messages, its units, and those that a message lists.
struct Dimension {
  std::string_view what;     ///< "a bandwidth"
  std::string_view example;  ///< "450 GB/s"
  const std::vector<Unit>& units;
  /// Values other than 0 that anything can have, in the SI base unit: what lies beyond is a slip of the pen, and would
  /// make times of 0 or without end.
  double least = 0.0, most = 1e300;
};

[[nodiscard]] const Dimension& size_dimension();
[[nodiscard]] const Dimension& bandwidth_dimension();
[[nodiscard]] const Dimension& flop_rate_dimension();
[[nodiscard]] const Dimension& duration_dimension();
[[nodiscard]] const Dimension& frequency_dimension();
[[nodiscard]] const Dimension& power_dimension();
[[nodiscard]] const Dimension& price_dimension();

/// A finite decimal number ("8", "-1.5e3"); nullopt with `error` filled for anything else: text, .nan, .inf,
/// hexadecimal, more than a double holds.
[[nodiscard]] std::optional<double> parse_number(std::string_view text, std::string& error);
/// A whole number ("8", "1e6"); nullopt with `error` filled for a fraction or more than 64 bits.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text, std::string& error);
/// A number and a unit of `dimension`, in SI base units; nullopt with `error` filled otherwise.
[[nodiscard]] std::optional<double> parse_quantity(std::string_view text, const Dimension& dimension,
                                                   std::string& error);

/// "'abc'", cut to a readable length.
[[nodiscard]] std::string in_quotes(std::string_view text);
/// "; did you mean 'a' or 'b'?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& valid);
/// "a, b, c".
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

}  // namespace orrery::hardware
