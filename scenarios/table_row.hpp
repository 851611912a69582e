// One row of a table of measurements, by column name.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "calibrate/tables.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::scenarios {

/// Why a row can't be expressed as a job; caught row by row.
struct NotExpressible {
  std::string reason;
};

/// Empty and absent fields read as nullopt.
class TableRow {
 public:
  TableRow(const calibrate::CsvTable& table, std::size_t index) : table_(&table), index_(index) {}

  [[nodiscard]] std::string text(std::string_view column) const {
    const int at = table_->column(column);
    return at < 0 ? std::string() : table_->rows[index_][static_cast<std::size_t>(at)];
  }

  /// A finite one: "nan" and "inf" are none.
  [[nodiscard]] std::optional<double> number(std::string_view column) const {
    const std::string field = text(column);
    double value = 0.0;
    const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (field.empty() || code != std::errc{} || end != field.data() + field.size()) return std::nullopt;
    return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
  }

  /// A number within [least, most]. Throws NotExpressible otherwise.
  [[nodiscard]] double between(std::string_view column, double least, double most) const {
    const std::optional<double> value = number(column);
    if (const std::string field = text(column); !value && !field.empty()) {
      throw NotExpressible{fmt::format("{} is {}, no number", column, hardware::shown(field, 40))};
    }
    if (!value) throw NotExpressible{fmt::format("{} is not given", column)};
    if (!(*value >= least && *value <= most)) throw NotExpressible{fmt::format("{} is {}", column, text(column))};
    return *value;
  }

  /// A count of at least `least` that fits a 32-bit integer. Throws NotExpressible otherwise.
  [[nodiscard]] std::int64_t count(std::string_view column, std::int64_t least = 1) const {
    return static_cast<std::int64_t>(between(column, static_cast<double>(least), 2147483647.0));
  }
  [[nodiscard]] std::int64_t count_or(std::string_view column, std::int64_t fallback) const {
    return text(column).empty() ? fallback : count(column, 0);
  }

  /// Of the file; its header is line 1.
  [[nodiscard]] int line() const { return static_cast<int>(index_) + 2; }

 private:
  const calibrate::CsvTable* table_;
  std::size_t index_;
};

}  // namespace orrery::scenarios
