// What a training step hangs on.
#include <algorithm>

#include <gtest/gtest.h>

#include "models/training/sensitivity.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

TEST(StepSensitivity, IsWhatAKindCostsOnTheCriticalPath) {
  TrainingJob job = gpt_job(2, 4, 1);
  job.cluster = testing::small_cluster(1, 1);
  job.config.global_batch_size = 2;
  const testing::RooflineTimer timer;
  const StepSensitivity one = step_sensitivity(job, timer);
  // One GPU does one thing after another: taking 10 % off a kind takes a tenth of its time off the step.
  double parts = 0.0;
  for (const Sensitivity& kind : one.kinds) {
    const double all = (one.step_time - kind.without).value(), tenth = (one.step_time - kind.faster).value();
    EXPECT_NEAR(tenth, 0.1 * all, 1e-9) << kind.kind;
    parts += all;
  }
  EXPECT_NEAR(parts, one.step_time.value(), 1e-9);
  EXPECT_LE(one.kinds.front().faster, one.kinds.back().faster);
  EXPECT_EQ(one.kinds.front().kind, "memory");  // so small a model moves more than it multiplies
}

TEST(StepSensitivity, WhatIsHiddenCostsNothing) {
  const testing::RooflineTimer timer;
  TrainingJob job = gpt_job(4, 16, 1);
  job.config.tensor_parallel = 1;
  job.config.global_batch_size = 64;
  const StepSensitivity step = step_sensitivity(job, timer);
  const auto buckets = std::find_if(step.kinds.begin(), step.kinds.end(),
                                    [](const Sensitivity& kind) { return kind.kind == "data_parallel all_reduce"; });
  ASSERT_NE(buckets, step.kinds.end());
  const double own = predict(job, timer).communication.value();
  EXPECT_GT(own, 0.0);
  // All buckets but the last ones run beside the backward pass.
  EXPECT_LT((step.step_time - buckets->without).value(), own);
  EXPECT_LE(step.kinds.front().faster, step.kinds.back().faster);
}

TEST(StepSensitivity, FasterWorkNeverMakesAStepLonger) {
  const testing::RooflineTimer timer;
  for (const int tensor : {1, 2}) {
    for (const int stages : {1, 2}) {
      TrainingJob job = gpt_job(4, 8, 1);
      job.config.tensor_parallel = tensor;
      job.config.pipeline_parallel = stages;
      job.config.global_batch_size = 16;
      ASSERT_TRUE(check(job).empty());
      const StepSensitivity step = step_sensitivity(job, timer);
      TrainingOptions alone;
      alone.shares_links = false;
      EXPECT_DOUBLE_EQ(step.step_time.value(), predict(job, timer, alone).step_time.value());
      for (const Sensitivity& kind : step.kinds) {
        EXPECT_LE(kind.faster, step.step_time) << kind.kind;
        EXPECT_LE(kind.without, kind.faster) << kind.kind;
        EXPECT_GE(kind.without.value(), 0.0) << kind.kind;
      }
    }
  }
}

TEST(StepSensitivity, NamesTheKindsThatTheJobHas) {
  const testing::RooflineTimer timer;
  const auto kinds = [&](int tensor, int stages) {
    TrainingJob job = gpt_job(4, 8, 1);
    job.config.tensor_parallel = tensor;
    job.config.pipeline_parallel = stages;
    std::vector<std::string> names;
    for (const Sensitivity& kind : step_sensitivity(job, timer).kinds) names.push_back(kind.kind);
    std::sort(names.begin(), names.end());
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(kinds(8, 1), (Names{"data_parallel all_reduce", "gemm", "memory", "tensor_parallel all_reduce"}))
      << "the gradient norm is reduced over all";
  EXPECT_EQ(kinds(1, 4), (Names{"data_parallel all_reduce", "gemm", "memory", "pipeline transfer"}));
}

}  // namespace
}  // namespace orrery::models
