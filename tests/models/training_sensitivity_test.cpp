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

}  // namespace
}  // namespace orrery::models
