#include "kernels/elementwise/elementwise.hpp"

#include <gtest/gtest.h>

#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

MemoryShape shape_of(MemoryOp op, double bytes) {
  MemoryShape shape;
  shape.op = op;
  shape.elements = static_cast<std::int64_t>(bytes / 4.0);
  shape.read = Bytes{bytes / 2.0}, shape.written = Bytes{bytes / 2.0};
  return shape;
}

Seconds fitted(const Kernel& kernel, const hardware::Gpu& gpu) { return timers()[1].make()->time(kernel, gpu); }

TEST(MemoryWork, IsWhatTheShapeSays) {
  MemoryShape shape = shape_of(MemoryOp::adam, 400.0);
  shape.flops_per_element = 10.0;
  const Work need = work(shape);
  EXPECT_EQ(need.flops.value(), 1000.0);
  EXPECT_EQ(need.read.value(), 200.0);
  EXPECT_EQ(need.written.value(), 200.0);
}

TEST(MemoryTime, StreamsAtItsEfficiency) {
  // 1 GB at 0.88 of 1 TB/s = 1136.4 us, plus 1.4 us.
  EXPECT_NEAR(fitted(shape_of(MemoryOp::copy, 1e9), tests::round_gpu()).value() * 1e6, 1137.76, 0.01);
}

TEST(MemoryTime, EmptyKernelsCostTheFloor) {
  EXPECT_NEAR(fitted(shape_of(MemoryOp::norm, 0.0), tests::round_gpu()).value() * 1e6, 1.4, 1e-9);
}

TEST(MemoryTime, ScattersAreSlowerThanCasts) {
  const auto gpu = tests::hopper_gpu();
  EXPECT_GT(fitted(shape_of(MemoryOp::embedding_grad, 1e9), gpu),
            1.5 * fitted(shape_of(MemoryOp::elementwise, 1e9), gpu));
}

TEST(MemoryTime, ManyFlopsPerElementBoundIt) {
  MemoryShape shape = shape_of(MemoryOp::elementwise, 4e8);  // 1e8 elements
  shape.flops_per_element = 1000.0;                          // 1e11 / (0.5·1e13) = 20 ms
  EXPECT_NEAR(fitted(shape, tests::round_gpu()).value(), 20e-3, 1e-5);
}

TEST(HostCopyTime, AddsTheLatencyAndPageableIsSlower) {
  // 50 MB over 0.87·50 GB/s = 1149.4 us + 2 us.
  const auto gpu = tests::round_gpu();
  const double pinned = fitted(HostCopyShape{Bytes{50e6}, true, true}, gpu).value();
  EXPECT_NEAR(pinned * 1e6, 1151.43, 0.01);
  EXPECT_GT(fitted(HostCopyShape{Bytes{50e6}, true, false}, gpu).value(), 2.0 * pinned);
}

}  // namespace
}  // namespace orrery::kernels
