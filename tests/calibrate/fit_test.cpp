#include "calibrate/fit.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "tests/kernels/toy_gpu.hpp"

namespace orrery::calibrate {
namespace {

using kernels::FittedModel;
using kernels::Kernel;
using kernels::MemoryShape;

// t = a + bytes / (e·1 TB/s): two coefficients, known by construction.
FittedModel line_model() {
  FittedModel model;
  model.names = {"floor_us", "e_memory"};
  model.time = [](const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
    return Seconds{c[0] * 1e-6} + kernels::work(kernel).bytes() / (c[1] * gpu.memory_bandwidth);
  };
  model.defaults = [](const hardware::Gpu&) { return std::vector<double>{1.0, 0.5}; };
  model.bounds = {{0.1, 50.0}, {0.1, 1.0}};
  return model;
}

std::vector<Kernel> shapes() {
  std::vector<Kernel> kernels;
  for (double bytes = 1e3; bytes < 1e10; bytes *= 1.1) {
    MemoryShape shape;
    shape.read = Bytes{bytes};
    kernels.emplace_back(shape);
  }
  return kernels;
}

std::vector<Observation> observe(const std::vector<Kernel>& kernels, const FittedModel& model,
                                 const std::vector<double>& truth, const hardware::Gpu& gpu) {
  std::vector<Observation> rows;
  for (const Kernel& kernel : kernels) rows.push_back({&kernel, model.time(kernel, gpu, truth)});
  return rows;
}

TEST(Fit, RecoversKnownCoefficients) {
  const auto gpu = tests::round_gpu();
  const auto kernels = shapes();
  const auto found = fit_coefficients(line_model(), observe(kernels, line_model(), {7.0, 0.8}, gpu), gpu);
  EXPECT_NEAR(found[0], 7.0, 1e-3);
  EXPECT_NEAR(found[1], 0.8, 1e-4);
}

TEST(Fit, IsNotBentByAFewWildRows) {
  const auto gpu = tests::round_gpu();
  const auto kernels = shapes();
  auto rows = observe(kernels, line_model(), {7.0, 0.8}, gpu);
  std::mt19937_64 random(7);
  std::normal_distribution<double> noise(0.0, 0.01);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].measured *= std::exp(noise(random));
    if (i % 10 == 3) rows[i].measured *= 4.0;  // a tenth at four times the time
  }
  const auto found = fit_coefficients(line_model(), rows, gpu);
  EXPECT_NEAR(found[0], 7.0, 0.15);
  EXPECT_NEAR(found[1], 0.8, 0.02);
}

TEST(Fit, StaysInsideItsBounds) {
  const auto gpu = tests::round_gpu();
  const auto kernels = shapes();
  auto rows = observe(kernels, line_model(), {7.0, 0.8}, gpu);
  for (Observation& row : rows) row.measured *= 0.1;  // as if the memory were eight times as fast
  const auto found = fit_coefficients(line_model(), rows, gpu);
  EXPECT_LE(found[1], 1.0);
  EXPECT_GT(found[1], 0.99);
}

TEST(Fit, LeavesCoefficientsThatNoRowFeels) {
  const auto gpu = tests::round_gpu();
  FittedModel model = line_model();
  model.names.push_back("idle");
  model.bounds.emplace_back(1.0, 9.0);
  model.defaults = [](const hardware::Gpu&) { return std::vector<double>{1.0, 0.5, 3.0}; };
  const auto kernels = shapes();
  const auto found = fit_coefficients(model, observe(kernels, model, {7.0, 0.8, 3.0}, gpu), gpu);
  EXPECT_NEAR(found[2], 3.0, 1e-6);
  EXPECT_NEAR(found[1], 0.8, 1e-3);
}

TEST(Fit, GivesTheSameNumbersTwice) {
  const auto gpu = tests::round_gpu();
  const auto kernels = shapes();
  const auto rows = observe(kernels, line_model(), {3.0, 0.6}, gpu);
  EXPECT_EQ(fit_coefficients(line_model(), rows, gpu), fit_coefficients(line_model(), rows, gpu));
}

TEST(Fit, RecoversTheGemmModelFromItsOwnTimes) {
  const auto gpu = tests::hopper_gpu();
  const FittedModel& model = kernels::families()[0].model;
  std::vector<double> truth = model.defaults(gpu);
  truth[0] = 4.0, truth[1] = 0.8, truth[2] = 0.7;  // floor, compute, memory
  std::vector<Kernel> kernels;
  for (std::int64_t m = 1; m <= 16384; m *= 4) {
    for (std::int64_t n = 256; n <= 16384; n *= 2) {
      for (std::int64_t k = 256; k <= 16384; k *= 2) {
        kernels::GemmShape shape;
        shape.m = m, shape.n = n, shape.k = k;
        kernels.emplace_back(shape);
      }
    }
  }
  const auto rows = observe(kernels, model, truth, gpu);
  const auto found = fit_coefficients(model, rows, gpu);
  double worst = 0.0;
  for (const Observation& row : rows) {
    worst = std::max(worst, std::abs(model.time(*row.kernel, gpu, found) / row.measured - 1.0));
  }
  EXPECT_LT(worst, 0.05);
  EXPECT_NEAR(found[2], 0.7, 0.03);
}

}  // namespace
}  // namespace orrery::calibrate
