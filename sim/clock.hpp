// Simulated time: unsigned 64-bit picoseconds, 213 days.
//
// Integer time makes addition associative, so that equal times are really equal and no result depends on
// how a sum was grouped. Seconds become SimTime in one place, rounded to nearest once.
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>

#include "hardware/units.hpp"

namespace orrery::sim {

using SimTime = std::uint64_t;

inline constexpr SimTime kPicosecondsPerSecond = 1'000'000'000'000;
/// A time that does not come: nothing is due.
inline constexpr SimTime kNever = std::numeric_limits<SimTime>::max();

/// Simulated time ran past 2^64 ps, or a duration was negative or not a number.
class TimeOverflow : public std::overflow_error {
 public:
  using std::overflow_error::overflow_error;
};

/// Rounds to the nearest picosecond. Throws TimeOverflow on a negative, non-finite or too large duration.
[[nodiscard]] SimTime to_sim_time(Seconds seconds);

[[nodiscard]] constexpr Seconds to_seconds(SimTime time) { return Seconds{static_cast<double>(time) * 1e-12}; }

/// a + b. Throws TimeOverflow instead of wrapping.
[[nodiscard]] inline SimTime checked_add(SimTime a, SimTime b) {
  SimTime sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw TimeOverflow("simulated time exceeds 2^64 picoseconds (213 days)");
  return sum;
}

/// a · times. Throws TimeOverflow instead of wrapping.
[[nodiscard]] inline SimTime checked_multiply(SimTime a, std::uint64_t times) {
  SimTime product = 0;
  if (__builtin_mul_overflow(a, times, &product)) {
    throw TimeOverflow("simulated time exceeds 2^64 picoseconds (213 days)");
  }
  return product;
}

}  // namespace orrery::sim
