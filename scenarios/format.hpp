// Numbers as people read them ("13.75 s", "45.6 GiB") and as programs read them (shortest round trip).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "scenarios/metrics.hpp"

namespace orrery::scenarios {

/// Four significant digits with a unit chosen by size: seconds as s, ms, us, bytes as GiB, MiB, KiB.
[[nodiscard]] std::string readable(double value, Unit unit);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::int64_t value);

/// For a terminal: bytes that would move its cursor or change its colours as "\\x1b". Whatever a file says goes through
/// it.
[[nodiscard]] std::string printable(std::string_view text);

/// A cell of a CSV row as RFC 4180 has it: one with a comma, quote or line end is quoted, quotes are doubled.
[[nodiscard]] std::string csv_field(std::string_view text);

/// Shortest decimal text that reads back as the same double. REQUIRES a finite value.
[[nodiscard]] std::string shortest(double value);

}  // namespace orrery::scenarios
