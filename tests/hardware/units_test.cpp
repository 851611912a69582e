// Quantities: what may be multiplied with what, at which scale, and what the compiler refuses.
#include "hardware/units.hpp"

#include <cmath>
#include <limits>
#include <type_traits>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Multipliable = requires(A a, B b) {
  a* b;
};
template <class A, class B>
concept Divisible = requires(A a, B b) {
  a / b;
};
template <class A, class B>
concept Comparable = requires(A a, B b) {
  a < b;
};

static_assert(!std::is_convertible_v<double, Seconds> && !std::is_convertible_v<Seconds, double>);
static_assert(!std::is_convertible_v<Bytes, Flops> && !std::is_constructible_v<Bytes, Seconds>);
static_assert(Addable<Bytes, Bytes> && !Addable<Bytes, Seconds> && !Addable<Bytes, double>);
static_assert(!Addable<Flops, FlopsPerSecond> && !Comparable<Bytes, Flops> && !Comparable<Seconds, double>);
static_assert(Divisible<Bytes, BytesPerSecond> && !Divisible<Bytes, FlopsPerSecond>);
static_assert(Divisible<Flops, FlopsPerSecond> && !Divisible<BytesPerSecond, Bytes>);
static_assert(!Multipliable<Bytes, Bytes> && !Multipliable<Seconds, Seconds> && !Multipliable<Dollars, Seconds>);
static_assert(std::is_same_v<decltype(Bytes{} / BytesPerSecond{}), Seconds>);
static_assert(std::is_same_v<decltype(Flops{} / Seconds{}), FlopsPerSecond>);
static_assert(std::is_same_v<decltype(DollarsPerHour{} * Seconds{}), Dollars>);
static_assert(std::is_same_v<decltype(Seconds{} / Seconds{}), double>, "a quotient of alike is a plain number");
static_assert(sizeof(Seconds) == sizeof(double) && std::is_trivially_copyable_v<Seconds>);

TEST(Literals, AreDecimalAndBinaryByName) {
  EXPECT_EQ((1_KiB).value(), 1024.0);
  EXPECT_EQ((1_MiB).value(), std::exp2(20));
  EXPECT_EQ((80_GiB).value(), 80.0 * std::exp2(30));
  EXPECT_EQ((80_GB).value(), 8e10);
  EXPECT_EQ((3_B).value(), 3.0);
  EXPECT_EQ(1024_B, 1_KiB);
  EXPECT_EQ(1024_KiB, 1_MiB);
  EXPECT_EQ(1024_MiB, 1_GiB);
  // 1 GiB is 7.37 % more than 1 GB.
  EXPECT_NEAR((1_GiB).value() / (1_GB).value(), 1.0737, 1e-4);
}

TEST(Literals, OfTimesAndRatesAreInBaseUnits) {
  EXPECT_EQ((2_s).value(), 2.0);
  EXPECT_EQ((0.5_s).value(), 0.5);
  EXPECT_DOUBLE_EQ((3_ms).value(), 0.003);
  EXPECT_DOUBLE_EQ((1.5_us).value(), 1.5e-6);
  EXPECT_EQ((450_GBps).value(), 450e9);
  EXPECT_EQ((3.35_GBps).value(), 3.35e9);
  EXPECT_EQ((312_TFLOPs).value(), 312e12);
  EXPECT_EQ((989.4_TFLOPs).value(), 989.4e12);
}

TEST(Quantities, AreMultipliedAsInPhysics) {
  // 134 MB of weights at 3.35 TB/s: 40 us. 2·4096³ FLOP at 312 TFLOP/s: 440.5 us.
  EXPECT_DOUBLE_EQ((Bytes{134e6} / 3350_GBps).value(), 40e-6);
  EXPECT_NEAR((Flops{2.0 * std::pow(4096.0, 3)} / 312_TFLOPs).value(), 440.5e-6, 0.1e-6);
  EXPECT_DOUBLE_EQ((50_GBps * 2_ms).value(), 1e8);
  EXPECT_DOUBLE_EQ((2_ms * 50_GBps).value(), 1e8);
  EXPECT_DOUBLE_EQ((Seconds{3.0} * FlopsPerSecond{2e12}).value(), 6e12);
  EXPECT_DOUBLE_EQ((Bytes{1e9} / 4_s).value(), 2.5e8);
}

TEST(Quantities, PricesAreByTheHour) {
  EXPECT_DOUBLE_EQ((DollarsPerHour{2.0} * Seconds{3600.0}).value(), 2.0);
  EXPECT_DOUBLE_EQ((DollarsPerHour{2.0} * Seconds{900.0}).value(), 0.5);
  // DeepSeek-V3 (arXiv 2412.19437, table 1): 2,664 thousand H800 hours of pre-training at 2 USD are 5.328 M USD.
  EXPECT_DOUBLE_EQ((DollarsPerHour{2.0} * (2664e3 * Seconds{3600.0})).value(), 5.328e6);
}

TEST(Quantities, TheLesserAndTheLargerKeepTheFirstOfEquals) {
  EXPECT_EQ(max(1_s, 2_s), 2_s);
  EXPECT_EQ(min(1_s, 2_s), 1_s);
  // Zeros of both signs are equal: which one is kept shows in the sign.
  EXPECT_FALSE(std::signbit(max(Seconds{0.0}, Seconds{-0.0}).value()));
  EXPECT_TRUE(std::signbit(min(Seconds{-0.0}, Seconds{0.0}).value()));
}

TEST(Quantities, NotANumberEqualsNothingAndIsNeitherLessNorMore) {
  const Seconds nan{std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(nan == nan);
  EXPECT_TRUE(nan != nan);
  EXPECT_FALSE(nan < 1_s);
  EXPECT_FALSE(nan >= 1_s);
}

TEST(Quantities, SumsAndDifferencesChangeInPlace) {
  Bytes sum;
  for (int i = 1; i <= 4; ++i) sum += Bytes{static_cast<double>(i)};
  EXPECT_EQ(sum.value(), 10.0);
  sum -= 4_B;
  sum *= 0.5;
  EXPECT_EQ(sum.value(), 3.0);
  EXPECT_EQ((-sum).value(), -3.0);
  EXPECT_EQ((2.0 * sum / 4.0).value(), 1.5);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(QuantityProperties, ARateTimesTheTimeItTakesIsWhatWasMoved) {
  EXPECT_TRUE(rc::check([] {
    const Bytes bytes{std::exp2(*rc::gen::inRange(0, 60)) * *rc::gen::inRange(1, 1000)};
    const BytesPerSecond rate{1e6 * *rc::gen::inRange(1, 10'000'000)};
    const Bytes back = rate * (bytes / rate);
    RC_ASSERT(std::abs(back / bytes - 1.0) < 4e-16);
  }));
}

TEST(QuantityProperties, OrderIsThatOfTheNumbers) {
  EXPECT_TRUE(rc::check([](int a, int b) {
    const Flops x{static_cast<double>(a)}, y{static_cast<double>(b)};
    RC_ASSERT((x < y) == (a < b));
    RC_ASSERT((x > y) == (a > b));
    RC_ASSERT((x <= y) == (a <= b));
    RC_ASSERT((x >= y) == (a >= b));
    RC_ASSERT((x == y) == (a == b));
    RC_ASSERT((x != y) == (a != b));
    RC_ASSERT(max(x, y).value() == std::max(a, b));
    RC_ASSERT(min(x, y).value() == std::min(a, b));
  }));
}

#endif

}  // namespace
}  // namespace orrery
