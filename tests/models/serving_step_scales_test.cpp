// What constant activation scales save.
#include <string>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/step_scales.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::decodes;
using testing::fitted_timer;
using testing::prompts;
using testing::serving_job;

TEST(AmaxPass, IsAFloorForFewTokensAndARateForMany) {
  hardware::Gpu hopper, blackwell;
  hopper.generation = hardware::load_generation("hopper"),
  blackwell.generation = hardware::load_generation("blackwell");
  // 64 x 4,096 in bf16: 0.52 MB, 0.4 us at 1.33 TB/s; sqrt(7.5^2 + 0.39^2) = 7.51.
  EXPECT_NEAR(amax_time(64, 4096, hopper).value(), 7.51e-6, 0.01e-6);
  // 32,768 x 8,192: 537 MB, 403.7 us; H200 measures 396 us.
  EXPECT_NEAR(amax_time(32768, 8192, hopper).value(), 403.8e-6, 0.1e-6);
  // The same at 3.3 TB/s: 162.7 + 8.6 us.
  EXPECT_NEAR(amax_time(32768, 8192, blackwell).value(), 171.3e-6, 0.1e-6);
  hardware::Gpu ampere;
  ampere.generation = hardware::load_generation("ampere");
  EXPECT_EQ(amax_time(64, 4096, ampere).value(), amax_time(64, 4096, hopper).value());
}

TEST(AmaxPass, NeverTakesMoreThanTheRooflineLeaves) {
  const ServingJob job = serving_job("hgx_h200", "llama-3.1-70b", 8);
  kernels::GemmShape shape;
  shape.dtype = Dtype::fp8, shape.m = 64, shape.n = 1280, shape.k = 8192;
  const Seconds bound = kernels::roofline(shape, job.cluster.groups[0].gpu);
  EXPECT_EQ(without_amax(shape, bound + Seconds{1e-6}, job.cluster.groups[0].gpu).value(), bound.value());
  EXPECT_NEAR(without_amax(shape, Seconds{30e-6}, job.cluster.groups[0].gpu).value(),
              30e-6 - amax_time(64, 8192, job.cluster.groups[0].gpu).value(), 1e-12);
}

class StaticScales : public ::testing::Test {
 protected:
  StaticScales() { job.config.weight_dtype = Dtype::fp8; }

  double milliseconds_of(const StepShape& shape, bool scales) {
    job.config.static_activation_scales = scales;
    StepModel model(job, *timer);
    return testing::milliseconds(model.time(shape, 0));
  }

  std::unique_ptr<kernels::KernelTimer> timer = fitted_timer();
  ServingJob job = serving_job("hgx_h200", "llama-3.1-70b", 4);
};

TEST_F(StaticScales, SaveAPassPerLinearLayer) {
  // 80 layers of four linear layers, each at most the floor of 7.5 us and its 64 rows: up to 2.4 ms.
  const double saved = milliseconds_of(decodes(64, 1000), false) - milliseconds_of(decodes(64, 1000), true);
  EXPECT_GT(saved, 1.2);
  EXPECT_LT(saved, 80 * 4 * 7.6e-3);
  EXPECT_LT(milliseconds_of(prompts(4, 2048), true), milliseconds_of(prompts(4, 2048), false));
}

TEST_F(StaticScales, SayNothingOfOtherWeights) {
  for (const Dtype weights : {Dtype::bf16, Dtype::fp8_block}) {
    job.config.weight_dtype = weights;
    EXPECT_EQ(milliseconds_of(decodes(64, 1000), true), milliseconds_of(decodes(64, 1000), false));
  }
}

TEST_F(StaticScales, AreExplained) {
  job.config.static_activation_scales = true;
  const StepModel model(job, *timer);
  int layers = 0;
  const testing::PricedStep step(model, decodes(64, 1000));
  for (const sim::KernelEntry& entry : step.plan.kernels) {
    const sim::KernelPrice price = step.prices->explain(entry, 0);
    const kernels::Estimate& estimate = price.kernel;
    EXPECT_EQ(price.total(), step.prices->time(entry, 0)) << step.plan.labels[entry.label.index()];
    if (estimate.terms.empty() || estimate.terms.back().name != "static scales") continue;
    ++layers;
    EXPECT_LT(estimate.terms.back().time, Seconds{});
  }
  EXPECT_EQ(layers, 4);
}

}  // namespace
}  // namespace orrery::models
