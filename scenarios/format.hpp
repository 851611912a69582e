// Numbers as people read them ("13.75 s", "45.6 GiB") and as programs read them (shortest round trip).
#pragma once

#include <string>

#include "scenarios/metrics.hpp"

namespace orrery::scenarios {

/// Four significant digits with a unit chosen by size: seconds as s, ms, µs, bytes as GiB, MiB, KiB.
[[nodiscard]] std::string readable(double value, Unit unit);

/// Shortest decimal text that reads back as the same double. REQUIRES a finite value.
[[nodiscard]] std::string shortest(double value);

}  // namespace orrery::scenarios
