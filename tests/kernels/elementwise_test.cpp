#include "kernels/elementwise/elementwise.hpp"

#include <algorithm>

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

TEST(MemoryTime, GoesByWhatBreaksUpTheStream) {
  // Casts and copies stream; reductions across a row wait; gathers break up the bursts; atomics serialise.
  const auto gpu = tests::hopper_gpu();
  const auto us = [&](MemoryOp op) { return fitted(shape_of(op, 1e9), gpu).value(); };
  for (const MemoryOp streams : {MemoryOp::activation, MemoryOp::copy, MemoryOp::memset}) {
    EXPECT_EQ(us(streams), us(MemoryOp::elementwise)) << name(streams);
  }
  for (const MemoryOp row : {MemoryOp::norm, MemoryOp::softmax, MemoryOp::cross_entropy}) {
    EXPECT_GT(us(row), us(MemoryOp::elementwise)) << name(row);
    EXPECT_LT(us(row), us(MemoryOp::embedding)) << name(row);
  }
  EXPECT_GT(us(MemoryOp::permute), us(MemoryOp::embedding)) << "gathers and scatters";
  EXPECT_GT(us(MemoryOp::router), 1.5 * us(MemoryOp::permute));
  EXPECT_GT(us(MemoryOp::embedding_grad), us(MemoryOp::router)) << "atomics";
  for (const MemoryOp optimizer : {MemoryOp::adam, MemoryOp::grad_norm, MemoryOp::dropout_add}) {
    EXPECT_GT(us(optimizer), us(MemoryOp::copy)) << name(optimizer);
    EXPECT_LT(us(optimizer), us(MemoryOp::norm)) << name(optimizer);
  }
}

TEST(MemoryTime, OfWarmInputsIsThatOfL2AsFarAsItHolds) {
  // 10 MB of L2: up to 6 MB are found there at 0.45 of 10 TB/s, of 9.5 MB (0.6 + 0.35) nothing; in between a part.
  MemoryShape shape = shape_of(MemoryOp::copy, 4.5e6);
  shape.inputs = CacheState::warm;
  EXPECT_NEAR(fitted(shape, tests::round_gpu()).value() * 1e6, 1.4 + 1.0, 1e-9);
  shape = shape_of(MemoryOp::copy, 8.8e6);  // missed: (0.88 - 0.6) / 0.35 = 0.8
  const Seconds cold = fitted(shape, tests::round_gpu());
  EXPECT_NEAR(cold.value() * 1e6, 1.4 + 10.0, 1e-9);
  shape.inputs = CacheState::warm;
  EXPECT_NEAR(fitted(shape, tests::round_gpu()).value() * 1e6, 1.4 + 0.8 * 10.0 + 0.2 * 8.8e6 / 4.5e6, 1e-9);
  shape = shape_of(MemoryOp::copy, 1e9);
  const Seconds large = fitted(shape, tests::round_gpu());
  shape.inputs = CacheState::warm;
  EXPECT_EQ(fitted(shape, tests::round_gpu()), large);
  hardware::Gpu none = tests::round_gpu();
  none.l2_size = Bytes{0.0};
  EXPECT_NEAR(fitted(shape_of(MemoryOp::copy, 1e6), none).value() * 1e6, 1.4 + 1e6 / 0.88e6, 1e-9);
}

TEST(MemoryTime, OfRowsIsThatOfABlockToo) {
  // 100 SMs, 1,000 rows of 100 kB: 2 us of one row at 50 GB/s, and 10 rows an SM of 30 ns.
  const FittedModel& model = find_family("memory")->model;
  std::vector<double> values = model.defaults(tests::round_gpu());
  const auto place = [&](std::string_view name) {
    return static_cast<std::size_t>(std::find(model.names.begin(), model.names.end(), name) - model.names.begin());
  };
  values.at(place("row_gbps")) = 50.0, values.at(place("row_ns")) = 30.0;
  MemoryShape shape = shape_of(MemoryOp::copy, 1e8);
  const Seconds stream = model.time(shape, tests::round_gpu(), values);
  shape.rows = 1000;
  EXPECT_NEAR((model.time(shape, tests::round_gpu(), values) - stream).value() * 1e6, 2.0 + 0.3, 1e-9);
  EXPECT_EQ(check(shape), "");
  shape.rows = -1;
  EXPECT_EQ(check(shape), "copy needs rows >= 0, has -1");
}

TEST(MemoryTime, OfTheLargestValueIsThatOfSeveralPasses) {
  const auto gpu = tests::round_gpu();
  EXPECT_NEAR(fitted(shape_of(MemoryOp::amax, 0.0), gpu).value() * 1e6, 5.0 * 1.4, 1e-9);
  EXPECT_NEAR(fitted(shape_of(MemoryOp::quantize, 1e9), gpu).value(),
              fitted(shape_of(MemoryOp::elementwise, 1e9), gpu).value(), 1e-12);
}

TEST(MemoryFit, OfOneOperatorPricesNoOther) {
  hardware::Gpu gpu = tests::round_gpu();
  hardware::Fit fit;
  fit.key = "memory/vllm/norm";
  const std::vector<double> values = find_family("memory")->model.defaults(gpu);
  for (std::size_t i = 0; i < values.size(); ++i) {
    fit.coefficients.emplace_back(std::string(find_family("memory")->model.names[i]), i == 0 ? 3.0 : values[i]);
  }
  gpu.fits.push_back(fit);
  EXPECT_EQ(fit_key(shape_of(MemoryOp::norm, 1e6), gpu), "memory/vllm/norm");
  EXPECT_EQ(fit_key(shape_of(MemoryOp::activation, 1e6), gpu), "");
  EXPECT_EQ(fit_key(shape_of(MemoryOp::adam, 1e6), gpu), "");
  EXPECT_NEAR(fitted(shape_of(MemoryOp::norm, 0.0), gpu).value() * 1e6, 3.0, 1e-9);
  EXPECT_NEAR(fitted(shape_of(MemoryOp::activation, 0.0), gpu).value() * 1e6, 1.4, 1e-9);
}

TEST(MemoryCheck, SaysWhatIsWrong) {
  const auto complaint = [](auto change) {
    MemoryShape shape = shape_of(MemoryOp::adam, 400.0);
    change(shape);
    return check(shape);
  };
  EXPECT_EQ(complaint([](MemoryShape&) {}), "");
  EXPECT_EQ(complaint([](MemoryShape& s) { s.elements = -3; }), "adam needs elements >= 0, has -3");
  EXPECT_EQ(complaint([](MemoryShape& s) { s.written = Bytes{-1.0}; }),
            "adam needs bytes >= 0, reads 200 and writes -1");
  EXPECT_EQ(complaint([](MemoryShape& s) { s.flops_per_element = -1.0; }), "adam needs flops per element >= 0");
  EXPECT_EQ(complaint([](MemoryShape& s) { s.elements = 0, s.read = s.written = Bytes{0.0}; }), "");
}

TEST(HostCopyWork, IsWrittenTowardsTheDeviceAndReadFromIt) {
  const Work to = work(HostCopyShape{Bytes{100.0}, true, true}), from = work(HostCopyShape{Bytes{100.0}, false, true});
  EXPECT_EQ(to.written, Bytes{100.0});
  EXPECT_EQ(to.read, Bytes{0.0});
  EXPECT_EQ(from.read, Bytes{100.0});
  EXPECT_EQ(from.written, Bytes{0.0});
  EXPECT_EQ(to.flops, Flops{0.0});
  EXPECT_EQ(check(HostCopyShape{Bytes{-5.0}, true, true}), "host copy needs bytes >= 0, has -5");
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
