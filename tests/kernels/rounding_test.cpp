#include "kernels/rounding.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace orrery::kernels {
namespace {

TEST(Rounding, IsThatOfTheLibrary) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-10.0, 70.0);
  for (int i = 0; i < 100000; ++i) {
    const double x = std::exp2(exponent(random));
    for (const double y : {x, std::floor(x), std::nextafter(std::floor(x), 0.0), std::nextafter(std::ceil(x), 1e300)}) {
      if (y < 0.0) continue;
      ASSERT_EQ(ceil_of_count(y), std::ceil(y)) << y;
      ASSERT_EQ(floor_of_count(y), std::floor(y)) << y;
    }
  }
  EXPECT_EQ(ceil_of_count(0.0), 0.0);
}

}  // namespace
}  // namespace orrery::kernels
