#include "kernels/table/sustained.hpp"

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

hardware::SustainedClock half_more() {
  hardware::SustainedClock clock;
  clock.slowdown = 1.5;
  clock.onset = Seconds{100e-6};
  clock.source = "made up";
  return clock;
}

TEST(Sustained, SlowsLongDenseKernels) {
  const auto us = [](double time, double compute) {
    return sustained(half_more(), Seconds{time * 1e-6}, Seconds{compute * 1e-6}).value() * 1e6;
  };
  EXPECT_NEAR(us(100, 50), 100 * 1.25, 1e-9) << "as long as the onset: half of it";
  EXPECT_NEAR(us(100, 100), 100 * 1.25, 1e-9) << "dense is dense";
  EXPECT_NEAR(us(100, 25), 100 * 1.125, 1e-9) << "half as dense";
  EXPECT_NEAR(us(900, 900), 900 * 1.45, 1e-9);
  EXPECT_NEAR(us(1e6, 1e6), 1.5e6, 100) << "without end all of it";
  EXPECT_DOUBLE_EQ(us(100, 0), 100) << "what only moves bytes keeps its clock";
  EXPECT_EQ(us(0, 0), 0);
}

TEST(Sustained, NeverMakesALongerKernelShorter) {
  double before = 0.0;
  for (double time = 1.0; time < 1e5; time *= 1.1) {
    const double now = sustained(half_more(), Seconds{time * 1e-6}, Seconds{20e-6}).value();
    EXPECT_GT(now, before) << time;
    before = now;
  }
}

TEST(Sustained, IsOfTheBoardOrOfWhoLentItsFit) {
  hardware::Gpu gpu = tests::round_gpu();
  hardware::Fit own, lent;
  lent.of = "another";
  EXPECT_EQ(clock_of(nullptr, gpu), nullptr);
  EXPECT_EQ(clock_of(&lent, gpu), nullptr);
  gpu.lent_clock.slowdown = 1.1;
  EXPECT_EQ(clock_of(&own, gpu), nullptr) << "measured on this board, at its own clock";
  EXPECT_EQ(clock_of(&lent, gpu), &gpu.lent_clock);
  gpu.clock.slowdown = 1.3;
  EXPECT_EQ(clock_of(nullptr, gpu), &gpu.clock);
  EXPECT_EQ(clock_of(&own, gpu), &gpu.clock);
  EXPECT_EQ(clock_of(&lent, gpu), &gpu.clock) << "the slower of both";
}

TEST(Sustained, IsATermOfTheEstimate) {
  hardware::Gpu gpu = hardware::load_gpu("b200_sxm");
  GemmShape shape;
  shape.m = shape.n = shape.k = 8192;
  const auto timer = timers().back().make();
  const Seconds burst = timer->time(shape, gpu);
  const hardware::SustainedClock* capped = gpu.find_state("capped");
  ASSERT_NE(capped, nullptr);
  gpu.clock = *capped;
  const Seconds long_run = timer->time(shape, gpu);
  EXPECT_GT(long_run, 1.25 * burst);
  EXPECT_LT(long_run, 1.40 * burst);
  EXPECT_EQ(timer->bind(gpu)->time(shape), long_run);
  const Estimate estimate = timer->explain(shape, gpu);
  EXPECT_EQ(estimate.time, long_run);
  ASSERT_EQ(estimate.terms.back().name, "sustained clock");
  EXPECT_NEAR(estimate.terms.back().time.value(), (long_run - burst).value(), 1e-15);
  EXPECT_NE(estimate.terms.back().source.find("SimuMax"), std::string::npos);
}

TEST(ClockAtPower, IsTheFifthRootOfWhatIsMissing) {
  EXPECT_EQ(hardware::clock_at_power(Watts{300}, Watts{400}).slowdown, 1.0);
  EXPECT_EQ(hardware::clock_at_power(Watts{300}, Watts{0}).slowdown, 1.0) << "a board whose power nobody says";
  EXPECT_NEAR(hardware::clock_at_power(Watts{400}, Watts{300}).slowdown, 1.0592, 1e-4);
  // A PCIe board has its sister's fits and less power; H20 has so few multipliers that its power is enough.
  EXPECT_NEAR(hardware::load_gpu("a100_pcie").lent_clock.slowdown, 1.0592, 1e-4);
  EXPECT_EQ(hardware::load_gpu("h20_sxm").lent_clock.slowdown, 1.0);
  EXPECT_EQ(hardware::load_gpu("a100_sxm").lent_clock.slowdown, 1.0);
}

}  // namespace
}  // namespace orrery::kernels
