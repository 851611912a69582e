// Seconds → picoseconds, in one place and with one rounding.
#include "sim/clock.hpp"

#include <cmath>

#include <fmt/format.h>

namespace orrery::sim {

SimTime to_sim_time(Seconds seconds) {
  // 2^64 is a double, and every double below it fits.
  constexpr double kLimit = 18446744073709551616.0;
  const double picoseconds = std::round(seconds.value() * 1e12);
  if (!(picoseconds >= 0.0 && picoseconds < kLimit)) {
    throw TimeOverflow(
        fmt::format("a duration of {} s is not between 0 and 2^64 picoseconds (213 days)", seconds.value()));
  }
  return static_cast<SimTime>(picoseconds);
}

}  // namespace orrery::sim
