// Rounding of seconds to picoseconds and the refusal of what does not fit.
#include "sim/clock.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

TEST(Clock, SecondsRoundToTheNearestPicosecond) {
  EXPECT_EQ(to_sim_time(Seconds{0.0}), 0u);
  EXPECT_EQ(to_sim_time(Seconds{1.0}), 1'000'000'000'000u);
  EXPECT_EQ(to_sim_time(Seconds{1.3e-6}), 1'300'000u);
  EXPECT_EQ(to_sim_time(Seconds{1.4e-12}), 1u);
  EXPECT_EQ(to_sim_time(Seconds{1.6e-12}), 2u);
  EXPECT_EQ(to_sim_time(Seconds{0.4e-12}), 0u);
}

TEST(Clock, IntegerSumsDoNotDependOnGrouping) {
  // 10^7 × 1.3 µs = 13 s exactly; the same sum in double is 2.6 ns off.
  SimTime sum = 0;
  for (int i = 0; i < 10'000'000; ++i) sum += to_sim_time(Seconds{1.3e-6});
  EXPECT_EQ(sum, 13 * kPicosecondsPerSecond);
}

TEST(Clock, ImpossibleDurationsAreRefused) {
  EXPECT_THROW((void)to_sim_time(Seconds{-1e-9}), TimeOverflow);
  EXPECT_THROW((void)to_sim_time(Seconds{std::numeric_limits<double>::quiet_NaN()}), TimeOverflow);
  EXPECT_THROW((void)to_sim_time(Seconds{std::numeric_limits<double>::infinity()}), TimeOverflow);
  // 2^64 ps = 18,446,744.07 s = 213.5 days
  EXPECT_THROW((void)to_sim_time(Seconds{18'446'745.0}), TimeOverflow);
  EXPECT_NO_THROW((void)to_sim_time(Seconds{18'446'744.0}));
}

TEST(Clock, AdditionThrowsInsteadOfWrapping) {
  const SimTime last = std::numeric_limits<SimTime>::max();
  EXPECT_EQ(checked_add(last - 1, 1), last);
  EXPECT_THROW((void)checked_add(last, 1), TimeOverflow);
}

TEST(Clock, PicosecondsReadBackAsSeconds) { EXPECT_DOUBLE_EQ(to_seconds(1'500'000'000'000).value(), 1.5); }

}  // namespace
}  // namespace orrery::sim
