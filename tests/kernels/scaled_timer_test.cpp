#include "kernels/table/scaled_timer.hpp"

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

TEST(ScaledTimer, ChangesTheKernelsOfOneFit) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = timers().back().make();
  const auto slower = scaled_timer(*timer, {"gemm/trtllm/bf16", "", 1.25});
  GemmShape shape;
  shape.m = 512, shape.n = shape.k = 4096;
  ASSERT_EQ(fit_key(shape, gpu), "gemm/trtllm/bf16");
  EXPECT_EQ(slower->time(shape, gpu), 1.25 * timer->time(shape, gpu));
  EXPECT_EQ(slower->bind(gpu)->time(shape), slower->time(shape, gpu));
  const Estimate estimate = slower->explain(shape, gpu);
  EXPECT_EQ(estimate.time, slower->time(shape, gpu));
  EXPECT_EQ(estimate.terms.back().name, "quantile");
  shape.dtype = Dtype::fp8;
  EXPECT_EQ(slower->time(shape, gpu), timer->time(shape, gpu));
  EXPECT_EQ(slower->explain(shape, gpu).terms.size(), timer->explain(shape, gpu).terms.size());
}

TEST(ScaledTimer, ChangesAFamilyWithoutAFit) {
  const hardware::Gpu gpu = tests::round_gpu();
  const auto timer = timers().back().make();
  const auto slower = scaled_timer(*timer, {"", "gemm", 2.0});
  GemmShape shape;
  shape.m = 512, shape.n = shape.k = 4096;
  MemoryShape copy;
  copy.op = MemoryOp::copy, copy.elements = 1000, copy.read = copy.written = Bytes{2000.0};
  EXPECT_EQ(slower->time(shape, gpu), 2.0 * timer->time(shape, gpu));
  EXPECT_EQ(slower->time(copy, gpu), timer->time(copy, gpu));
  EXPECT_EQ(scaled_timer(*timer, {"", "memory.copy", 2.0})->time(copy, gpu), 2.0 * timer->time(copy, gpu));
}

TEST(ScaledTimer, TakesBackwardPassesForUnmeasured) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = timers().back().make();
  AttentionPrefillShape shape;
  shape.batch = 1, shape.q_len = shape.kv_len = 4096, shape.q_heads = shape.kv_heads = 32, shape.head_dim = 128;
  const std::string key = fit_key(shape, gpu);
  shape.pass = Pass::backward;
  ASSERT_EQ(fit_key(shape, gpu), key);
  EXPECT_EQ(scaled_timer(*timer, {key, "", 2.0})->time(shape, gpu), timer->time(shape, gpu));
  EXPECT_EQ(scaled_timer(*timer, {"", "attention_prefill", 2.0})->time(shape, gpu), 2.0 * timer->time(shape, gpu));
}

TEST(FitBand, IsOfRowsThatTheFitNeverSaw) {
  hardware::Fit fit;
  EXPECT_FALSE(fit.band().has_value());
  fit.residuals = {{"seen", 500, 0.01, 0.05, 0.96, 1.04}};
  EXPECT_FALSE(fit.band().has_value());
  fit.residuals.push_back({"unseen_point", 100, 0.02, 0.06, 0.95, 1.06});
  EXPECT_EQ(fit.band()->of, "unseen_point");
  fit.residuals.push_back({"unseen_family", 19, 0.5, 0.9, 0.5, 2.0});
  EXPECT_EQ(fit.band()->of, "unseen_point") << "nineteen rows have no twentieth";
  fit.residuals.back().rows = 20;
  EXPECT_EQ(fit.band()->of, "unseen_family");
  EXPECT_EQ(fit.band()->low, 0.5);
  EXPECT_EQ(fit.band()->high, 2.0);
  // A fit that leans holds its prediction all the same; one without percentiles takes its p95 both ways.
  fit.residuals = {{"unseen_family", 50, 0.02, 0.06, 1.01, 1.08}};
  EXPECT_EQ(fit.band()->low, 1.0);
  fit.residuals = {{"transfer", 50, 0.1, 0.25}};
  EXPECT_EQ(fit.band()->low, 0.8);
  EXPECT_EQ(fit.band()->high, 1.25);
}

}  // namespace
}  // namespace orrery::kernels
